import type { WorkerPlace } from '../ports.ts'

/** Nobody holds it. Otherwise the word is the holder's number, a worker's column plus one. */
const FREE = 0
/** A holder keeps a lock for a microsecond; after this many looks, some 50 ms, it must be dead or stopped. */
const SPINS_MAX = 5_000_000

export interface LockOptions {
  /** How often a lock is looked at while somebody else holds it. */
  readonly spinsMax?: number
}

/**
 * Locks in memory that several processes map, a word each. A word names its holder, so that what a dead worker held can be
 * given back and what it left half done be mended.
 */
export class SharedLocks {
  readonly #words: Int32Array
  readonly #holder: number
  readonly #spinsMax: number
  readonly #onStep: (() => void) | undefined

  constructor(words: Int32Array, worker: WorkerPlace, options: LockOptions = {}) {
    this.#words = words
    this.#holder = worker.column + 1
    this.#spinsMax = options.spinsMax ?? SPINS_MAX
    this.#onStep = worker.onStep
  }

  /** Holds a lock; false when its holder would not let go of it: then it is `seize` or do without. */
  acquire(lock: number): boolean {
    for (let looks = 0; looks <= this.#spinsMax; looks++) {
      this.#onStep?.()
      if (Atomics.compareExchange(this.#words, lock, FREE, this.#holder) !== FREE) continue
      this.#onStep?.()
      return true
    }
    return false
  }

  /** Takes a lock from whoever holds it. What it guards may be half done. */
  seize(lock: number): void {
    Atomics.store(this.#words, lock, this.#holder)
  }

  release(lock: number): void {
    this.#onStep?.()
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
