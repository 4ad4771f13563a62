import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CHECKERS } from '../../sim/checkers/index.ts'
import { MUTANTS } from '../../sim/mutants/mutants.ts'
import { drawOptions, FAULTS, PROFILES } from '../../sim/scenarios/options.ts'
import { runSeed } from '../../sim/scenarios/run.ts'
import { addressOf } from '../../sim/scenarios/strangers.ts'
import { missed, type Reached } from '../../sim/swarm/marks.ts'

const ROOT = join(import.meta.dirname, '../..')
const INVARIANTS = [
  'I1',
  'I2',
  'I3',
  'I4',
  'I5',
  'I6',
  'I7',
  'I8',
  'I9',
  'I10',
  'I11',
  'I12',
  'I14',
  'I15',
  'I16',
  'I17',
  'I21',
  'I25',
  'I28',
]

describe('a run from a seed', () => {
  it.each([1, 2, 3, 5, 8, 13])('holds every invariant, seed %i', (seed) => {
    const result = runSeed(seed)
    expect(result.violations).toEqual([])
    expect(result.reached.get('talk done')).toBeGreaterThan(0)
  })

  it('leaves the same trace again, and another seed another', () => {
    expect(runSeed(21).hash).toBe(runSeed(21).hash)
    expect(runSeed(21).hash).not.toBe(runSeed(22).hash)
  })

  it('holds with thousands of sources that come once each beside all else, which are all distinct', () => {
    const { reached, violations, hash } = runSeed(21, { strangers: 5_000 })
    expect(violations).toEqual([])
    expect(reached.get('stranger')).toBe(5_000)
    expect(runSeed(21, { strangers: 5_000 }).hash).toBe(hash)
    const ips = Array.from({ length: 100_000 }, (_, at) => addressOf(at).ip)
    expect(new Set(ips).size).toBe(ips.length)
  })

  it('leaves the same trace on both runtimes (I13)', () => {
    const input = [30, 31, 32, 33].map((seed) => `{"case":"seed=${seed}"}\n`).join('')
    const hashes = (runtime: string) =>
      execFileSync(join(ROOT, 'node_modules/.bin', runtime), [join(ROOT, 'sim/swarm/worker.ts')], { input })
        .toString()
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { hash: string }).hash)
    expect(hashes('bun')).toHaveLength(4)
    expect(hashes('bun')).toEqual(hashes('node'))
  })

  it('spends a third of the seeds on each profile, and turns every fault on and off', () => {
    const options = Array.from({ length: 300 }, (_, seed) => drawOptions(seed))
    for (const profile of PROFILES) expect(options.filter((each) => each.profile === profile)).toHaveLength(100)
    for (const fault of FAULTS) {
      const count = options.filter(({ faults }) => faults.has(fault)).length
      expect(count).toBeGreaterThan(15)
      expect(count).toBeLessThan(270)
    }
  })
})

describe('what proves the simulator', () => {
  it('has a checker for every invariant that one run can show, and a planted bug for each', () => {
    expect(Object.keys(CHECKERS)).toEqual(INVARIANTS)
    for (const invariant of [...INVARIANTS, 'I13', 'I22', 'I26']) {
      expect(MUTANTS.map((mutant) => mutant.invariant)).toContain(invariant)
    }
  })

  it.each(MUTANTS)('finds the place for: $name', ({ file, find }) => {
    expect(readFileSync(join(ROOT, file), 'utf8').split(find)).toHaveLength(2)
  })

  it('says what never happened', () => {
    const nothing: Reached = new Map()
    expect(missed(nothing)).toContain('closed eof')
    expect(missed(new Map([['closed eof', 1]]))).not.toContain('closed eof')
  })
})
