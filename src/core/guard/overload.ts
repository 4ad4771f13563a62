import { OVERLOAD_RESOURCES, type Emit, type OverloadLevel, type OverloadResource } from '../events.ts'
import { CallbackTimer, type TimerWheel } from '../memory/wheel.ts'
import type { Clock, GaugeReadings, Gauges } from '../ports.ts'
import type { Settings, Span } from '../settings.ts'

/** How often the gauges are read. */
export const POLL_MS = 250
/** A level is left when the reading has been under its threshold, by `MARGIN` of it, for as long. */
export const HOLD_MS = 5_000
export const MARGIN = 0.05
/**
 * A loop is late now and then (garbage is collected, a neighbour wants the processor); one that has too much to do is late
 * all the time. For as long a reading must be over a threshold without a break.
 */
export const RISE_MS: Readonly<Record<OverloadResource, number>> = {
  ...{ loop_lag: 2_000, memory: 0, descriptors: 0, buffers: 0 },
}

export interface OverloadOptions {
  readonly gauges: Gauges
  readonly clock: Clock
  readonly wheel: TimerWheel
  readonly emit: Emit
  readonly settings: () => Settings
}

/**
 * Whether this process runs out of something, and how many newcomers it still takes: at the first level those that used it well
 * of late, at the second nobody. It ends no connection. Each of several worker processes judges itself.
 */
export class Overload {
  readonly #options: OverloadOptions
  readonly #meters = OVERLOAD_RESOURCES.map((resource) => new Meter(RISE_MS[resource]))
  readonly #timer = new CallbackTimer(() => this.#poll())
  #level: OverloadLevel = 0

  constructor(options: OverloadOptions) {
    this.#options = options
  }

  /** The highest of all resources. */
  get level(): OverloadLevel {
    return this.#level
  }

  start(): void {
    this.#poll()
  }

  close(): void {
    this.#options.wheel.disarm(this.#timer)
  }

  #poll(): void {
    const { gauges, clock, wheel, emit, settings } = this.#options
    const now = clock.mono()
    const { guard, memory } = settings()
    const readings = gauges.read()
    let level: OverloadLevel = 0
    OVERLOAD_RESOURCES.forEach((resource, at) => {
      const meter = this.#meters[at]
      const reading = readingOf(resource, readings, memory.ceilingBytes)
      if (meter.take(reading, guard.overload[resource], now))
        emit({ kind: 'overload', resource, level: meter.level, reading })
      if (meter.level > level) level = meter.level
    })
    this.#level = level
    wheel.arm(this.#timer, now + POLL_MS)
  }
}

/** As its thresholds are configured. */
function readingOf(resource: OverloadResource, readings: GaugeReadings, ceilingBytes: number): number {
  if (resource === 'loop_lag') return readings.loopLagMs
  return resource === 'memory' ? readings.memoryBytes / ceilingBytes : readings[resource]
}

/** The level of one resource: up as soon as it must, down one step at a time and late, so that it does not flap. */
class Meter {
  level: OverloadLevel = 0
  readonly #riseMs: number
  /** Since when the reading is at or over the threshold of each level. */
  readonly #highSince: [unknown, number | undefined, number | undefined] = [undefined, undefined, undefined]
  /** Since when it is low enough to leave the level. */
  #lowSince: number | undefined

  constructor(riseMs: number) {
    this.#riseMs = riseMs
  }

  /** True when the level is another one now. */
  take(reading: number, span: Span, nowMs: number): boolean {
    const before = this.level
    this.#rise(1, reading >= span.from, nowMs)
    this.#rise(2, reading >= span.to, nowMs)
    if (this.level === before && this.level > 0) this.#fall(reading, this.level === 1 ? span.from : span.to, nowMs)
    return this.level !== before
  }

  #rise(to: 1 | 2, isHigh: boolean, nowMs: number): void {
    const since = isHigh ? (this.#highSince[to] ?? nowMs) : undefined
    this.#highSince[to] = since
    if (since === undefined || this.level >= to || nowMs - since < this.#riseMs) return
    this.level = to
    this.#lowSince = undefined
  }

  #fall(reading: number, threshold: number, nowMs: number): void {
    if (reading >= threshold * (1 - MARGIN)) {
      this.#lowSince = undefined
      return
    }
    this.#lowSince ??= nowMs
    if (nowMs - this.#lowSince < HOLD_MS) return
    this.level = this.level === 2 ? 1 : 0
    this.#lowSince = undefined
  }
}
