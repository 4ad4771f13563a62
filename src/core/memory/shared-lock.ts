/** Nobody holds it. Otherwise the word is the holder's number, a worker's column plus one. */
const FREE = 0
/** A holder keeps a lock for a microsecond; after this many looks, some 50 ms, it must be dead or stopped. */
const SPINS_MAX = 5_000_000

/** How often a lock is looked at while somebody else holds it, and what is called in between: tests let others run there. */
export interface LockOptions {
  readonly spinsMax?: number
  readonly onSpin?: () => void
}

/**
 * Locks in memory that several processes map, a word each. A word names its holder, so that what a dead worker held can be
 * given back and what it left half done be mended.
 */
export class SharedLocks {
  readonly #words: Int32Array
  readonly #holder: number
  readonly #spinsMax: number
  readonly #onSpin: (() => void) | undefined

  /** `column` is this worker's number among all that map the words, from 0. */
  constructor(words: Int32Array, column: number, options: LockOptions = {}) {
    this.#words = words
    this.#holder = column + 1
    this.#spinsMax = options.spinsMax ?? SPINS_MAX
    this.#onSpin = options.onSpin
  }

  /** Holds a lock; false when its holder would not let go of it: then it is `seize` or do without. */
  acquire(lock: number): boolean {
    if (Atomics.compareExchange(this.#words, lock, FREE, this.#holder) === FREE) return true
    for (let spins = 0; spins < this.#spinsMax; spins++) {
      this.#onSpin?.()
      if (Atomics.compareExchange(this.#words, lock, FREE, this.#holder) === FREE) return true
    }
    return false
  }

  /** Takes a lock from whoever holds it. What it guards may be half done. */
  seize(lock: number): void {
    Atomics.store(this.#words, lock, this.#holder)
  }

  release(lock: number): void {
    Atomics.store(this.#words, lock, FREE)
  }

  /** Calls `mend` for every lock that a dead worker held, and gives it back. */
  releaseFrom(column: number, mend: (lock: number) => void): void {
    for (let lock = 0; lock < this.#words.length; lock++) {
      if (Atomics.compareExchange(this.#words, lock, column + 1, this.#holder) !== column + 1) continue
      mend(lock)
      this.release(lock)
    }
  }
}
