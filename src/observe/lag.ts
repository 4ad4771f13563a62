const WINDOW_MS = 5000

/** How late a regular tick comes: the worst of the last 5 to 10 seconds, whoever reads it how often. */
export class LoopLag {
  readonly #everyMs: number
  #last: number
  #windowStart: number
  #worst = 0
  #worstBefore = 0
  #worstSinceTaken = 0

  constructor(everyMs: number, nowMs: number) {
    this.#everyMs = everyMs
    this.#last = nowMs
    this.#windowStart = nowMs
  }

  tick(nowMs: number): void {
    const late = Math.max(0, nowMs - this.#last - this.#everyMs)
    this.#last = nowMs
    if (nowMs - this.#windowStart >= WINDOW_MS) {
      this.#worstBefore = this.#worst
      this.#worst = 0
      this.#windowStart = nowMs
    }
    if (late > this.#worst) this.#worst = late
    if (late > this.#worstSinceTaken) this.#worstSinceTaken = late
  }

  /** The worst since the last call, for the one who decides by it. */
  takeMs(): number {
    const taken = this.#worstSinceTaken
    this.#worstSinceTaken = 0
    return taken
  }

  get worstMs(): number {
    return Math.max(this.#worst, this.#worstBefore)
  }
}
