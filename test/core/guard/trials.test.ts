import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { TrialTable } from '../../../src/core/guard/trial-table.ts'
import { REFILL_MS, TrialBudget, TRIALS_BURST, type Trials } from '../../../src/core/guard/trials.ts'
import { seeded } from '../seeded.ts'
import { Memory } from './scene.ts'

const ALL = Array.from({ length: 400 }, (_, id) => id)
const MS_PER_TRIAL = REFILL_MS / TRIALS_BURST

/** Workers over one memory; each has ids of its own for the same secrets. */
function workers(count: number, memory = new Memory(), nowMs = 0) {
  return Array.from({ length: count }, (_, column) => {
    const table = new TrialTable({ memory, random: seeded(1), worker: { column, columns: count }, nowMs })
    const secrets = {
      markOf: (id: number) => id + 1000,
      byMark: (mark: number) => (mark === 0 ? undefined : mark - 1000),
    }
    return new TrialBudget({ table, secrets: () => secrets })
  })
}

/** So many are tried in vain at that moment. */
function fail(trials: TrialBudget, ip: string, spent: number, now: number): void {
  const all = ALL.slice(0, spent)
  trials.settle(ip, trials.take(ip, [], all, now), spent, undefined, now)
}

function match(trials: TrialBudget, ip: string, id: number, now: number): void {
  trials.settle(ip, trials.take(ip, [], ALL, now), 3, id, now)
}

/** What would be tried now, without trying it. */
function look(trials: TrialBudget, ip: string, preferred: readonly number[], now: number): readonly number[] {
  const taken = trials.take(ip, preferred, ALL, now)
  trials.settle(ip, taken, 0, undefined, now)
  return taken.candidates
}

describe('TrialBudget', () => {
  it('tries what this prefix used last first, then the secrets of the named host, then the rest', () => {
    const [trials] = workers(1)
    match(trials, '192.0.2.1', 7, 0)
    expect(look(trials, '192.0.2.200', [5], 0).slice(0, 4)).toEqual([7, 5, 0, 1])
    expect(look(trials, '198.51.100.1', [5], 0).slice(0, 3)).toEqual([5, 0, 1])
  })

  it.each([
    [1, 0],
    [700, 0],
    [2_500, 300],
    [20_000, 0],
    [60_000, 0],
    [7_777, 1_234],
  ])('knows any of 512 secrets in the end, of a prefix that comes each %i ms', (everyMs, fromMs) => {
    const many = Array.from({ length: 512 }, (_, id) => id)
    const [trials] = workers(1)
    const tried = new Set<number>()
    const triedBy = (times: number) => {
      for (let at = 0; at < times; at++) {
        const now = fromMs + at * everyMs
        const taken = trials.take('192.0.2.1', [], many, now)
        for (const id of taken.candidates) tried.add(id)
        trials.settle('192.0.2.1', taken, taken.candidates.length, undefined, now)
      }
    }
    triedBy(Math.ceil(20 * Math.max(1, 60_000 / everyMs)))
    expect(tried.size).toBe(512)
  })

  it('goes on where it stopped', () => {
    const [trials] = workers(1)
    const first = trials.take('192.0.2.1', [], ALL, 0)
    trials.settle('192.0.2.1', first, first.candidates.length, undefined, 0)
    const second = look(trials, '192.0.2.1', [], REFILL_MS / 2)
    expect([...first.candidates, ...second]).toEqual(ALL.slice(0, 384))
  })

  it('gives a prefix a burst of failed trials, then only what is always tried, and refills with time', () => {
    const [trials] = workers(1)
    match(trials, '192.0.2.1', 7, 0)
    expect(look(trials, '192.0.2.1', [], 0)).toHaveLength(1 + TRIALS_BURST)
    fail(trials, '192.0.2.1', TRIALS_BURST, 0)
    expect(look(trials, '192.0.2.77', [5], 0)).toEqual([7, 5])
    expect(look(trials, '192.0.3.1', [], 0)).toHaveLength(TRIALS_BURST)
    expect(look(trials, '192.0.2.1', [], 5_000)).toHaveLength(1 + TRIALS_BURST / 2)
    expect(look(trials, '192.0.2.1', [], 10_000)).toHaveLength(1 + TRIALS_BURST)
  })

  it('lets a prefix pay for every key of a secret that has more than one', () => {
    const [trials] = workers(1)
    const taken = trials.take('192.0.2.1', [], ALL.slice(0, 32), 0)
    trials.settle('192.0.2.1', taken, 3 * 32, undefined, 0)
    expect(look(trials, '192.0.2.1', [], 0)).toHaveLength(TRIALS_BURST - 3 * 32)
    trials.settle('192.0.2.1', trials.take('192.0.2.1', [], ALL, 0), 3 * 400, undefined, 0)
    expect(look(trials, '192.0.2.1', [], 0)).toHaveLength(0)
    expect(look(trials, '192.0.2.1', [], REFILL_MS)).toHaveLength(TRIALS_BURST)
  })

  it('never lets a debt grow beyond one refill, however many trials failed', () => {
    const [trials] = workers(1)
    for (let i = 0; i < 100; i++) fail(trials, '2001:db8::1', 300, 0)
    expect(look(trials, '2001:db8::2', [], 0)).toEqual([])
    expect(look(trials, '2001:db8:0:1::2', [], 0)).toHaveLength(TRIALS_BURST)
    expect(look(trials, '2001:db8::2', [], 10_001)).toHaveLength(TRIALS_BURST)
  })

  it('does not give back what time has paid already', () => {
    const [trials] = workers(1)
    const first = trials.take('192.0.2.1', [], ALL, 0)
    const second = trials.take('192.0.2.1', [], ALL, 2_000)
    expect([first.candidates.length, second.candidates.length]).toEqual([TRIALS_BURST, 51])
    trials.settle('192.0.2.1', first, 3, 7, 2_000)
    expect(look(trials, '192.0.2.1', [], 2_000)).toHaveLength(1 + TRIALS_BURST - 51)
  })

  it('tries a single secret always', () => {
    const [trials] = workers(1)
    for (let i = 0; i < 10; i++) fail(trials, '192.0.2.1', 300, 0)
    expect(trials.take('192.0.2.1', [], [3], 0).candidates).toEqual([3])
  })

  it('is a quarter for a grey source, which honest hellos of it do not use up', () => {
    const [trials] = workers(1)
    const most = () => trials.take('192.0.2.1', [], ALL, 0, true)
    const first = most()
    expect(first.candidates).toHaveLength(TRIALS_BURST / 4)
    trials.settle('192.0.2.1', first, 64, 5, 0)
    const second = most()
    expect(second.candidates).toHaveLength(1 + TRIALS_BURST / 4)
    trials.settle('192.0.2.1', second, 65, undefined, 0)
    expect(most().candidates).toEqual([5])
    expect(trials.take('192.0.2.1', [], ALL, 0, false).candidates).toHaveLength(1 + (3 * TRIALS_BURST) / 4)
  })

  it('what one worker spends, or learns, the others know; also one that starts later', () => {
    const memory = new Memory()
    const [a, b] = workers(2, memory)
    match(a, '192.0.2.1', 7, 0)
    expect(look(b, '192.0.2.1', [], 0)[0]).toBe(7)
    const under = a.take('192.0.2.1', [], ALL, 0)
    expect(under.candidates).toHaveLength(1 + TRIALS_BURST)
    // While the vault is at work: what is paid for is not there twice.
    expect(look(b, '192.0.2.1', [], 0)).toEqual([7])
    a.settle('192.0.2.1', under, 57, undefined, 0)
    expect(look(b, '192.0.2.1', [], 0)).toHaveLength(1 + TRIALS_BURST - 57)
    expect(look(workers(2, memory, 10)[1], '192.0.2.1', [], 10)).toHaveLength(1 + TRIALS_BURST - 57)
  })

  it('forgets what is from before the machine started anew', () => {
    const memory = new Memory()
    const [before] = workers(1, memory, 5_000_000)
    fail(before, '192.0.2.1', TRIALS_BURST, 5_000_000)
    const [after] = workers(1, memory, 1_000)
    expect(look(after, '192.0.2.1', [], 1_000)).toHaveLength(TRIALS_BURST)
  })

  it('keeps debts in sight of a hundred thousand prefixes that have none, in memory that does not grow', () => {
    const memory = new Memory()
    const [trials] = workers(1, memory)
    const bytes = memory.bytesInUse
    fail(trials, '192.0.2.1', TRIALS_BURST, 0)
    for (let i = 0; i < 100_000; i++) look(trials, `${10 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}.1`, [], i / 1000)
    expect(look(trials, '192.0.2.1', [], 100).length).toBeLessThan(5)
    expect(memory.bytesInUse).toBe(bytes)
  })
})

type Step =
  | { readonly kind: 'take'; readonly worker: number; readonly prefix: number; readonly preferred: number }
  | { readonly kind: 'settle'; readonly pick: number; readonly share: number; readonly isMatch: boolean }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'die'; readonly worker: number }

const PREFIXES = ['192.0.2.1', '192.0.3.1', '2001:db8::1']
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('take' as const),
      worker: fc.nat(1),
      prefix: fc.nat(PREFIXES.length - 1),
      preferred: fc.constantFrom(0, 0, 2, 6),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('settle' as const),
      pick: fc.nat(),
      share: fc.nat(4),
      isMatch: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(4_000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('die' as const), worker: fc.nat(1) }) },
)

interface Asked {
  readonly worker: number
  readonly prefix: number
  readonly trials: Trials
  readonly always: number
}

describe('the budget of trials over two workers', () => {
  test.prop([fc.array(step, { maxLength: 120 }), fc.constantFrom(10, 120, 400)], { numRuns: 200 })(
    'is that of a naive bucket, and holds in every window (I6)',
    (steps, count) => {
      const memory = new Memory()
      const both = workers(2, memory)
      const all = ALL.slice(0, count)
      const levels = PREFIXES.map(() => 0)
      const lasts: (number | undefined)[] = PREFIXES.map(() => undefined)
      const spent: { readonly prefix: number; readonly at: number; readonly trials: number }[] = []
      let asked: Asked[] = []
      let now = 1_000
      for (const each of steps) {
        if (each.kind === 'wait') {
          now += each.ms
          for (const at of levels.keys()) levels[at] = Math.max(0, levels[at] - each.ms)
        } else if (each.kind === 'die') {
          // What was tried when it died may have been tried: it stays paid.
          for (const { worker, prefix, trials, always } of asked)
            if (worker === each.worker)
              spent.push({ prefix, at: trials.atMs, trials: trials.candidates.length - always })
          asked = asked.filter(({ worker }) => worker !== each.worker)
          both[1 - each.worker].takeBack(each.worker)
        } else if (each.kind === 'take') {
          const { worker, prefix } = each
          const preferred = all.slice(0, each.preferred)
          const always = new Set(each.preferred <= 4 ? preferred : [])
          const last = lasts[prefix]
          if (last !== undefined && all.includes(last)) always.add(last)
          const left = REFILL_MS - levels[prefix]
          const rest = Math.min(all.length - always.size, Math.floor(left / MS_PER_TRIAL))
          const trials = both[worker].take(PREFIXES[prefix], preferred, all, now)
          expect(trials.candidates).toHaveLength(always.size + rest)
          expect(new Set(trials.candidates).size).toBe(trials.candidates.length)
          levels[prefix] += Math.min((always.size + rest) * MS_PER_TRIAL, left)
          asked.push({ worker, prefix, trials, always: always.size })
        } else if (asked.length > 0) {
          const [{ worker, prefix, trials, always }] = asked.splice(each.pick % asked.length, 1)
          const { candidates, paidMs, atMs } = trials
          const used = Math.floor((candidates.length * each.share) / 4)
          const matched = each.isMatch && used > 0 ? candidates[used - 1] : undefined
          both[worker].settle(PREFIXES[prefix], trials, used, matched, now)
          const unused = matched === undefined ? paidMs - used * MS_PER_TRIAL : paidMs
          levels[prefix] -= Math.max(0, unused - (now - atMs))
          if (matched === undefined) spent.push({ prefix, at: atMs, trials: Math.max(0, used - always) })
          else lasts[prefix] = matched
        }
        for (const level of levels) expect(level).toBeGreaterThanOrEqual(0)
      }
      spent.sort((a, b) => a.at - b.at)
      for (const [from, first] of spent.entries()) {
        let sum = 0
        for (const one of spent.slice(from)) {
          if (one.prefix === first.prefix) sum += one.trials
          expect(sum).toBeLessThanOrEqual(TRIALS_BURST + (one.at - first.at) / MS_PER_TRIAL)
        }
      }
    },
  )
})
