const FIRST_BUFFER_BYTES = 4096

/**
 * Puts a piece of known length together out of a stream cut anywhere; what comes at once is not copied. Grows with what has
 * come, not with what was announced.
 */
export class Gatherer {
  #held = new Uint8Array(0)
  #length = 0

  /** Bytes of the piece that are here. */
  get length(): number {
    return this.#length
  }

  /** The piece when `part` completes its `wanted` bytes, valid as long as `part` is; `part` never goes beyond it. */
  take(part: Uint8Array, wanted: number): Uint8Array | undefined {
    const length = this.#length + part.length
    if (length === part.length && length === wanted) return part
    this.#hold(part, length)
    if (length < wanted) return undefined
    const whole = this.#held.subarray(0, wanted)
    // The next piece gets a buffer of its own, so that an idle reader holds none.
    this.#held = new Uint8Array(0)
    this.#length = 0
    return whole
  }

  #hold(part: Uint8Array, length: number): void {
    if (length > this.#held.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#held.length, FIRST_BUFFER_BYTES))
      larger.set(this.#held.subarray(0, this.#length))
      this.#held = larger
    }
    this.#held.set(part, this.#length)
    this.#length = length
  }
}
