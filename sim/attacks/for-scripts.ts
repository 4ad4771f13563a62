import type { Judgement } from './judge.ts'
import type { Measures } from './measures.ts'

/** One run for a program to read: plain data, null where nothing came or nobody knows. */
export interface RunOutcome {
  readonly scenario: string
  readonly seed: number
  readonly isLive: boolean
  /** Of all assertions that could be judged. */
  readonly result: 'pass' | 'fail'
  /** Plays it again. */
  readonly command: string
  /** Times in ms, sizes in bytes, shares 0..1. */
  readonly measures: unknown
  readonly assertions: readonly {
    /** As in the file. */
    readonly name: string
    readonly bound: Judgement['bound']
    readonly wanted: number
    readonly found: number | null
    readonly result: Judgement['result']
    /** What it would take to judge it; null where it was judged. */
    readonly why: string | null
  }[]
}

export function runOutcome(
  { scenario, seed }: Pick<Measures, 'scenario' | 'seed'>,
  judgements: readonly Judgement[],
  { isLive, command, measures }: Pick<RunOutcome, 'isLive' | 'command' | 'measures'>,
): RunOutcome {
  return {
    ...{ scenario, seed, isLive, result: judgements.some(({ result }) => result === 'fail') ? 'fail' : 'pass' },
    ...{ command, measures },
    assertions: judgements.map(({ assertion: name, bound, wanted, found = null, result, why = null }) => ({
      ...{ name, bound, wanted, found, result, why },
    })),
  }
}

/** What a simulated run came to. */
export function simulatedMeasures(
  { scenario: _, seed: __, honest, detectMs, ...run }: Measures,
  cpuMs: number,
): unknown {
  return {
    ...{ ...run, detectMs: detectMs ?? null, cpuMs },
    honest: honest.map((group) => ({ ...group, connectP99Ms: group.connectP99Ms ?? null })),
  }
}
