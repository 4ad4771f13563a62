import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { CHECKERS } from '../../../sim/checkers/index.ts'
import { sum } from '../../../sim/report/figures.ts'
import { SwarmCollector, type SwarmOutcome } from '../../../sim/report/swarm.ts'

const ABOUT = { command: 'c', runtime: 'r', firstSeed: 1, wallMs: 1_000, invariants: Object.keys(CHECKERS), missed: [] }
const outcome = (more: Partial<SwarmOutcome> = {}): SwarmOutcome => ({
  ...{ seed: 1, events: 1_000, violations: [], reached: [], profile: 'mix', command: 'palisade sim run --seed 1' },
  ...more,
})
const broken = (invariant: string) => ({ invariant, what: 'wrong', atMs: 5 })

describe('what seeded runs came to', () => {
  it('is added up by profile, by invariant and by what happened', () => {
    const all = new SwarmCollector()
    all.add(outcome({ seed: 3, profile: 'quiet', reached: [['closed eof', 2]] }), 0)
    all.add(
      outcome({ seed: 2, violations: [broken('I7'), broken('I7'), broken('run')], reached: [['closed eof', 3]] }),
      10,
    )
    all.add(outcome({ seed: 1, violations: [broken('I7')] }), 20)
    const report = all.report(ABOUT)
    expect(report).toMatchObject({ passed: 1, failed: 2, events: 3_000 })
    expect(report.profiles).toEqual([
      { name: 'mix', seeds: 2, failed: 2, events: 2_000 },
      { name: 'quiet', seeds: 1, failed: 0, events: 1_000 },
    ])
    expect(report.reached).toEqual([{ name: 'closed eof', count: 5 }])
    expect(report.invariants.filter((invariant) => invariant.broken > 0)).toMatchObject([
      { name: 'I7', broken: 2 },
      // No checker has that name: the process of the run ended.
      { name: 'run', broken: 1 },
    ])
    expect(report.failures.map(({ seed, invariant }) => `${seed} ${invariant}`)).toEqual([
      '1 I7',
      '2 I7',
      '2 I7',
      '2 run',
    ])
  })

  it('has a bounded number of failures, a few of each seed', () => {
    const all = new SwarmCollector()
    for (let seed = 0; seed < 200; seed++)
      all.add(outcome({ seed, violations: Array.from({ length: 20 }, () => broken('I1')) }), 0)
    const { failures, failed } = all.report(ABOUT)
    expect([failed, failures.length, new Set(failures.map(({ seed }) => seed)).size]).toEqual([200, 100, 34])
  })

  test.prop([fc.array(fc.integer({ min: 0, max: 10_000_000 }), { minLength: 1, maxLength: 200 })])(
    'has at most sixty bars, which hold all of it where it belongs',
    (events) => {
      const all = new SwarmCollector()
      for (const each of events) all.add(outcome({ events: each }), each)
      const { width, counts } = all.report(ABOUT).lengths
      expect(counts.length).toBeLessThanOrEqual(60)
      expect(sum(counts)).toBe(events.length)
      counts.forEach((count, at) => expect(count).toBe(events.filter((each) => Math.floor(each / width) === at).length))
    },
  )
})
