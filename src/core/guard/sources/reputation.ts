import type { SourceTable } from './table.ts'
import type { Standing } from './total-rate.ts'

/** What was tried and what failed weighs half as much after this long, and half of that after as long again. */
const HALVING_MS = 5 * 60_000
/** Good use is remembered for longer: this many halvings of the rest. */
const CREDIT_HALVINGS = 12
/**
 * A source that only fails is at 100 with 76 failures, one that replays with 4; one in ten failing never gets there
 * (security.md, E4: the ratio rule does nearly all the work, counts alone punish addresses with many users).
 */
const SCALE = 16
/** As many successes of late raise the limits of a source by one more of what is configured. */
export const SUCCESSES_PER_FACTOR = 32

/** How bad one failed handshake is. */
export const WEIGHTS = {
  /** No secret fits, garbage, a wrong clock. */
  failure: 1,
  /** Came and went without a word, or with half a one. */
  halfOpen: 0.5,
  /** A hello that was recorded: no client sends one. */
  replay: 3,
  /** More connections than its rate allows; alone never enough for a ban. */
  excess: 0.25,
  /** Authenticated, and then nothing that Telegram answers; half of its handshakes were good, so never enough either. */
  dumb: 0.5,
} as const

/** What handshakes say about a source. All calls are under the lock of the entry. */
export class Reputation {
  readonly #table: SourceTable

  constructor(table: SourceTable) {
    this.#table = table
  }

  failed(entry: number, weight: number, nowMs: number): void {
    this.#halve(entry, nowMs)
    this.#table.tried[entry] += 1
    this.#table.failed[entry] += weight
  }

  succeeded(entry: number, nowMs: number): void {
    this.#halve(entry, nowMs)
    this.#table.tried[entry] += 1
    this.#table.credit[entry] += 1
  }

  /** A handshake that seemed good was not. */
  worsen(entry: number, weight: number, nowMs: number): void {
    this.#halve(entry, nowMs)
    this.#table.failed[entry] += weight
  }

  /** What it earned was not worth higher limits; it stays known. */
  unearn(entry: number): void {
    const { credit } = this.#table
    if (credit[entry] >= 2) credit[entry] -= 1
  }

  /** Grows with the share of failures and, slowly, with how many there were. */
  score(entry: number): number {
    const tried = this.#table.tried[entry]
    return tried === 0 ? 0 : ((SCALE * this.#table.failed[entry]) / tried) * log2(1 + tried)
  }

  /** 1 for a stranger, up to `most` with good use of late. */
  factor(entry: number, most: number, nowMs: number): number {
    this.#halve(entry, nowMs)
    return Math.min(most, 1 + Math.floor(this.#table.credit[entry] / SUCCESSES_PER_FACTOR))
  }

  /** Whether somebody has used it well in the last hour or two, if only once: no stranger can. */
  isKnown(entry: number, nowMs: number): boolean {
    this.#halve(entry, nowMs)
    return this.#table.credit[entry] > 0
  }

  /** For the rate of all. One broken connection happens to everybody. */
  standing(entry: number, nowMs: number): Standing {
    if (this.isKnown(entry, nowMs)) return 'known'
    return this.#table.failed[entry] >= 1 ? 'bad' : 'new'
  }

  /** Whether many have used it well of late: such an address is shared, and not banned for what some of its users do. */
  isShared(entry: number): boolean {
    return this.#table.credit[entry] >= SUCCESSES_PER_FACTOR
  }

  /** What was held against it is forgotten. */
  forgive(entry: number): void {
    const { tried, failed, children, failing } = this.#table
    tried[entry] = failed[entry] = children[entry] = failing[entry] = 0
  }

  /** Of a parent: one more below it was banned. Returns how many of late. */
  childBanned(entry: number, nowMs: number): number {
    this.#halve(entry, nowMs)
    return (this.#table.children[entry] += 1)
  }

  #halve(entry: number, nowMs: number): void {
    const { tried, failed, credit, children, failing, halvedAt } = this.#table
    const period = Math.floor(nowMs / HALVING_MS)
    const before = halvedAt[entry]
    halvedAt[entry] = period
    // A new entry has nothing to halve; neither has one from before a clock started over.
    if (period <= before || (tried[entry] === 0 && credit[entry] === 0 && children[entry] === 0)) return
    const by = powerOfHalf(period - before)
    tried[entry] *= by
    failed[entry] *= by
    children[entry] *= by
    failing[entry] *= by
    credit[entry] *= powerOfHalf(Math.floor(period / CREDIT_HALVINGS) - Math.floor(before / CREDIT_HALVINGS))
    // Below this nothing is left to say.
    if (tried[entry] < 0.5) tried[entry] = failed[entry] = 0
    if (credit[entry] < 0.5) credit[entry] = 0
    if (children[entry] < 0.5) children[entry] = 0
  }
}

function powerOfHalf(times: number): number {
  return times >= 31 ? 0 : 1 / (1 << times)
}

/** Of a number from 1 to 2^30, by straight lines between powers of two: the same on every runtime, and off by less than 0.09. */
export function log2(value: number): number {
  const whole = 31 - Math.clz32(Math.min(value, 0x40000000))
  return whole + value / (1 << whole) - 1
}
