import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { FAULTS } from '../../../sim/scenarios/options.ts'
import { caseText, readCase, readCaseObject, type Case } from '../../../sim/swarm/case.ts'
import { runCase } from '../../../sim/swarm/outcome.ts'
import { PLAIN, type Plain } from '../../../sim/swarm/restrict.ts'

const PLAINS = Object.keys(PLAIN) as Plain[]
const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 200 }), { maxLength: 12 })
const restriction = {
  faults: fc.subarray([...FAULTS]),
  talks: numbers,
  probes: numbers,
  secrets: fc.integer({ min: 1, max: 5 }),
  plain: fc.subarray(PLAINS),
  safetyMs: fc.integer({ min: 1_000, max: 30_000 }),
  untilMs: fc.integer({ min: 1, max: 60_000 }),
}
const arbCase: fc.Arbitrary<Case> = fc.record(
  { seed: fc.nat(2 ** 32 - 1), strangers: fc.nat(1000), ...restriction },
  { requiredKeys: ['seed'] },
)

describe('the text of a case', () => {
  test.prop([arbCase])('reads back as the case, and so does its JSON', (one) => {
    expect(readCase(caseText(one))).toEqual(one)
    expect(readCaseObject(JSON.parse(JSON.stringify(one)))).toEqual(one)
  })

  test.prop([arbCase])('is one word for a shell', (one) => {
    expect(caseText(one)).toMatch(/^[\w=,+-]+$/)
  })

  it.each([
    ['', /expected parts such as seed=/],
    ['talks=3', /expected a seed/],
    ['seed=1,sed=2', /got "sed=2"/],
    ['seed=1,seed=2', /seed stands there twice/],
    ['seed=-1', /seed: expected a whole number from 0/],
    ['seed=4294967296', /seed: expected/],
    ['seed=1e3', /seed: expected/],
    ['seed=1,talks=0', /talks: expected none, or numbers/],
    ['seed=1,talks=3+3', /talks: expected/],
    ['seed=1,talks=', /talks: expected/],
    ['seed=1,faults=floods', /faults: expected none, or some of stalls\+/],
    ['seed=1,plain=toString', /plain: expected/],
    ['seed=1,untilMs=0', /untilMs: expected/],
    ['seed=1=2', /expected parts/],
  ])('%j is refused with a line that says why', (text, why) => {
    const read = readCase(text)
    expect('problem' in read && read.problem).toMatch(why)
  })

  it.each([[null], [[]], [42], ['seed=42'], [{ seed: '1,talks=2' }], [{ seed: { a: 1 } }], [{ talks: [1] }], [{}]])(
    '%j in a file is no case, or what its text says',
    (found) => {
      const read = readCaseObject(found)
      expect('problem' in read || read.seed === 1).toBe(true)
    },
  )
})

describe('a restricted case', () => {
  test.prop([fc.integer({ min: 1, max: 60 }), fc.record(restriction, { requiredKeys: [] })], { numRuns: 25 })(
    'holds every invariant, as the whole seed does',
    (seed, only) => {
      expect(runCase({ seed, ...only }).violations).toEqual([])
    },
  )

  it('leaves everybody else who they would be: the same clients come with the same words', () => {
    const talksOf = (one: Case) => {
      const seen: string[] = []
      const onTrace = (_atMs: number, what: string) => {
        const talk = /^seen speaks talk (\d+) from/.exec(what)?.[1]
        if (talk !== undefined && !seen.includes(talk)) seen.push(talk)
      }
      const { came, violations } = runCase(one, { onTrace })
      expect(violations).toEqual([])
      return { came, talks: seen.map(Number).sort((a, b) => a - b) }
    }
    const whole = talksOf({ seed: 5, plain: ['guard', 'access'] })
    expect(whole.talks.length).toBeGreaterThan(3)
    const kept = whole.talks.filter((_, at) => at % 2 === 0)
    const rest = talksOf({ seed: 5, plain: ['guard', 'access'], talks: kept, probes: [], faults: [] })
    expect(rest.talks).toEqual(kept)
    expect(rest.came.talks).toBe(whole.came.talks)
  })

  it('ends where it says', () => {
    let last = 0
    runCase({ seed: 5, untilMs: 4_000 }, { onTrace: (atMs) => (last = atMs) })
    expect(last).toBeGreaterThan(1_000)
    expect(last).toBeLessThanOrEqual(4_000)
  })
})
