/** Where pieces are put together: grows as they come, and gives its memory back when what was assembled has been used. */
export interface Assembly {
  readonly length: number
  /** Everything so far; valid until the next `extend` or `release`. */
  readonly bytes: Uint8Array
  /** The memory itself, for what is written behind an `extend`; another one behind the next. */
  readonly held: Uint8Array
  /**
   * Makes `count` bytes more at the end and returns where they begin in `held`; their content is undefined. -1 when there is no
   * memory for them; never when they only fill up what is there to a multiple of 16. `expected`: the length in the end, if known.
   */
  extend(count: number, expected?: number): number
  /** Starts again with nothing. Harmless when nothing is held. */
  release(): void
  /** Gives everything back, for good. */
  close(): void
}

const FIRST_BYTES = 4096
const EMPTY = new Uint8Array(0)

/** In memory of the runtime's, of which there is always enough. */
export class PlainAssembly implements Assembly {
  #held: Uint8Array = EMPTY
  #length = 0

  get length(): number {
    return this.#length
  }

  get held(): Uint8Array {
    return this.#held
  }

  get bytes(): Uint8Array {
    return this.#held.subarray(0, this.#length)
  }

  extend(count: number): number {
    const from = this.#length
    const length = from + count
    if (length > this.#held.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#held.length, FIRST_BYTES))
      larger.set(this.bytes)
      this.#held = larger
    }
    this.#length = length
    return from
  }

  release(): void {
    this.#held = EMPTY
    this.#length = 0
  }

  close(): void {
    this.release()
  }
}
