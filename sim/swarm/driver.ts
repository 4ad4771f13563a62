import { caseText, type Case } from './case.ts'
import { Child } from './child.ts'
import type { Reached } from './marks.ts'
import { differs, type Outcome } from './outcome.ts'

export interface SwarmOptions {
  readonly cases: Iterator<Case>
  /** Time after which no case is begun, in ms. */
  readonly timeMs?: number
  /** Processes side by side. */
  readonly jobs: number
  /** Executable of the other runtime, on which the cases that run twice must leave the same trace. */
  readonly otherRuntime?: string
  /** Told of each case that is done, once, whatever came of it. */
  readonly onDone?: (outcome: Outcome) => void
  /** Told of each case with a violation, and of each whose trace is another one on the other runtime. */
  readonly onFailure: (outcome: Outcome) => void
}

/** What has come of the cases so far. */
export interface Tally {
  done: number
  failed: number
  events: number
  /** Cases that left the same trace a second time. */
  same: number
  /** Cases that left the same trace on the other runtime, and those that did not. */
  sameElsewhere: number
  otherElsewhere: number
  readonly reached: Reached
}

/** One case in this many runs twice, up to so many cases (I13). */
const TWICE_EVERY = 5
const TWICE_MAX = 200
/** Seeds are 32 bits. */
const SEEDS = 2 ** 32
/** Asked of each process at once, so that none waits for us. */
const AHEAD = 2

/** Deals cases to processes of our own, and some of them to a process of the other runtime that runs beside. */
export class Swarm {
  readonly tally: Tally = {
    ...{ done: 0, failed: 0, events: 0, same: 0, sameElsewhere: 0, otherElsewhere: 0 },
    reached: new Map(),
  }
  readonly #options: SwarmOptions
  readonly #startedAt = performance.now()
  readonly #elsewhere: Promise<void>[] = []
  readonly #children: readonly Child[]
  readonly #other: Child | undefined
  #dealt = 0

  constructor(options: SwarmOptions) {
    const { jobs, otherRuntime } = options
    this.#options = options
    this.#children = Array.from({ length: jobs }, () => new Child())
    this.#other = otherRuntime === undefined ? undefined : new Child({ runtime: otherRuntime })
  }

  get elapsedMs(): number {
    return performance.now() - this.#startedAt
  }

  /** Until all cases are done, or the time is up. */
  async run(): Promise<void> {
    await Promise.all(this.#children.flatMap((child) => Array.from({ length: AHEAD }, () => this.#work(child))))
    await Promise.all(this.#elsewhere)
    for (const child of this.#children) child.end()
    this.#other?.end()
  }

  async #work(child: Child): Promise<void> {
    for (let one = this.#next(); one !== undefined; one = this.#next()) {
      const count = ++this.#dealt
      const isTwice = count % TWICE_EVERY === 0 && count <= TWICE_EVERY * TWICE_MAX
      const text = caseText(one)
      const asked = child.ask({ case: text, isTwice })
      if (isTwice && this.#other !== undefined)
        this.#elsewhere.push(this.#compare(asked, this.#other.ask({ case: text })))
      this.#take(await asked, isTwice)
    }
  }

  #next(): Case | undefined {
    const { timeMs, cases } = this.#options
    if (timeMs !== undefined && this.elapsedMs >= timeMs) return undefined
    const { done, value } = cases.next() as IteratorResult<Case, undefined>
    return done === true ? undefined : value
  }

  #take(outcome: Outcome, isTwice: boolean): void {
    const { tally } = this
    tally.done++
    this.#options.onDone?.(outcome)
    tally.events += outcome.events
    for (const [what, count] of outcome.reached) tally.reached.set(what, (tally.reached.get(what) ?? 0) + count)
    if (isTwice && outcome.violations.every(({ invariant }) => invariant !== 'I13' && invariant !== 'run')) tally.same++
    if (outcome.violations.length === 0) return
    tally.failed++
    this.#options.onFailure(outcome)
  }

  async #compare(here: Promise<Outcome>, there: Promise<Outcome>): Promise<void> {
    const [one, another] = await Promise.all([here, there])
    if (one.hash === another.hash && one.hash !== '') this.tally.sameElsewhere++
    else {
      this.tally.otherElsewhere++
      const violations = [differs('the other runtime left another trace'), ...another.violations]
      this.#options.onFailure({ ...another, violations })
    }
  }
}

/** Seeds `seed`..`seed + runs - 1`, whole; behind the largest comes 0. */
export function* seedsFrom(seed: number, runs: number, strangers = 0): Generator<Case, undefined> {
  for (let at = 0; at < runs; at++) yield { seed: (seed + at) % SEEDS, ...(strangers > 0 ? { strangers } : {}) }
}
