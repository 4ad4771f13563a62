import type { ProxyEvent } from '../../src/core/events.ts'
import type { Series } from '../report/series.ts'
import type { Truth } from './truth.ts'

/** What a run shows at any moment; read at the end of each bin, and the buffers after every step. */
export interface Gauges {
  /** Of attackers, since the start. */
  readonly came: number
  readonly served: number
  /** Secrets tried for everybody since the start. */
  readonly trials: number
  readonly sources: number
  readonly poolBytes: number
}

/** Lengths that people read easily, in ms; the last ones for a whole day. */
const BIN_MS = [250, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000]
/** As many as a phone can still show apart. */
const BINS_MAX = 150
const ALARMS_MAX = 100

/** How an attacker's connection ended, as it is shown. */
type End = 'masked' | 'refused' | 'tarpitted' | 'discarded' | 'failed'

/** The length of a bin for a run of that length, at least `leastMs`. */
export function binMsOf(lengthMs: number, leastMs = 0): number {
  return BIN_MS.find((ms) => ms >= leastMs && lengthMs / ms <= BINS_MAX) ?? Math.ceil(lengthMs / BINS_MAX)
}

/** Of what began in each bin; none where nothing did. */
export function percentilesOf(bins: readonly (readonly number[])[]): Series['connectMs'] {
  const sorted = bins.map((found) => [...found].sort((a, b) => a - b))
  const percentile = (share: number) => sorted.map((found) => found[Math.ceil(share * found.length) - 1] ?? null)
  return { p50: percentile(0.5), p90: percentile(0.9), p99: percentile(0.99) }
}

/**
 * What happened when, in at most 151 bins of one length. It listens and reads, and plans nothing in the world: a run with it takes
 * the same steps as one without.
 */
export class Timeline {
  readonly #binMs: number
  readonly #cpuMs: () => number
  readonly #count: number
  readonly #connectMs: number[][]
  readonly #open = { honest: 0, attack: 0 }
  readonly #series: ReturnType<typeof emptySeries>
  #gauges: Gauges | undefined
  #last = { came: 0, served: 0, trials: 0, cpuMs: 0 }
  #bin = 0

  /** Of the whole run, its end included. `cpuMs` tells the time that the process has used so far: all else is the same each time. */
  constructor(lengthMs: number, cpuMs: () => number = () => 0) {
    this.#cpuMs = cpuMs
    this.#binMs = binMsOf(lengthMs)
    this.#count = Math.max(1, Math.ceil(lengthMs / this.#binMs))
    this.#connectMs = Array.from({ length: this.#count }, () => [])
    this.#series = emptySeries(this.#count)
  }

  /** Before the first step. */
  watch(gauges: Gauges): void {
    this.#gauges = gauges
    this.#last = this.#read(gauges)
  }

  /** After every step; times in ms since the start. */
  stepped(atMs: number): void {
    const { bufferBytes } = this.#series
    while (this.#bin < this.#count - 1 && atMs >= (this.#bin + 1) * this.#binMs) this.#closeBin()
    bufferBytes[this.#bin] = Math.max(bufferBytes[this.#bin], this.#gauges?.poolBytes ?? 0)
  }

  /** An attempt of an honest client that came to an answer after `connectMs`, or to nothing. Counts for the time at which it began. */
  attempt(startMs: number, connectMs: number | undefined): void {
    const bin = this.#binOf(startMs)
    if (connectMs === undefined) this.#series.honest.lost[bin]++
    else {
      this.#series.honest.connected[bin]++
      this.#connectMs[bin].push(connectMs)
    }
  }

  event(atMs: number, event: ProxyEvent, truth: Truth | undefined): void {
    const bin = this.#binOf(atMs)
    if (event.kind === 'banned') this.#series.bans[bin]++
    else if (event.kind === 'attack' && event.state === 'begun') this.#alarm(atMs, `${event.detector}: ${event.why}`)
    if (truth === undefined) return
    const { side } = truth
    const open = this.#series[side].open
    if (event.kind === 'accepted') this.#open[side]++
    else if (event.kind === 'closed') {
      this.#open[side]--
      const end = endOf(event)
      if (side === 'attack' && end !== undefined) this.#series.attack[end][bin]++
    }
    open[bin] = Math.max(open[bin], this.#open[side])
  }

  /** When nothing more will happen. */
  finish(): Series {
    while (this.#bin < this.#count) this.#closeBin()
    const { honest, attack, ...rest } = this.#series
    const connectMs = percentilesOf(this.#connectMs)
    return { binMs: this.#binMs, bins: this.#count, honest, attack, connectMs, ...rest }
  }

  #closeBin(): void {
    const { attack, trials, sources, honest, bufferBytes, cpuMs } = this.#series
    const gauges = this.#gauges
    const bin = this.#bin++
    if (gauges === undefined) return
    const now = this.#read(gauges)
    attack.came[bin] = now.came - this.#last.came
    attack.served[bin] = now.served - this.#last.served
    trials[bin] = now.trials - this.#last.trials
    cpuMs[bin] = now.cpuMs - this.#last.cpuMs
    sources[bin] = gauges.sources
    this.#last = now
    if (this.#bin >= this.#count) return
    honest.open[this.#bin] = Math.max(honest.open[this.#bin], this.#open.honest)
    attack.open[this.#bin] = Math.max(attack.open[this.#bin], this.#open.attack)
    bufferBytes[this.#bin] = gauges.poolBytes
  }

  #read({ came, served, trials }: Gauges) {
    return { came, served, trials, cpuMs: this.#cpuMs() }
  }

  #alarm(atMs: number, what: string): void {
    const { alarms } = this.#series
    if (alarms.length < ALARMS_MAX) alarms.push({ atMs, what })
  }

  /** The last one takes what comes later still. */
  #binOf(atMs: number): number {
    return Math.max(0, Math.min(this.#count - 1, Math.floor(atMs / this.#binMs)))
  }
}

/** Undefined for a connection that was relayed: counted as served already, when it was answered. */
function endOf({ reason, outcome }: Extract<ProxyEvent, { kind: 'closed' }>): End | undefined {
  if (reason === 'refused') return 'refused'
  if (reason === 'tarpit') return 'tarpitted'
  return outcome === 'relayed' ? undefined : outcome
}

function emptySeries(count: number) {
  const zeros = () => Array.from({ length: count }, () => 0)
  return {
    honest: { connected: zeros(), lost: zeros(), open: zeros() },
    attack: {
      ...{ came: zeros(), masked: zeros(), refused: zeros(), tarpitted: zeros(), discarded: zeros(), failed: zeros() },
      ...{ served: zeros(), open: zeros() },
    },
    ...{ bans: zeros(), trials: zeros(), sources: zeros(), bufferBytes: zeros(), cpuMs: zeros() },
    alarms: [] as { readonly atMs: number; readonly what: string }[],
  }
}
