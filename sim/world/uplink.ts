/** A line that several connections share: what one sends waits behind what others sent before it. */
export class Uplink {
  readonly #bytesPerMs: number
  /** Virtual ms up to which the line is taken. */
  #freeAt = 0

  /** `bytesPerSec` is at least 1. */
  constructor(bytesPerSec: number) {
    this.#bytesPerMs = bytesPerSec / 1000
  }

  /** How long these bytes wait and take from `nowMs` on, in whole ms. */
  delayMs(bytes: number, nowMs: number): number {
    this.#freeAt = Math.max(this.#freeAt, nowMs) + bytes / this.#bytesPerMs
    return Math.floor(this.#freeAt - nowMs)
  }
}
