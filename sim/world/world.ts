import { createHash, type Hash } from 'node:crypto'
import type { Cancellable } from '../../src/core/ports.ts'
import { VirtualClock } from './clock.ts'
import { SeededRandom } from './random.ts'

export interface WorldOptions {
  /** Unix seconds at the start. */
  readonly wallSec?: number
  /** A run that takes more events than this does not end by itself. */
  readonly eventsMax?: number
  /** Sees every text of the trace: for somebody who looks for what happened. */
  readonly onTrace?: (atMs: number, what: string) => void
  /** Whether what happens is hashed, so that two runs can be compared whole; true unless said. */
  readonly isTraced?: boolean
}

interface Event {
  readonly at: number
  readonly order: number
  /** Undefined: cancelled. It stays where it is in the heap until its time. */
  run: (() => void) | undefined
}

/** Something that wants to be called every so often, and can say when it has nothing to do until. */
export interface Ticker {
  readonly everyMs: number
  tick(): void
  /** Virtual ms of the next thing it has to do; undefined: nothing. */
  nextAt(): number | undefined
}

interface TickerEntry {
  readonly ticker: Ticker
  lastAt: number
}

/** What clocks show at the start of a run, in unix seconds. */
export const WALL_START = 1_790_000_000
/** What the monotonic clock shows there, in ms. */
export const MONO_START = 1_000_000

/**
 * One virtual world: a queue of events in order of time, then of their making; clocks that only the queue moves; named
 * random streams; and a hash over everything that happened. One seed decides all of it.
 */
export class World {
  readonly seed: number
  readonly isTraced: boolean
  readonly clock: VirtualClock
  readonly #heap: Event[] = []
  readonly #streams = new Map<string, SeededRandom>()
  readonly #trace: Hash = createHash('sha256')
  readonly #eventsMax: number
  readonly #onTrace: WorldOptions['onTrace']
  readonly #tickers: TickerEntry[] = []
  #order = 0
  #events = 0

  constructor(seed: number, options: WorldOptions = {}) {
    this.seed = seed
    this.isTraced = options.isTraced ?? true
    this.clock = new VirtualClock(MONO_START, options.wallSec ?? WALL_START)
    this.#eventsMax = options.eventsMax ?? 5_000_000
    this.#onTrace = options.onTrace
  }

  get now(): number {
    return this.clock.mono()
  }

  get events(): number {
    return this.#events
  }

  /** The stream of that name; drawing from one never shifts another. */
  random(name: string): SeededRandom {
    let stream = this.#streams.get(name)
    if (stream === undefined) {
      stream = new SeededRandom(this.seed, name)
      this.#streams.set(name, stream)
    }
    return stream
  }

  /** Plans `run` for that time, behind what is planned for it already; a time that has passed means now. */
  at(ms: number, run: () => void): Cancellable {
    const event: Event = { at: Math.max(ms, this.now), order: this.#order++, run }
    this.#push(event)
    return { cancel: () => (event.run = undefined) }
  }

  readonly after = (ms: number, run: () => void): Cancellable => this.at(this.now + ms, run)

  addTicker(ticker: Ticker): void {
    this.#tickers.push({ ticker, lastAt: this.now })
  }

  removeTicker(ticker: Ticker): void {
    const index = this.#tickers.findIndex((entry) => entry.ticker === ticker)
    if (index >= 0) this.#tickers.splice(index, 1)
  }

  /** Takes one step in time; false when nothing is left to do up to `limitMs`. */
  step(limitMs = Number.MAX_SAFE_INTEGER): boolean {
    this.#dropCancelled()
    const next = this.#heap[0]
    const tick = this.#nextTick(Math.min(next?.at ?? limitMs, limitMs))
    if (tick !== undefined) {
      this.#count()
      this.clock.advanceTo(tick.at)
      tick.entry.lastAt = tick.at
      tick.entry.ticker.tick()
      return true
    }
    if (next === undefined || next.at > limitMs) return false
    this.#count()
    this.#pop()
    this.clock.advanceTo(next.at)
    next.run?.()
    return true
  }

  /** Runs everything up to `ms` and leaves the clock there. */
  runUntil(ms: number): void {
    while (this.step(ms)) continue
    this.clock.advanceTo(Math.max(ms, this.now))
  }

  runFor(ms: number): void {
    this.runUntil(this.now + ms)
  }

  /** Steps until `condition` holds; false when it does not within `limitMs` or nothing happens any more. */
  until(condition: () => boolean, limitMs: number): boolean {
    const end = this.now + limitMs
    while (!condition()) if (!this.step(end)) return condition()
    return true
  }

  /** Something happened: part of what makes two runs the same. */
  trace(what: string, bytes?: Uint8Array): void {
    if (!this.isTraced) return
    this.#trace.update(`${this.now} ${what}\n`)
    this.#onTrace?.(this.now, what)
    if (bytes !== undefined) this.#trace.update(bytes)
  }

  /** Hash of the trace so far, in hex. */
  hash(): string {
    return this.#trace.copy().digest('hex')
  }

  /** An event that does not happen must not move the clock either. */
  #dropCancelled(): void {
    while (this.#heap.length > 0 && this.#heap[0].run === undefined) this.#pop()
  }

  #count(): void {
    if (++this.#events > this.#eventsMax) throw new Error(`livelock: more than ${this.#eventsMax} events`)
  }

  /** The tick that comes first before `beforeMs`: one with something to do, else the last, which brings clocks up to date. */
  #nextTick(beforeMs: number): { readonly at: number; readonly entry: TickerEntry } | undefined {
    let first: { readonly at: number; readonly entry: TickerEntry } | undefined
    for (const entry of this.#tickers) {
      const at = this.#tickOf(entry, beforeMs)
      if (at !== undefined && (first === undefined || at < first.at)) first = { at, entry }
    }
    return first
  }

  #tickOf({ ticker, lastAt }: TickerEntry, beforeMs: number): number | undefined {
    const { everyMs } = ticker
    const last = beforeMs - (beforeMs % everyMs)
    if (last <= lastAt) return undefined
    const due = ticker.nextAt()
    const first = lastAt - (lastAt % everyMs) + everyMs
    const wanted = due === undefined ? last : Math.max(first, Math.ceil(due / everyMs) * everyMs)
    // Without any event ahead a tick that has nothing to do would only run the clock to the limit.
    if (this.#heap.length === 0 && (due === undefined || wanted > last)) return undefined
    return Math.min(wanted, last)
  }

  #push(event: Event): void {
    const heap = this.#heap
    let at = heap.length
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (isBefore(heap[parent], event)) break
      heap[at] = heap[parent]
      at = parent
    }
    heap[at] = event
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child++
      if (isBefore(last, heap[child])) break
      heap[at] = heap[child]
      at = child
    }
    heap[at] = last
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
