/** So many errors within `WINDOW_MS` say that the token is gone, and not that one call went wrong. */
const ERRORS_MAX = 3
const WINDOW_MS = 10_000
/** Between attempts to get the token back: a second at first, then twice as long each time, up to this. */
const RETRY_FIRST_MS = 1000
const RETRY_MAX_MS = 30_000

/**
 * Whether the token is asked at all. Three errors within ten seconds open it, as does a known answer that is wrong; while it is open
 * nobody waits for a token that does not answer. A test that passes closes it. Times are monotonic ms.
 */
export class Breaker {
  readonly #errorsAt: number[] = []
  #isOpen = false
  #retryAt = 0
  #retryMs = RETRY_FIRST_MS

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** A call failed. True when that opened it. */
  failed(now: number): boolean {
    if (this.#isOpen) return false
    this.#errorsAt.push(now)
    while (now - this.#errorsAt[0] > WINDOW_MS) this.#errorsAt.shift()
    if (this.#errorsAt.length < ERRORS_MAX) return false
    this.open(now)
    return true
  }

  /** At once: what the token says is wrong. */
  open(now: number): void {
    this.#isOpen = true
    this.#errorsAt.length = 0
    this.#retryMs = RETRY_FIRST_MS
    this.#retryAt = now
  }

  /** Whether it is time to try to get the token back; counts as a try. */
  shallRetry(now: number): boolean {
    if (!this.#isOpen || now < this.#retryAt) return false
    this.#retryAt = now + this.#retryMs
    this.#retryMs = Math.min(2 * this.#retryMs, RETRY_MAX_MS)
    return true
  }

  close(): void {
    this.#isOpen = false
  }
}
