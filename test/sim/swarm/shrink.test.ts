import { createHash } from 'node:crypto'
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { FAULTS } from '../../../sim/scenarios/options.ts'
import { caseText, type Case } from '../../../sim/swarm/case.ts'
import { runCase } from '../../../sim/swarm/outcome.ts'
import { PLAIN, type Plain } from '../../../sim/swarm/restrict.ts'
import { explicit, shrink } from '../../../sim/swarm/shrink.ts'

const PLAINS = Object.keys(PLAIN) as Plain[]
const upTo = (count: number) => Array.from({ length: count }, (_, at) => at + 1)
const WHOLE = { faults: [...FAULTS], talks: upTo(20), probes: upTo(30), secrets: 5, plain: [], safetyMs: 60_000 }
const START: Case = { seed: 1, ...WHOLE }
const VIOLATION = { invariant: 'I1', what: 'it is wrong', atMs: 0 }

/** Every case with one thing less. */
function smaller(one: Case): Case[] {
  const lists = (['faults', 'talks', 'probes'] as const).flatMap((name) =>
    one[name]!.map((item) => ({ ...one, [name]: (one[name] as unknown[]).filter((each) => each !== item) })),
  )
  const plain = PLAINS.filter((name) => !one.plain!.includes(name))
  return [
    ...lists,
    ...plain.map((name) => ({ ...one, plain: [...one.plain!, name] })),
    ...(one.secrets! > 1 ? [{ ...one, secrets: one.secrets! - 1 }] : []),
  ]
}

describe('shrinking', () => {
  const needed = fc.record({
    faults: fc.subarray(WHOLE.faults, { maxLength: 3 }),
    talks: fc.subarray(WHOLE.talks, { maxLength: 4 }),
    probes: fc.subarray(WHOLE.probes, { maxLength: 4 }),
    secrets: fc.integer({ min: 1, max: 5 }),
    rich: fc.subarray(PLAINS),
    safetyMs: fc.integer({ min: 1_000, max: 60_000 }),
  })
  test.prop([needed])('leaves what the failure needs, and nothing else', (need) => {
    const judge = (one: Case) =>
      need.faults.every((each) => one.faults!.includes(each)) &&
      need.talks.every((each) => one.talks!.includes(each)) &&
      need.probes.every((each) => one.probes!.includes(each)) &&
      one.secrets! >= need.secrets &&
      one.safetyMs! >= need.safetyMs &&
      need.rich.every((each) => !one.plain!.includes(each))
        ? VIOLATION
        : undefined
    const shrunk = shrink(START, { fails: judge })!
    const { faults, talks, probes, secrets, plain, safetyMs } = shrunk.case
    expect({ faults, talks, probes, secrets }).toEqual({
      faults: need.faults,
      talks: need.talks,
      probes: need.probes,
      secrets: need.secrets,
    })
    expect([...plain!].sort()).toEqual(PLAINS.filter((name) => !need.rich.includes(name)).sort())
    expect(safetyMs).toBeLessThan(Math.max(2_000, 2 * need.safetyMs))
    expect(shrunk.isMinimal).toBe(true)
  })

  test.prop([fc.nat(), fc.integer({ min: 2, max: 6 })], { numRuns: 30 })(
    'of any failure at all ends with one that fails, and with nothing that could be left out',
    (salt, oneIn) => {
      const judge = (one: Case) => {
        const isStart = caseText(one) === caseText(START)
        const hash = createHash('sha256')
          .update(`${salt} ${caseText(one)}`)
          .digest()
        return isStart || hash[0] % oneIn === 0 ? VIOLATION : undefined
      }
      const shrunk = shrink(START, { fails: judge, triesMax: 100_000 })!
      expect(shrunk.isMinimal).toBe(true)
      expect(judge(shrunk.case)).toBeDefined()
      for (const one of smaller(shrunk.case)) expect(judge(one), caseText(one)).toBeUndefined()
    },
  )

  it('ends each case with its violation', () => {
    const seen: (number | undefined)[] = []
    const judge = (one: Case) => {
      seen.push(one.untilMs)
      return one.talks!.includes(7) ? { ...VIOLATION, atMs: 5_000 - one.probes!.length } : undefined
    }
    expect(shrink(START, { fails: judge })!.case.untilMs).toBe(4_971)
    expect(seen.slice(0, 2)).toEqual([undefined, 4_971])
  })

  it('says when its tries were used up', () => {
    const judge = (one: Case) => (one.talks!.includes(7) ? VIOLATION : undefined)
    const shrunk = shrink(START, { fails: judge, triesMax: 5 })!
    expect([shrunk.tries, shrunk.isMinimal]).toEqual([5, false])
    expect(judge(shrunk.case)).toBeDefined()
  })

  it('tells of nothing when the case does not fail', () => {
    expect(shrink(START, { fails: () => undefined })).toBeUndefined()
  })

  it('leaves out strangers that nothing depends on', () => {
    const judge = (one: Case) => ((one.strangers ?? 0) >= 30 ? VIOLATION : undefined)
    expect(shrink({ ...START, strangers: 1_000 }, { fails: judge })!.case.strangers).toBe(31)
    expect(shrink({ ...START, strangers: 1_000 }, { fails: () => VIOLATION })!.case).not.toHaveProperty('strangers')
  })
})

describe('everything that a seed draws', () => {
  it.each([3, 4, 5])('said item by item leaves the same trace, seed %i', (seed) => {
    const whole = runCase({ seed })
    const said = explicit({ seed }, whole)
    expect(said.talks!.length).toBe(whole.came.talks)
    expect(runCase(said).hash).toBe(whole.hash)
  })
})
