import type { Address, Random } from '../ports.ts'

/** Pauses after one failure, two, three ...; the last one stays (I25). Jittered by up to a half. */
const PAUSES_MS = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000]
/** Endpoints come from the configuration and the built-in table, so there are few; more than this is a fault of ours. */
const ENDPOINTS_MAX = 1024

interface Endpoint {
  failures: number
  /** Monotonic ms before which it is not tried. */
  until: number
  /** The last attempt, while it is under way. */
  probe: AttemptId | undefined
}

/** Tells one attempt from another; those at an endpoint without failures are all the same. */
export type AttemptId = number
const UNWATCHED: AttemptId = 0

/** Which endpoints failed lately, and until when each is left alone. */
export class Backoff {
  readonly #random: Random
  readonly #endpoints = new Map<string, Endpoint>()
  #attempts: AttemptId = UNWATCHED

  constructor(random: Random) {
    this.#random = random
  }

  /** Milliseconds until the endpoint may be tried; 0 when it may be now. */
  waitMs(address: Address, now: number): number {
    const endpoint = this.#endpoints.get(keyOf(address))
    return endpoint === undefined ? 0 : Math.max(0, endpoint.until - now)
  }

  /** Whether the one attempt that a pause ends with is under way: how it ends will be known soon. */
  isProbed(address: Address): boolean {
    return this.#endpoints.get(keyOf(address))?.probe !== undefined
  }

  /**
   * Says that an attempt begins. An endpoint that failed before counts as failing until `succeeded` says otherwise, so that
   * a burst of clients makes one attempt per pause and not one each.
   */
  attempt(address: Address, now: number): AttemptId {
    const endpoint = this.#endpoints.get(keyOf(address))
    if (endpoint === undefined) return UNWATCHED
    // Whoever has not answered by the end of a pause has failed once more, though nobody has given up on it yet.
    if (endpoint.probe !== undefined) endpoint.failures++
    endpoint.probe = ++this.#attempts
    // As if it had failed already, so that one that hangs is not tried again sooner than one that is refused.
    endpoint.until = now + this.#pauseMs(endpoint.failures + 1)
    return endpoint.probe
  }

  /** That attempt failed. Of attempts side by side the first failure counts: the others tell nothing new. */
  failed(address: Address, attempt: AttemptId, now: number): void {
    const key = keyOf(address)
    const known = this.#endpoints.get(key)
    if (known !== undefined && known.probe !== attempt) return
    const endpoint = known ?? { failures: 0, until: 0, probe: undefined }
    endpoint.probe = undefined
    endpoint.failures++
    endpoint.until = now + this.#pauseMs(endpoint.failures)
    if (this.#endpoints.size < ENDPOINTS_MAX) this.#endpoints.set(key, endpoint)
  }

  succeeded(address: Address): void {
    this.#endpoints.delete(keyOf(address))
  }

  #pauseMs(failures: number): number {
    const pause = PAUSES_MS[Math.min(failures, PAUSES_MS.length) - 1]
    return pause + this.#random.below(Math.floor(pause / 2) + 1)
  }
}

function keyOf(address: Address): string {
  return `${address.ip}|${address.port}`
}
