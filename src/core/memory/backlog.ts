import type { BufferPool, Owner } from './pool.ts'
import { CallbackTimer, type TimerWheel } from './wheel.ts'

/** A source that is not read until there is room for what it brings. */
export interface Turn {
  onTurn(): void
}

/** How often turns are given while nothing is released. */
const PERIOD_MS = 100
/** Whose reader takes nothing for this many periods (10 s) while others wait for a turn stands still. */
const STILL_PERIODS = 100

/** Bytes kept for one reader: one of a list, the longest without progress in front. */
export class Waiting {
  readonly owner: Owner | undefined
  previous: Waiting = this
  next: Waiting = this
  /** Of the last progress, in periods. */
  period = 0

  constructor(owner?: Owner) {
    this.owner = owner
  }
}

/**
 * Order among those that wait for memory. Sources paused for want of room are read again in turns, first come, first served.
 * When bytes must be kept and there is no room at all, the connection ends whose reader has taken nothing for longest:
 * strangers' before clients', and one that moves last.
 */
export class Backlog {
  readonly #pool: BufferPool
  readonly #turnBytes: number
  readonly #strangers = new Waiting()
  readonly #clients = new Waiting()
  readonly #line = new Set<Turn>()
  readonly #wheel: TimerWheel | undefined
  readonly #timer = new CallbackTimer(() => this.#pass())
  /** Counted while somebody waits for a turn. */
  #period = 0
  #paused = 0
  #ended = 0

  constructor(pool: BufferPool, turnBytes: number, wheel?: TimerWheel) {
    this.#pool = pool
    this.#turnBytes = turnBytes
    this.#wheel = wheel
  }

  /** How often a source was made to wait for want of room in the pool. */
  get paused(): number {
    return this.#paused
  }
  /** How many connections ended in favour of others. */
  get ended(): number {
    return this.#ended
  }
  /** Sources that wait for their turn now. */
  get waitingTurns(): number {
    return this.#line.size
  }

  /** Bytes wait from now on. */
  join(waiting: Waiting): void {
    this.#append(waiting)
  }
  /** Its reader has taken some. */
  moved(waiting: Waiting): void {
    unlink(waiting)
    this.#append(waiting)
  }
  /** Nothing waits any more. Harmless a second time. */
  leave(waiting: Waiting): void {
    unlink(waiting)
  }

  /** Ends whoever has waited longest; false when there is nobody, or the one who asks is it and had better end itself. */
  makeRoom(asking: Owner | undefined): boolean {
    const longest = this.#longest()
    if (longest === undefined || longest.owner === asking) return false
    this.#end(longest)
    return true
  }

  /** A source is paused because the pool is tight. */
  countPause(): void {
    this.#paused++
  }
  /** Calls `onTurn` once, later, when there is room for a read. */
  waitForTurn(turn: Turn): void {
    this.#line.add(turn)
    if (!this.#timer.isArmed) this.#arm()
  }
  forget(turn: Turn): void {
    this.#line.delete(turn)
  }

  /** For the pool: a buffer came back. */
  released(): void {
    if (this.#line.size > 0 && !this.#pool.isTight) this.#giveTurns(1)
  }

  /** Sources with nothing to say use no room, so turns go on without anything being released. */
  #pass(): void {
    this.#period++
    const { ceilingBytes, inUseBytes, isTight } = this.#pool
    const turns = Math.floor((ceilingBytes - inUseBytes) / this.#turnBytes)
    if (!isTight) this.#giveTurns(Math.max(1, turns))
    else if (turns > 1) this.#giveTurns(1)
    else {
      const longest = this.#longest()
      if (longest !== undefined && this.#period - longest.period >= STILL_PERIODS) this.#end(longest)
    }
    if (this.#line.size > 0) this.#arm()
  }

  #arm(): void {
    this.#wheel?.arm(this.#timer, this.#wheel.now + PERIOD_MS)
  }

  #giveTurns(count: number): void {
    let left = count
    for (const turn of this.#line) {
      if (left-- === 0) return
      this.#line.delete(turn)
      turn.onTurn()
    }
  }

  #longest(): Waiting | undefined {
    for (const head of [this.#strangers, this.#clients]) if (head.next !== head) return head.next
    return undefined
  }

  #end(waiting: Waiting): void {
    unlink(waiting)
    this.#ended++
    waiting.owner?.giveWay?.()
  }

  /** Who cannot give way is not listed. */
  #append(waiting: Waiting): void {
    const { owner } = waiting
    if (owner?.giveWay === undefined) return
    const head = owner.isStranger === true ? this.#strangers : this.#clients
    waiting.period = this.#period
    waiting.previous = head.previous
    waiting.next = head
    head.previous.next = waiting
    head.previous = waiting
  }
}

function unlink(waiting: Waiting): void {
  waiting.previous.next = waiting.next
  waiting.next.previous = waiting.previous
  waiting.previous = waiting.next = waiting
}
