import { IDENTITY_BYTES, isSame } from './recent.ts'

const WORDS = IDENTITY_BYTES / 4
const EMPTY = new Int32Array(WORDS)

/** Number of generations kept: they cover the accepted window of stamps with room to spare. */
export const GENERATIONS = 16
/** Slots of one generation; a power of two. */
const SLOTS = 32_768
/** A generation this full takes no more, so that probes stay short. */
const ENTRIES_MAX = (SLOTS / 4) * 3
const GENERATION_WORDS = 2 + SLOTS * WORDS

/**
 * Identities of accepted hellos in a ring of generations, each for one span of stamps (I12). When a younger span needs a
 * generation's place, the old one is dropped and the floor rises to its end: stamps at or under the floor are refused for
 * ever, so forgetting an entry never lets it in again.
 *
 *   words: floor | per generation: span number | entries | slots
 */
export class Generations {
  readonly #words: Int32Array
  readonly #spanSec: number

  static readonly byteLength = 4 * (1 + GENERATIONS * GENERATION_WORDS)

  constructor(words: Int32Array, spanSec: number) {
    this.#words = words
    this.#spanSec = spanSec
  }

  /** Unix seconds; stamps up to and including it are refused. */
  get floor(): number {
    return this.#words[0] >>> 0
  }

  raiseFloor(to: number): void {
    if (to > this.floor) this.#words[0] = to | 0
  }

  /** In any generation: the stamp of a hello is not covered by its MAC, so a replay may carry another one. */
  has(identity: Int32Array): boolean {
    for (let index = 0; index < GENERATIONS; index++) {
      if (this.#entriesOf(index) > 0 && this.#words[this.#find(index, identity)] !== 0) return true
    }
    return false
  }

  /** Adds an identity that is not there; `full` when its generation takes no more, `replay` when the stamp is under the floor. */
  add(identity: Int32Array, stamp: number): 'fresh' | 'replay' | 'full' {
    if (stamp <= this.floor) return 'replay'
    const span = Math.floor(stamp / this.#spanSec)
    const index = span % GENERATIONS
    const at = 1 + index * GENERATION_WORDS
    const held = this.#words[at] >>> 0
    if (held !== span) {
      // A younger span in this place means that this stamp's span was dropped, and then the floor is above it.
      if (held > span) return 'replay'
      if (this.#words[at + 1] > 0) this.raiseFloor((held + 1) * this.#spanSec - 1)
      this.#words.fill(0, at, at + GENERATION_WORDS)
      this.#words[at] = span
    }
    if (this.#words[at + 1] >= ENTRIES_MAX) return 'full'
    this.#words.set(identity, this.#find(index, identity))
    this.#words[at + 1]++
    return 'fresh'
  }

  #entriesOf(index: number): number {
    return this.#words[1 + index * GENERATION_WORDS + 1]
  }

  /** Where the identity is, or the empty place where it would go. */
  #find(index: number, identity: Int32Array): number {
    const from = 1 + index * GENERATION_WORDS + 2
    for (let slot = identity[0] & (SLOTS - 1); ; slot = (slot + 1) & (SLOTS - 1)) {
      const at = from + slot * WORDS
      if (isSame(this.#words, at, identity) || isSame(this.#words, at, EMPTY)) return at
    }
  }
}
