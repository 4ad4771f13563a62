import { describe, expect, it } from 'vitest'
import { baseOfCommit, seedOfHex } from '../../../sim/swarm/base.ts'
import { failureText, shrunkText } from '../../../sim/swarm/failure.ts'
import { MARKS, marksTable, missed } from '../../../sim/swarm/marks.ts'
import type { Outcome } from '../../../sim/swarm/outcome.ts'

describe('the seed of a commit', () => {
  it('is the number that its first seven digits write', () => {
    expect(seedOfHex('0000001fffff')).toBe(1)
    expect(seedOfHex('fffffff00000')).toBe(2 ** 28 - 1)
  })

  it('is the same again, says where it is from, and leaves room for seeds behind it', () => {
    const base = baseOfCommit()
    expect(base.from).toMatch(/^(commit [0-9a-f]{7}|version \d+\.\d+\.\d+)$/)
    expect(baseOfCommit()).toEqual(base)
    expect(base.seed).toBeLessThan(2 ** 28)
    if (base.from.startsWith('commit')) expect(base.seed).toBe(Number.parseInt(base.from.slice(7), 16))
  })
})

describe('what tells of a failure', () => {
  const outcome: Outcome = {
    ...{ seed: 4, case: 'seed=4', profile: 'uniform', hash: 'h', events: 9, reached: [] },
    ...{ came: { talks: 1, probes: 1 }, last: ['5 ms event accepted', '6 ms c1 data 3'] },
    violations: [{ invariant: 'I1', what: 'a DC got nonsense', atMs: 7 }],
  }
  it('is seed, profile, invariant, what happened before, and the command that shows it again', () => {
    expect(failureText(outcome).split('\n')).toEqual([
      'seed 4 (uniform): I1 after 7 ms: a DC got nonsense',
      '  what happened before the first:',
      '    5 ms event accepted',
      '    6 ms c1 data 3',
      '  to see it again: palisade sim run --seed 4 --trace',
    ])
    expect(
      failureText({ ...outcome, case: 'seed=4,talks=3' }, false)
        .split('\n')
        .slice(1),
    ).toEqual(['  to see it again: palisade sim run --case seed=4,talks=3 --trace'])
  })
  it('says how many violations it leaves out', () => {
    const many = Array.from({ length: 5 }, () => outcome.violations[0])
    expect(failureText({ ...outcome, violations: many })).toContain('\n  and 2 more\n')
  })
  it('has the line for the corpus once it is shrunk', () => {
    const text = shrunkText({
      case: { seed: 4, talks: [3], probes: [] },
      ...{ violation: outcome.violations[0], tries: 9, isMinimal: true },
    })
    expect(text).toContain('palisade sim run --case seed=4,talks=3,probes=none --trace')
    const line = text.split('\n').at(-1)!
    expect(JSON.parse(line)).toEqual({
      case: 'seed=4,talks=3,probes=none',
      invariant: 'I1',
      story: 'a DC got nonsense',
    })
  })
})

describe('marks', () => {
  it('are known, and those are missed that were never reached', () => {
    expect(missed(new Map())).toEqual(MARKS)
    expect(MARKS).toContain('closed eof')
    expect(missed(new Map([['closed eof', 1]]))).not.toContain('closed eof')
    expect(new Set(MARKS).size).toBe(MARKS.length)
  })
  it('stand in a table that is read downwards, with those that were never reached', () => {
    const reached = new Map(MARKS.map((mark, at) => [mark, at + 1]))
    reached.delete('closed eof')
    const lines = marksTable(reached.set('zebra', 12_345)).split('\n')
    expect(lines).toHaveLength(Math.ceil((MARKS.length + 1) / 3))
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(120)
    expect(lines.join('\n')).toContain('NEVER closed eof')
    expect(lines.some((line) => line.endsWith('12345 zebra'))).toBe(true)
  })
})
