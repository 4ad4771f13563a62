import type { LiveSeries } from '../../report/live-data.ts'
import type { AttackEnd, Tally } from '../tally.ts'
import { binMsOf, percentilesOf } from '../timeline.ts'
import type { Look } from './watch.ts'

/** The proxy is asked about twice a second: shorter bins would have gaps. */
const BIN_LEAST_MS = 500
const ALARMS_MAX = 100

export interface LiveTimelineOptions {
  /** Most that the run may take, ms as they pass. */
  readonly lengthMs: number
  /** Ms of the plan in one of them. */
  readonly pace: number
}

/** What happened when, in at most 151 bins of one length, by the proxy's time. */
export class LiveTimeline {
  readonly #binMs: number
  readonly #pace: number
  readonly #connectMs: number[][]
  readonly #honest: Record<'connected' | 'lost' | 'open', number[]>
  readonly #attack: Record<AttackEnd | 'open', number[]>
  readonly #ends = new Map<string, Record<AttackEnd, number>>()
  readonly #inside: Record<keyof NonNullable<LiveSeries['inside']>, (number | null)[]>
  #look: { readonly look: Look; readonly atMs: number } | undefined

  constructor({ lengthMs, pace }: LiveTimelineOptions) {
    this.#binMs = binMsOf(lengthMs, BIN_LEAST_MS)
    this.#pace = pace
    const count = Math.max(1, Math.ceil(lengthMs / this.#binMs))
    const zeros = () => Array.from({ length: count }, () => 0)
    const gaps = () => Array.from({ length: count }, (): number | null => null)
    this.#connectMs = Array.from({ length: count }, () => [])
    this.#honest = { connected: zeros(), lost: zeros(), open: zeros() }
    this.#attack = { ...endsOf(zeros), open: zeros() }
    this.#inside = { trialsPerSec: gaps(), bufferBytes: gaps(), memoryBytes: gaps(), cpuPercent: gaps() }
  }

  /** Counts for the time at which it began, ms of the plan; `connectMs` are the proxy's, undefined: it came to nothing. */
  attempt(startMs: number, connectMs: number | undefined): void {
    const bin = this.#binOf(startMs)
    this.#honest[connectMs === undefined ? 'lost' : 'connected'][bin]++
    if (connectMs !== undefined) this.#connectMs[bin].push(connectMs)
  }

  /** Times are ms of the plan, here and below. */
  attackEnd(atMs: number, group: string, end: AttackEnd): void {
    this.#attack[end][this.#binOf(atMs)]++
    const mine = this.#ends.get(group) ?? endsOf(() => 0)
    this.#ends.set(group, mine)
    mine[end]++
  }

  /** Sockets of both sides at that time. */
  open(atMs: number, { honest, attack }: { readonly honest: number; readonly attack: number }): void {
    const bin = this.#binOf(atMs)
    this.#honest.open[bin] = Math.max(this.#honest.open[bin], honest)
    this.#attack.open[bin] = Math.max(this.#attack.open[bin], attack)
  }

  /** What the metrics of the proxy said; bins since the last time are filled, so that they have no gaps. */
  look(atMs: number, look: Look): void {
    const bin = this.#binOf(atMs)
    const before = this.#look
    const from = before === undefined ? bin : this.#binOf(before.atMs) + 1
    if (before !== undefined && from > bin) return
    this.#look = { look, atMs }
    const { trialsPerSec, bufferBytes, memoryBytes, cpuPercent } = this.#inside
    bufferBytes.fill(look.bufferBytes, from, bin + 1)
    memoryBytes.fill(look.memoryBytes, from, bin + 1)
    if (before === undefined) return
    const seconds = (atMs - before.atMs) / this.#pace / 1000
    trialsPerSec.fill((look.trials - before.look.trials) / seconds, from, bin + 1)
    cpuPercent.fill((100 * (look.cpuSec - before.look.cpuSec)) / seconds, from, bin + 1)
  }

  /** Of a group of attackers; those that are missing were still open at the end. */
  endsOf(group: string): Readonly<Record<AttackEnd, number>> {
    return this.#ends.get(group) ?? endsOf(() => 0)
  }

  /** Ends it: nothing more may happen. Without insight nobody knows of bans and alarms. */
  finish(endMs: number, { bans, alarms }: Pick<Tally, 'bans' | 'alarms'>, isInside: boolean): LiveSeries {
    const bins = this.#binOf(endMs) + 1
    const lists = [this.#honest, this.#attack, this.#inside].flatMap((all) => Object.values<unknown[]>(all))
    for (const list of [...lists, this.#connectMs]) list.length = bins
    const banned = Array.from({ length: bins }, () => 0)
    for (const { atMs } of bans) banned[this.#binOf(atMs)]++
    return {
      ...{ binMs: this.#binMs, bins, honest: this.#honest, attack: this.#attack },
      connectMs: percentilesOf(this.#connectMs),
      bans: isInside ? banned : undefined,
      alarms: alarms.slice(0, ALARMS_MAX).map(({ atMs, what }) => ({ atMs: atMs / this.#pace, what })),
      inside: this.#look === undefined ? undefined : this.#inside,
    }
  }

  #binOf(planMs: number): number {
    const last = this.#connectMs.length - 1
    return Math.max(0, Math.min(last, Math.floor(planMs / this.#pace / this.#binMs)))
  }
}

function endsOf<T>(make: () => T): Record<AttackEnd, T> {
  return { served: make(), answered: make(), closed: make(), silent: make(), unmade: make() }
}
