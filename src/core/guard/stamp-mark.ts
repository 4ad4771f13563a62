import { read32le, write32le } from '../protocol/bytes.ts'
import type { Store } from '../ports.ts'

const KEY = 'replay-mark'
/** The mark is written this far ahead of the stamps, and again when they have come half as near. */
const AHEAD_SEC = 60

/**
 * The stamp that no accepted hello was beyond, on the disk: what the replay ring needs after a loss of power that took its
 * last entries. The clock alone does not say it, since it may come back showing another time.
 */
export class StampMark {
  readonly #store: Store
  #sec = 0

  constructor(store: Store) {
    this.#store = store
  }

  /** Tells what was written last, in unix seconds; 0 when nothing was or the store failed. */
  load(reply: (markSec: number) => void): void {
    this.#store.get(KEY, (value) => {
      const markSec = value?.length === 4 ? read32le(value, 0) : 0
      this.#sec = Math.max(this.#sec, markSec)
      reply(markSec)
    })
  }

  /** A hello with that stamp is accepted. */
  reached(stamp: number): void {
    if (stamp + AHEAD_SEC / 2 <= this.#sec) return
    this.#sec = stamp + AHEAD_SEC
    const value = new Uint8Array(4)
    write32le(value, 0, this.#sec)
    this.#store.put(KEY, value, (isDurable) => {
      if (!isDurable) this.#sec = 0
    })
  }
}
