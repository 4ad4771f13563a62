/** Nobody's turn but the explorer's. */
const EXPLORER = -1
const ENDED = 1

/**
 * Threads that run one at a time: whoever has the turn runs until its next step, and the explorer says who is next. So an
 * interleaving is a list of choices, the same whenever it is run.
 *
 *   turn | ended, per thread
 */
export class Turns {
  static byteLength(threads: number): number {
    return 4 * (1 + threads)
  }
  readonly #words: Int32Array

  constructor(shared: SharedArrayBuffer) {
    this.#words = new Int32Array(shared)
  }

  /** Of the explorer: lets a thread run up to its next step; false when it does not come back within `limitMs`. */
  let(thread: number, limitMs: number): boolean {
    Atomics.store(this.#words, 0, thread)
    Atomics.notify(this.#words, 0)
    while (Atomics.load(this.#words, 0) === thread)
      if (Atomics.wait(this.#words, 0, thread, limitMs) === 'timed-out') return false
    return true
  }

  /** Of a thread: somebody else's turn, until it is its own again. */
  pass(thread: number): void {
    Atomics.store(this.#words, 0, EXPLORER)
    Atomics.notify(this.#words, 0)
    this.await(thread)
  }

  /** Of a thread that starts. */
  await(thread: number): void {
    for (;;) {
      const turn = Atomics.load(this.#words, 0)
      if (turn === thread) return
      Atomics.wait(this.#words, 0, turn)
    }
  }

  /** Of a thread that has nothing more to do. */
  end(thread: number): void {
    Atomics.store(this.#words, 1 + thread, ENDED)
    Atomics.store(this.#words, 0, EXPLORER)
    Atomics.notify(this.#words, 0)
  }

  hasEnded(thread: number): boolean {
    return Atomics.load(this.#words, 1 + thread) === ENDED
  }

  reset(): void {
    Atomics.store(this.#words, 0, EXPLORER)
  }
}
