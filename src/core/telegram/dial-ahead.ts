import type { DialAheadResult, Emit } from '../events.ts'
import { CallbackTimer, type TimerWheel } from '../memory/wheel.ts'
import type { Address, Cancellable, Clock, Connection, DialFailure, Dialing, Handler } from '../ports.ts'
import type { Backoff } from './backoff.ts'

export interface DialAheadOptions {
  readonly clock: Clock
  readonly wheel: TimerWheel
  readonly emit: Emit
  readonly backoff: Backoff
  readonly dial: (address: Address, dialing: Dialing) => Cancellable
  /** Of a DC that is known, in order of preference. */
  readonly addresses: (dc: number) => readonly Address[]
  /** How many for each DC in use; `predict`: by recent demand. */
  readonly wanted: () => number | 'predict'
  readonly connectTimeoutMs: () => number
}

/** A DC ends connections that say nothing; ours is given up well before. */
const STALE_MS = 20_000
const CARE_MS = 1_000
/** A DC that nobody wanted for this long gets none. */
const UNUSED_MS = 60_000
const WINDOW_MS = 10_000
/** What is wanted within this time is dialled ahead: about what a dial takes, and one round of care. */
const LEAD_MS = 1_500
const AHEAD_MAX = 8
/** Dials at a time while the last one opened: one alone gives no more than one connection per round trip. */
const DIALS_MAX = 4

/** Connections to DCs that wait for the client who will need one: the dial is behind it then. Each is handed out once. */
export class DialAhead {
  readonly #options: DialAheadOptions
  /** By DC as clients write it; only DCs that somebody reached by name of the table. */
  readonly #stocks = new Map<number, Stock>()
  readonly #care = new CallbackTimer(() => this.#takeCare())
  #isClosed = false

  constructor(options: DialAheadOptions) {
    this.#options = options
  }

  /** Connections that wait now. */
  get ready(): number {
    let ready = 0
    for (const stock of this.#stocks.values()) ready += stock.ready.length
    return ready
  }

  /** Somebody wants that DC now: the freshest connection that waits for it, or nothing. */
  take(dc: number): Connection | undefined {
    const { clock, wheel, wanted } = this.#options
    if (this.#isClosed || wanted() === 0) return undefined
    const now = clock.mono()
    const stock = this.#stocks.get(dc) ?? new Stock(now)
    this.#stocks.set(dc, stock)
    stock.want(now)
    if (!this.#care.isArmed) wheel.arm(this.#care, now + CARE_MS)
    const waiting = stock.ready.pop()
    this.#tell(dc, waiting === undefined ? 'miss' : 'hit')
    if (waiting === undefined) return undefined
    waiting.isTaken = true
    this.#fill(dc, stock)
    return waiting.connection
  }

  close(): void {
    this.#isClosed = true
    this.#options.wheel.disarm(this.#care)
    for (const stock of this.#stocks.values()) {
      for (const dial of stock.dialing) dial.cancel()
      for (const waiting of stock.ready.splice(0)) waiting.connection.close()
      stock.dialing.clear()
    }
  }

  #takeCare(): void {
    const { clock, wheel } = this.#options
    const now = clock.mono()
    for (const [dc, stock] of [...this.#stocks]) {
      while (stock.ready.length > 0 && now - stock.ready[0].since >= STALE_MS)
        this.#drop(dc, stock, stock.ready[0], 'stale')
      if (now - stock.lastWantedAt < UNUSED_MS) this.#fill(dc, stock)
      else if (stock.ready.length === 0 && stock.dialing.size === 0) this.#stocks.delete(dc)
    }
    if (this.#stocks.size > 0) wheel.arm(this.#care, now + CARE_MS)
  }

  #fill(dc: number, stock: Stock): void {
    const { clock, wanted } = this.#options
    const keep = wanted()
    const target = keep === 'predict' ? stock.predicted(clock.mono()) : keep
    const most = stock.isInReach ? DIALS_MAX : 1
    while (stock.dialing.size < most && stock.ready.length + stock.dialing.size < target)
      if (!this.#dial(dc, stock)) return
  }

  /** False when every address is in its pause. */
  #dial(dc: number, stock: Stock): boolean {
    const { clock, wheel, backoff, addresses, connectTimeoutMs } = this.#options
    const now = clock.mono()
    const address = addresses(dc).find((each) => backoff.waitMs(each, now) === 0)
    if (address === undefined) return false
    const id = backoff.attempt(address, now)
    const failed = (why: DialFailure) => {
      if (!stock.dialing.delete(attempt)) return
      attempt.cancel()
      stock.isInReach = false
      backoff.failed(address, id, clock.mono())
      this.#options.emit({ kind: 'dial-failed', target: 'dc', address, why })
      this.#tell(dc, 'failed')
    }
    const dial = this.#options.dial(address, {
      onOpen: (connection) => {
        stock.dialing.delete(attempt)
        wheel.disarm(late)
        stock.isInReach = true
        backoff.succeeded(address)
        return this.#keep(dc, stock, connection)
      },
      onFail: failed,
    })
    const late = new CallbackTimer(() => failed('timeout'))
    const attempt: Cancellable = {
      cancel() {
        dial.cancel()
        wheel.disarm(late)
      },
    }
    stock.dialing.add(attempt)
    wheel.arm(late, now + connectTimeoutMs())
    return true
  }

  #keep(dc: number, stock: Stock, connection: Connection): Handler {
    const waiting: Waiting = { connection, since: this.#options.clock.mono(), isTaken: false }
    stock.ready.push(waiting)
    this.#fill(dc, stock)
    // A DC says nothing before it is spoken to: whatever comes makes this connection useless.
    const drop = () => {
      if (!waiting.isTaken) this.#drop(dc, stock, waiting, 'lost')
    }
    return { onData: drop, onDrain() {}, onEnd: drop, onClose: drop }
  }

  #drop(dc: number, stock: Stock, waiting: Waiting, why: 'stale' | 'lost'): void {
    const at = stock.ready.indexOf(waiting)
    if (at < 0) return
    stock.ready.splice(at, 1)
    waiting.connection.close()
    this.#tell(dc, why)
  }

  #tell(dc: number, result: DialAheadResult): void {
    this.#options.emit({ kind: 'dial-ahead', dc, result })
  }
}

interface Waiting {
  readonly connection: Connection
  readonly since: number
  isTaken: boolean
}

/** What waits for one DC, and how much it is wanted. */
class Stock {
  /** The freshest last. */
  readonly ready: Waiting[] = []
  readonly dialing = new Set<Cancellable>()
  lastWantedAt: number
  /** The last dial opened. What is out of reach is not asked by many at once. */
  isInReach = false
  #windowFrom: number
  /** Demand of this window and of the one before. */
  #now = 0
  #before = 0

  constructor(now: number) {
    this.lastWantedAt = this.#windowFrom = now
  }

  want(now: number): void {
    this.#turn(now)
    this.lastWantedAt = now
    this.#now++
  }

  /** How many will be wanted before the next ones could be dialled, by the demand of late. */
  predicted(now: number): number {
    this.#turn(now)
    const elapsedMs = WINDOW_MS + now - this.#windowFrom
    return Math.min(AHEAD_MAX, Math.ceil(((this.#before + this.#now) * LEAD_MS) / elapsedMs))
  }

  #turn(now: number): void {
    const elapsedMs = now - this.#windowFrom
    if (elapsedMs < WINDOW_MS) return
    this.#before = elapsedMs < 2 * WINDOW_MS ? this.#now : 0
    this.#now = 0
    this.#windowFrom = now
  }
}
