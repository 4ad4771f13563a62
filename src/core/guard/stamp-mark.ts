import { read32le, write32le } from '../protocol/bytes.ts'
import type { Store } from '../ports.ts'

const KEY = 'replay-mark'
// unix seconds(4) | the same with every bit turned(4): a mark that is broken would keep everybody out for years.
const MARK_BYTES = 8
/** The mark is written this far ahead of the stamps, and again when they have come half as near. */
const AHEAD_SEC = 60

/**
 * The stamp that no accepted hello was beyond, on the disk: what the replay ring needs after a loss of power that took its
 * last entries. The clock alone does not say it, since it may come back showing another time.
 */
export class StampMark {
  readonly #store: Store
  /** One word that all workers share: what was written last, by any of them. */
  readonly #word: Int32Array

  constructor(store: Store, word: Int32Array) {
    this.#store = store
    this.#word = word
  }

  /** Tells what was written last, in unix seconds; 0 when nothing was, the store failed, or what it has is no mark. */
  load(reply: (markSec: number) => void): void {
    this.#store.get(KEY, (value) => {
      const markSec = value === undefined ? 0 : readMark(value)
      if (markSec > this.#word[0] >>> 0) this.#word[0] = markSec | 0
      reply(markSec)
    })
  }

  /** A hello with that stamp is accepted. */
  reached(stamp: number): void {
    if (stamp + AHEAD_SEC / 2 <= this.#word[0] >>> 0) return
    const markSec = stamp + AHEAD_SEC
    this.#word[0] = markSec | 0
    this.#store.put(KEY, writeMark(markSec), (isDurable) => {
      if (!isDurable && this.#word[0] >>> 0 === markSec) this.#word[0] = 0
    })
  }
}

function writeMark(markSec: number): Uint8Array {
  const value = new Uint8Array(MARK_BYTES)
  write32le(value, 0, markSec)
  write32le(value, 4, ~markSec)
  return value
}

function readMark(value: Uint8Array): number {
  // Earlier versions wrote the first half alone.
  if (value.length === MARK_BYTES / 2) return read32le(value, 0)
  const isWhole = value.length === MARK_BYTES && (read32le(value, 0) ^ read32le(value, 4)) === -1
  return isWhole ? read32le(value, 0) : 0
}
