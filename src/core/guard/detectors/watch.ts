import type { Emit } from '../../events.ts'
import { SharedLocks } from '../../memory/shared-lock.ts'
import type { SharedMemory, WorkerPlace } from '../../ports.ts'
import { BIN_COUNTS, BIN_MS, type Bin } from './bin.ts'
import { CUSUM_WORDS, isAlarmed, isCalm } from './cusum.ts'
import { DETECTORS } from './index.ts'

const MAGIC = 0x50574831
/** An attack is over when its detector has been calm for so many bins. */
const CALM_BINS = 12
/** After longer silence than this nothing is left of what was counted. */
const BINS_MAX = 512
/** Of each detector, behind its CUSUM: 1 while it sees an attack, and calm bins since. */
const SEES = CUSUM_WORDS
const CALM = CUSUM_WORDS + 1
const WORDS = CUSUM_WORDS + 2
const BYTES = 32 + 4 * BIN_COUNTS.length + 8 * WORDS * DETECTORS.length

export interface AttackWatchOptions {
  readonly memory: SharedMemory
  readonly worker: WorkerPlace
  readonly emit: Emit
  /** Monotonic. */
  readonly nowMs: number
}

/**
 * Counts what strangers do, over all workers, and asks the detectors at the end of every bin; whoever comes first into a new bin
 * closes the last one.
 *
 *   magic, lock, current bin, answered(1 while limits are tight), 0(4) | counts of the bin | per detector: CUSUM, sees, calm bins
 */
export class AttackWatch {
  readonly #lock: SharedLocks
  readonly #header: Int32Array
  readonly #counts: Int32Array
  readonly #states: readonly Float64Array[]
  readonly #emit: Emit
  readonly #bin: Bin = { arrivals: 0, tried: 0, failed: 0, newFailing: 0 }

  constructor({ memory, worker, emit, nowMs }: AttackWatchOptions) {
    const { bytes, origin } = memory.open('attack-watch', BYTES)
    const { buffer, byteOffset } = bytes
    this.#header = new Int32Array(buffer, byteOffset, 8)
    this.#counts = new Int32Array(buffer, byteOffset + 32, BIN_COUNTS.length)
    const states = byteOffset + 32 + 4 * BIN_COUNTS.length
    this.#states = DETECTORS.map((_, at) => new Float64Array(buffer, states + 8 * WORDS * at, WORDS))
    this.#lock = new SharedLocks(this.#header.subarray(1, 2), worker.column)
    this.#emit = emit
    // From before the machine started anew, or half written.
    if (origin !== 'stale' && this.#header[0] === MAGIC && this.#header[2] <= binOf(nowMs)) return
    bytes.fill(0)
    this.#header[0] = MAGIC
    this.#header[2] = binOf(nowMs)
  }

  /** An attack goes on that is answered by tighter limits for strangers. */
  get isAttack(): boolean {
    return this.#header[3] !== 0
  }

  /** Names of the detectors that see one. */
  get seen(): readonly string[] {
    return DETECTORS.filter((_, at) => this.#states[at][SEES] !== 0).map(({ name }) => name)
  }

  /** A stranger connects. */
  arrived(): void {
    Atomics.add(this.#counts, 0, 1)
  }

  succeeded(): void {
    Atomics.add(this.#counts, 1, 1)
  }

  /** `isFirst`: of its source, of late. */
  failed(isFirst: boolean): void {
    Atomics.add(this.#counts, 1, 1)
    Atomics.add(this.#counts, 2, 1)
    if (isFirst) Atomics.add(this.#counts, 3, 1)
  }

  /** Closes the bins that are over; cheap when none is. At least once a second, whether anybody comes or not. */
  advance(nowMs: number): void {
    if (binOf(nowMs) <= Atomics.load(this.#header, 2)) return
    if (!this.#lock.acquire(0)) this.#lock.seize(0)
    const bins = Math.min(BINS_MAX, binOf(nowMs) - this.#header[2])
    // Somebody else may have been first.
    if (bins > 0) this.#header[2] = binOf(nowMs)
    for (let each = 0; each < bins; each++) this.#close()
    this.#lock.release(0)
  }

  takeBack(column: number): void {
    this.#lock.releaseFrom(column, () => {})
  }

  #close(): void {
    for (let at = 0; at < BIN_COUNTS.length; at++) this.#bin[BIN_COUNTS[at]] = Atomics.exchange(this.#counts, at, 0)
    let isAnswered = false
    for (let at = 0; at < DETECTORS.length; at++) {
      this.#judge(at)
      if (DETECTORS[at].isAnswered && this.#states[at][SEES] !== 0) isAnswered = true
    }
    Atomics.store(this.#header, 3, isAnswered ? 1 : 0)
  }

  #judge(at: number): void {
    const state = this.#states[at]
    const detector = DETECTORS[at]
    detector.step(state, this.#bin)
    if (state[SEES] === 0) {
      if (!isAlarmed(state)) return
      state[SEES] = 1
      state[CALM] = 0
      this.#tell(at, 'begun')
      return
    }
    state[CALM] = isCalm(state) ? state[CALM] + 1 : 0
    if (state[CALM] < CALM_BINS) return
    state[SEES] = 0
    this.#tell(at, 'over')
  }

  #tell(at: number, state: 'begun' | 'over'): void {
    const detector = DETECTORS[at]
    const { name, isAnswered } = detector
    this.#emit({
      kind: 'attack',
      detector: name,
      state,
      isAnswered,
      why: detector.explain(this.#states[at], this.#bin),
    })
  }
}

function binOf(nowMs: number): number {
  return Math.floor(nowMs / BIN_MS)
}
