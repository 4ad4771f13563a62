import type { SwarmFailure, SwarmReport } from './data.ts'
import { invariantWords } from './invariants.ts'

/** What came of one seed. */
export interface SwarmOutcome {
  readonly seed: number
  readonly events: number
  readonly violations: readonly { readonly invariant: string; readonly what: string; readonly atMs: number }[]
  readonly reached: readonly (readonly [what: string, count: number])[]
  /** The way its options were drawn. */
  readonly profile: string
  /** Shows that run again. */
  readonly command: string
}

const FAILURES_MAX = 100
const OF_ONE_SEED_MAX = 3
const BARS_MAX = 60
const FIRST_WIDTH = { ms: 1_000, events: 500 }

/** Adds up what a page tells of seeded runs, in memory that does not grow with their number. */
export class SwarmCollector {
  #passed = 0
  #failed = 0
  #events = 0
  readonly #profiles = new Map<string, { seeds: number; failed: number; events: number }>()
  readonly #reached = new Map<string, number>()
  readonly #broken = new Map<string, number>()
  readonly #failures: SwarmFailure[] = []
  readonly #pace = new Bars(FIRST_WIDTH.ms)
  readonly #lengths = new Bars(FIRST_WIDTH.events)

  /** `elapsedMs`: wall time since the start. */
  add({ seed, events, violations, reached, profile, command }: SwarmOutcome, elapsedMs: number): void {
    const isFailed = violations.length > 0
    if (isFailed) this.#failed++
    else this.#passed++
    this.#events += events
    this.#pace.add(elapsedMs)
    this.#lengths.add(events)
    const mine = this.#profiles.get(profile) ?? { seeds: 0, failed: 0, events: 0 }
    const failed = mine.failed + (isFailed ? 1 : 0)
    this.#profiles.set(profile, { seeds: mine.seeds + 1, failed, events: mine.events + events })
    for (const [what, count] of reached) this.#reached.set(what, (this.#reached.get(what) ?? 0) + count)
    for (const name of new Set(violations.map(({ invariant }) => invariant)))
      this.#broken.set(name, (this.#broken.get(name) ?? 0) + 1)
    for (const violation of violations.slice(0, OF_ONE_SEED_MAX)) {
      if (this.#failures.length < FAILURES_MAX) this.#failures.push({ seed, profile, command, ...violation })
    }
  }

  /** `invariants`: names of those that were watched; what was broken beside them is told as well. */
  report(about: {
    readonly command: string
    readonly runtime: string
    readonly firstSeed: number
    readonly wallMs: number
    readonly invariants: readonly string[]
    readonly missed: readonly string[]
  }): SwarmReport {
    const { invariants, ...rest } = about
    const names = [...new Set([...invariants, ...this.#broken.keys()])]
    return {
      ...{ ...rest, passed: this.#passed, failed: this.#failed, events: this.#events },
      profiles: [...this.#profiles].map(([name, counts]) => ({ name, ...counts })).sort(byName),
      reached: [...this.#reached].map(([name, count]) => ({ name, count })).sort(byName),
      invariants: names.map((name) => ({
        ...{ name, about: invariantWords(name), broken: this.#broken.get(name) ?? 0 },
      })),
      failures: [...this.#failures].sort((a, b) => a.seed - b.seed),
      pace: this.#pace.bars,
      lengths: this.#lengths.bars,
    }
  }
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0
}

/** A histogram from 0 on, whose bars become twice as wide when there would be too many. */
class Bars {
  #width: number
  #counts: number[] = [0]

  constructor(width: number) {
    this.#width = width
  }

  get bars(): { readonly width: number; readonly counts: readonly number[] } {
    return { width: this.#width, counts: this.#counts }
  }

  add(value: number): void {
    while (value >= this.#width * BARS_MAX) this.#widen()
    const at = Math.floor(value / this.#width)
    while (this.#counts.length <= at) this.#counts.push(0)
    this.#counts[at]++
  }

  #widen(): void {
    const before = this.#counts
    this.#width *= 2
    this.#counts = Array.from(
      { length: Math.ceil(before.length / 2) },
      (_, at) => before[2 * at] + (before[2 * at + 1] ?? 0),
    )
  }
}
