import { SharedLocks } from '../../memory/shared-lock.ts'
import type { SharedMemory, WorkerPlace } from '../../ports.ts'
import type { Rate } from '../../settings.ts'
import { isOver, spend } from './rate.ts'

/**
 * What its past says of a source: its handshakes failed and none succeeded; nothing; good use of late. When a flood has used up the
 * rate, each of the better ones has a quarter of the burst that those below it cannot take.
 */
export type Standing = 'bad' | 'new' | 'known'
const QUARTERS: Readonly<Record<Standing, number>> = { bad: 2, new: 3, known: 4 }
const LAST_SEC_AT = 1

/**
 * The rate of new connections of all sources over all workers.
 *
 *   lock(4) | second in which it was last asked(4) | moment up to which the rate is used up, ms(8)
 */
export class TotalRate {
  readonly #lock: SharedLocks
  readonly #words: Int32Array
  readonly #arrivalMs: Float64Array

  constructor({ memory, worker, nowMs }: { memory: SharedMemory; worker: WorkerPlace; nowMs: number }) {
    const { bytes, origin } = memory.open('total-rate', 16)
    this.#words = new Int32Array(bytes.buffer, bytes.byteOffset, 2)
    this.#lock = new SharedLocks(this.#words.subarray(0, 1), worker)
    this.#arrivalMs = new Float64Array(bytes.buffer, bytes.byteOffset + 8, 1)
    // From before the machine started anew: such a moment may be days ahead, and nobody would come in until then.
    if (origin === 'stale' || this.#words[LAST_SEC_AT] > nowMs / 1000) this.#arrivalMs[0] = 0
  }

  /** False when it would be more than the rate. */
  take(rate: Rate, standing: Standing, nowMs: number): boolean {
    if (!this.#lock.acquire(0)) this.#lock.seize(0)
    this.#words[LAST_SEC_AT] = nowMs / 1000
    const burst = Math.max(1, Math.ceil((rate.burst * QUARTERS[standing]) / 4))
    const isAdmitted = !isOver(this.#arrivalMs, 0, nowMs, rate.perSec, burst)
    if (isAdmitted) spend(this.#arrivalMs, 0, nowMs, rate.perSec, 1)
    this.#lock.release(0)
    return isAdmitted
  }

  takeBack(column: number): void {
    this.#lock.releaseFrom(column, () => {})
  }
}
