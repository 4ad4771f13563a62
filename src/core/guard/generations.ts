import { IDENTITY_BYTES, isEmpty, isSame } from './recent.ts'

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
 * Identities of accepted hellos in a ring of generations, each for one span of stamps (I12). When a new span finds no place,
 * the oldest generation is dropped and the floor rises to its end: stamps at or under the floor are refused for ever, so
 * forgetting an entry never lets it in again.
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

  /**
   * Adds an identity that is not there; `replay` when the stamp is under the floor, `full` when its generation takes no more,
   * or all of them are for later spans (a clock was far ahead) and none may be dropped for an earlier one.
   */
  add(identity: Int32Array, stamp: number): 'fresh' | 'replay' | 'full' {
    if (stamp <= this.floor) return 'replay'
    const span = Math.floor(stamp / this.#spanSec)
    const index = this.#placeFor(span)
    if (index === undefined || this.#entriesOf(index) >= ENTRIES_MAX) return 'full'
    this.#words.set(identity, this.#find(index, identity))
    this.#words[atOf(index) + 1]++
    return 'fresh'
  }

  /** After a loss of power the pages of the map may be of different times: sets every generation right by its own slots. */
  repair(): void {
    for (let index = 0; index < GENERATIONS; index++) {
      const from = atOf(index) + 2
      const slots = this.#words.slice(from, from + SLOTS * WORDS)
      this.#words.fill(0, from - 1, from + SLOTS * WORDS)
      for (let at = 0; at < slots.length && this.#entriesOf(index) < ENTRIES_MAX; at += WORDS) {
        const identity = slots.subarray(at, at + WORDS)
        const to = isEmpty(identity) ? undefined : this.#find(index, identity)
        if (to === undefined || this.#words[to] !== 0) continue
        this.#words.set(identity, to)
        this.#words[from - 1]++
      }
    }
  }

  /** The generation of that span, made if need be: in an empty place, else in that of the oldest. */
  #placeFor(span: number): number | undefined {
    let place: number | undefined
    let oldest = span
    for (let index = 0; index < GENERATIONS; index++) {
      const held = this.#entriesOf(index) === 0 ? -1 : this.#words[atOf(index)] >>> 0
      if (held === span) return index
      if (held >= oldest) continue
      oldest = held
      place = index
    }
    if (place === undefined) return undefined
    if (oldest >= 0) this.raiseFloor((oldest + 1) * this.#spanSec - 1)
    this.#words.fill(0, atOf(place), atOf(place) + GENERATION_WORDS)
    this.#words[atOf(place)] = span
    return place
  }

  #entriesOf(index: number): number {
    return this.#words[atOf(index) + 1]
  }

  /** Where the identity is, or the empty place where it would go. */
  #find(index: number, identity: Int32Array): number {
    const from = atOf(index) + 2
    for (let slot = identity[0] & (SLOTS - 1); ; slot = (slot + 1) & (SLOTS - 1)) {
      const at = from + slot * WORDS
      if (isSame(this.#words, at, identity) || isSame(this.#words, at, EMPTY)) return at
    }
  }
}

/** Where a generation begins. */
function atOf(index: number): number {
  return 1 + index * GENERATION_WORDS
}
