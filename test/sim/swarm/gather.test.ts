import { describe, expect, it } from 'vitest'
import { INVARIANTS } from '../../../sim/checkers/about.ts'
import { CHECKERS } from '../../../sim/checkers/index.ts'
import type { Tally } from '../../../sim/swarm/driver.ts'
import { SwarmGathered } from '../../../sim/swarm/gather.ts'
import type { Outcome } from '../../../sim/swarm/outcome.ts'

const BROKEN = { invariant: 'I7', what: 'lent twice', atMs: 12 }

function outcome(seed: number, events: number, violations: Outcome['violations'] = []): Outcome {
  const profile = seed % 2 === 0 ? 'swarm' : 'uniform'
  return { seed, case: `seed=${seed}`, profile, hash: '', events, violations, reached: [], came: [] as never, last: [] }
}

function reportOf(gathered: SwarmGathered, done: number, failed: number) {
  const tally: Tally = {
    ...{ done, failed, events: 1, same: 0, sameElsewhere: 0, otherElsewhere: 0 },
    reached: new Map([['b', 2]]).set('a', 1),
  }
  return gathered.report({ command: 'x', runtime: 'y', firstSeed: 1, tally, wallMs: 5, isMarked: false })
}

describe('what a page about seeds is made of', () => {
  it('has a row for each profile and each invariant, and the failures with their commands', () => {
    const gathered = new SwarmGathered()
    gathered.done(outcome(1, 400), 100)
    gathered.done(outcome(2, 700, [BROKEN, BROKEN]), 1_200)
    gathered.failed(outcome(2, 700, [BROKEN, BROKEN]))
    const report = reportOf(gathered, 2, 1)
    expect(report).toMatchObject({ passed: 1, failed: 1, missed: [], firstSeed: 1 })
    expect(report.profiles).toEqual([
      { name: 'swarm', seeds: 1, failed: 1, events: 700 },
      { name: 'uniform', seeds: 1, failed: 0, events: 400 },
    ])
    expect(report.reached.map(({ what }) => what)).toEqual(['a', 'b'])
    expect(report.invariants.filter(({ broken }) => broken > 0)).toEqual([
      { name: 'I7', about: INVARIANTS.I7, broken: 1 },
    ])
    expect(report.failures).toEqual([
      { seed: 2, profile: 'swarm', ...BROKEN, command: 'palisade sim run --seed 2 --trace' },
    ])
    expect(report.pace).toEqual({ binMs: 1_000, done: [1, 1] })
    expect(report.lengths).toEqual({ from: 0, width: 500, counts: [1, 1] })
  })

  it('keeps its plots to as many bars as they can show, and loses none of what it counted', () => {
    const gathered = new SwarmGathered()
    for (let seed = 0; seed < 2_000; seed++) gathered.done(outcome(seed, seed * 200), seed * 997)
    const { pace, lengths } = reportOf(gathered, 2_000, 0)
    for (const bars of [pace.done, lengths.counts]) {
      expect(bars.length).toBeLessThanOrEqual(60)
      expect(bars.reduce((sum, each) => sum + each, 0)).toBe(2_000)
    }
  })

  it('says of every invariant that is checked what it is', () => {
    expect(Object.keys(INVARIANTS).sort()).toEqual([...Object.keys(CHECKERS), 'I13', 'run'].sort())
  })
})
