import { TICK_MS, CallbackTimer, type TimerWheel } from '../../memory/wheel.ts'
import type { SharedLocks } from '../../memory/shared-lock.ts'
import type { Turn } from '../../memory/backlog.ts'

/** So much of the rate may pass at once behind a silence. */
export const BURST_MS = 1_000

/** Where all workers see up to when a bandwidth is used up, in monotonic ms. */
export interface BucketPlace {
  /** Perhaps long ago. */
  paidMs(nowMs: number): number
  /** Moves it on by `ms`, from now where it lies in the past. */
  pay(ms: number, nowMs: number): void
}

/** In a cell that is its own for as long as it is used, and which lock guards that. */
export class CellPlace implements BucketPlace {
  readonly #cells: Float64Array
  readonly #at: number
  readonly #locks: SharedLocks
  readonly #lock: number

  constructor(cells: Float64Array, at: number, locks: SharedLocks, lock: number) {
    this.#cells = cells
    this.#at = at
    this.#locks = locks
    this.#lock = lock
  }

  paidMs(): number {
    return this.#cells[this.#at]
  }

  pay(ms: number, nowMs: number): void {
    if (!this.#locks.acquire(this.#lock)) this.#locks.seize(this.#lock)
    this.#cells[this.#at] = Math.max(this.#cells[this.#at], nowMs) + ms
    this.#locks.release(this.#lock)
  }
}

/**
 * One bandwidth over all workers, and those connections of this process that wait for it, first come, first served. What a read brought
 * has come and passes whole, so the rate holds by the pause behind it.
 */
export class Bucket {
  bytesPerSec: number
  /** Connections that go by it, for whoever keeps it for them. */
  uses = 0
  readonly line = new Set<Turn>()
  readonly #place: BucketPlace

  constructor(place: BucketPlace, bytesPerSec: number) {
    this.#place = place
    this.bytesPerSec = bytesPerSec
  }

  /** `bytes` have passed. */
  charge(bytes: number, nowMs: number): void {
    this.#place.pay((bytes * 1000) / this.bytesPerSec, nowMs)
  }

  /** How many bytes may pass now; 0 or less: none. */
  room(nowMs: number): number {
    return ((nowMs + BURST_MS - Math.max(this.#place.paidMs(nowMs), nowMs)) * this.bytesPerSec) / 1000
  }
}

/** Gives turns to connections that wait for bandwidth, as many as there is room for. One timer, whatever their number. */
export class Pacer {
  readonly #wheel: TimerWheel
  readonly #turnBytes: number
  readonly #buckets = new Set<Bucket>()
  readonly #timer = new CallbackTimer(() => this.#pass())

  /** One turn brings up to `turnBytes`. */
  constructor(wheel: TimerWheel, turnBytes: number) {
    this.#wheel = wheel
    this.#turnBytes = turnBytes
  }

  /** Monotonic ms, as of the last tick: never ahead of the time. */
  get nowMs(): number {
    return this.#wheel.now
  }

  /** Calls `onTurn` once, later, when there is room. */
  wait(bucket: Bucket, turn: Turn): void {
    bucket.line.add(turn)
    this.#buckets.add(bucket)
    if (!this.#timer.isArmed) this.#arm()
  }

  #arm(): void {
    this.#wheel.arm(this.#timer, this.#wheel.now + TICK_MS)
  }

  #pass(): void {
    for (const bucket of this.#buckets) {
      this.#giveTurns(bucket)
      if (bucket.line.size === 0) this.#buckets.delete(bucket)
    }
    if (this.#buckets.size > 0) this.#arm()
  }

  /** One has a turn even where there is little room: whoever has nothing to say uses none. */
  #giveTurns(bucket: Bucket): void {
    const room = bucket.room(this.nowMs)
    let left = room > 0 ? 1 + Math.floor(room / this.#turnBytes) : 0
    for (const turn of bucket.line) {
      if (left-- === 0) return
      bucket.line.delete(turn)
      turn.onTurn()
    }
  }
}
