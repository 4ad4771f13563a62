/** Bytes in order, as a kernel's socket buffer holds them: put in by pieces, taken out by other pieces. */
export class ByteQueue {
  #pieces: Uint8Array[] = []
  /** First piece not used up, and how much of it is. */
  #first = 0
  #used = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  /** `bytes` belong to the queue from now on. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#pieces.push(bytes)
    this.#length += bytes.length
  }

  /** The next `length` bytes, at most `this.length`, in memory of their own. */
  take(length: number): Uint8Array {
    const whole = this.#pieces[this.#first]
    if (this.#used === 0 && whole?.length === length) {
      this.#first++
      this.#shrink(length)
      return whole
    }
    const taken = new Uint8Array(length)
    for (let filled = 0; filled < length;) {
      const piece = this.#pieces[this.#first]
      const part = piece.subarray(this.#used, this.#used + length - filled)
      taken.set(part, filled)
      filled += part.length
      this.#used += part.length
      if (this.#used === piece.length) {
        this.#first++
        this.#used = 0
      }
    }
    this.#shrink(length)
    return taken
  }

  #shrink(length: number): void {
    this.#length -= length
    if (this.#length === 0) this.clear()
    else if (this.#first > 64 && 2 * this.#first > this.#pieces.length) {
      this.#pieces = this.#pieces.slice(this.#first)
      this.#first = 0
    }
  }

  clear(): void {
    this.#pieces = []
    this.#first = this.#used = this.#length = 0
  }
}
