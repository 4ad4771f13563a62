import { assert } from '../assert.ts'

/**
 * All deadlines of a process in one hashed timer wheel: arming and disarming cost a few pointer writes, and no runtime
 * timer exists per connection. A deadline fires at the first tick at or after its time, so at most `TICK_MS` late.
 */

/** Length of one slot in milliseconds; the driver calls `advance` about this often. */
export const TICK_MS = 50
const SLOTS = 4096

/** Subclass or embed: `fire` is called once per arming. */
export abstract class Timer {
  /** Monotonic ms; meaningful while armed. */
  at = 0
  previous: Timer | undefined
  next: Timer | undefined
  abstract fire(): void

  get isArmed(): boolean {
    return this.next !== undefined
  }
}

/** Head of a slot's circular list. */
class Slot extends Timer {
  constructor() {
    super()
    this.next = this.previous = this
  }
  override fire(): void {
    assert(false, 'a slot head is never fired')
  }
}

/** A timer made of a function, for owners that have several. */
export class CallbackTimer extends Timer {
  readonly #run: () => void
  constructor(run: () => void) {
    super()
    this.#run = run
  }
  override fire(): void {
    this.#run()
  }
}

export class TimerWheel {
  readonly #slots: Slot[] = Array.from({ length: SLOTS }, () => new Slot())
  #tick: number
  #armed = 0
  #now: number

  constructor(nowMs: number) {
    this.#now = nowMs
    this.#tick = Math.floor(nowMs / TICK_MS)
  }

  /** Time of the last `advance`: a free, coarse clock for bookkeeping such as "last active". */
  get now(): number {
    return this.#now
  }

  get armed(): number {
    return this.#armed
  }

  /** Arms for `atMs`, moving the timer if it is armed already. A time in the past fires at the next tick. */
  arm(timer: Timer, atMs: number): void {
    this.disarm(timer)
    timer.at = atMs
    const tick = Math.max(Math.ceil(atMs / TICK_MS), this.#tick + 1)
    this.#link(timer, this.#slots[tick % SLOTS])
    this.#armed++
  }

  disarm(timer: Timer): void {
    if (timer.next === undefined) return
    unlink(timer)
    this.#armed--
  }

  /** Fires what is due up to `nowMs`, slot by slot; within a slot in the order of arming. */
  advance(nowMs: number): void {
    const last = Math.floor(nowMs / TICK_MS)
    this.#now = Math.max(this.#now, nowMs)
    // After a long stall one round visits every slot once; more rounds would find nothing new.
    if (last - this.#tick > SLOTS) this.#tick = last - SLOTS
    while (this.#tick < last) {
      this.#tick++
      this.#fireSlot(this.#slots[this.#tick % SLOTS], this.#tick * TICK_MS)
    }
  }

  /** The earliest deadline, or undefined. Walks the wheel up to it: for drivers that skip idle time, not for every tick. */
  nextAt(): number | undefined {
    let later: number | undefined
    for (let ahead = 1; ahead <= SLOTS && this.#armed > 0; ahead++) {
      const tick = this.#tick + ahead
      const at = earliestIn(this.#slots[tick % SLOTS])
      if (at === undefined) continue
      // Slots also hold what is due rounds later, or was due already when it was armed.
      if (at <= tick * TICK_MS) return at
      later = Math.min(later ?? at, at)
    }
    return later
  }

  #fireSlot(slot: Slot, upToMs: number): void {
    if (slot.next === slot) return
    // The due ones move to a list of their own, so that arming in `fire` never feeds the loop it is called from.
    const due = new Slot()
    for (let timer = slot.next; timer !== undefined && timer !== slot;) {
      const next: Timer | undefined = timer.next
      if (timer.at <= upToMs) {
        unlink(timer)
        this.#link(timer, due)
      }
      timer = next
    }
    while (due.next !== undefined && due.next !== due) {
      const timer: Timer = due.next
      unlink(timer)
      this.#armed--
      timer.fire()
    }
  }

  #link(timer: Timer, head: Timer): void {
    timer.previous = head.previous
    timer.next = head
    if (head.previous !== undefined) head.previous.next = timer
    head.previous = timer
  }
}

function unlink(timer: Timer): void {
  if (timer.previous !== undefined) timer.previous.next = timer.next
  if (timer.next !== undefined) timer.next.previous = timer.previous
  timer.previous = timer.next = undefined
}

function earliestIn(slot: Slot): number | undefined {
  let earliest: number | undefined
  for (let timer = slot.next; timer !== undefined && timer !== slot; timer = timer.next) {
    if (earliest === undefined || timer.at < earliest) earliest = timer.at
  }
  return earliest
}
