import { INVARIANTS } from '../checkers/about.ts'
import type { SwarmFailure, SwarmReport } from '../report/data.ts'
import type { Tally } from './driver.ts'
import { replayCommand } from './failure.ts'
import { missed } from './marks.ts'
import type { Outcome } from './outcome.ts'

const FAILURES_MAX = 50
const BARS_MAX = 60
/** A run has tens of thousands of events at most; what has more is in the last bar. */
const LENGTH_BINS = 400
const LENGTH_WIDTH = 500
const SECOND_MS = 1_000

export interface GatherEnd {
  readonly command: string
  /** Such as "node 24.1.0 on linux x64". */
  readonly runtime: string
  readonly firstSeed: number
  readonly tally: Tally
  readonly wallMs: number
  /** Whether so many seeds were done that every mark must have been reached. */
  readonly isMarked: boolean
}

/** What a page about seeded runs needs, gathered while they run; of a size that does not grow with their number, but for seconds. */
export class SwarmGathered {
  readonly #profiles = new Map<string, { seeds: number; failed: number; events: number }>()
  readonly #broken = new Map<string, number>()
  readonly #failures: SwarmFailure[] = []
  readonly #perSecond: number[] = []
  readonly #lengths = new Array<number>(LENGTH_BINS).fill(0)

  /** A case is done, so many ms after the first was begun. */
  done({ profile, events, violations }: Outcome, elapsedMs: number): void {
    const row = this.#profiles.get(profile) ?? { seeds: 0, failed: 0, events: 0 }
    this.#profiles.set(profile, row)
    row.seeds++
    row.events += events
    if (violations.length > 0) row.failed++
    const second = Math.floor(elapsedMs / SECOND_MS)
    while (this.#perSecond.length <= second) this.#perSecond.push(0)
    this.#perSecond[second]++
    this.#lengths[Math.min(LENGTH_BINS - 1, Math.floor(events / LENGTH_WIDTH))]++
  }

  /** A case failed, here or on the other runtime. */
  failed({ seed, case: text, profile, violations }: Outcome): void {
    for (const name of new Set(violations.map(({ invariant }) => invariant)))
      this.#broken.set(name, (this.#broken.get(name) ?? 0) + 1)
    const { invariant, what, atMs } = violations[0]
    const command = `${replayCommand(text)} --trace`
    if (this.#failures.length < FAILURES_MAX) this.#failures.push({ seed, profile, invariant, what, atMs, command })
  }

  report({ command, runtime, firstSeed, tally, wallMs, isMarked }: GatherEnd): SwarmReport {
    const { done, failed, otherElsewhere, events, reached } = tally
    const allFailed = failed + otherElsewhere
    return {
      ...{ command, runtime, firstSeed, events, wallMs, passed: Math.max(0, done - allFailed), failed: allFailed },
      profiles: [...this.#profiles].sort(byName).map(([name, row]) => ({ name, ...row })),
      reached: [...reached].sort(byName).map(([what, count]) => ({ what, count })),
      missed: isMarked ? missed(reached) : [],
      invariants: Object.entries(INVARIANTS).map(([name, about]) => ({
        ...{ name, about, broken: this.#broken.get(name) ?? 0 },
      })),
      failures: this.#failures,
      pace: this.#pace(),
      lengths: this.#lengthBars(),
    }
  }

  #pace(): SwarmReport['pace'] {
    const { size, bars } = folded(this.#perSecond)
    return { binMs: size * SECOND_MS, done: bars }
  }

  #lengthBars(): SwarmReport['lengths'] {
    const last = this.#lengths.findLastIndex((count) => count > 0)
    const { size, bars } = folded(this.#lengths.slice(0, last + 1))
    return { from: 0, width: size * LENGTH_WIDTH, counts: bars }
  }
}

/** At most so many bars as a plot can show, each the sum of `size` counts. */
function folded(counts: readonly number[]): { readonly size: number; readonly bars: readonly number[] } {
  const size = Math.max(1, Math.ceil(counts.length / BARS_MAX))
  const bars = Array.from({ length: Math.ceil(counts.length / size) }, (_, at) =>
    counts.slice(at * size, (at + 1) * size).reduce((sum, each) => sum + each, 0),
  )
  return { size, bars }
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1
}
