import { AggregatorRegistry, Counter, Gauge, Registry, type Aggregator, type MetricObjectWithValues } from 'prom-client'
import type { UserReading } from '../core/guard/users/index.ts'
import { registerUserGauges } from './user-metrics.ts'

export type { Aggregator }

/** The metrics of one process, as `Registry.getMetricsAsJSON` tells them. */
export type Snapshot = MetricObjectWithValues<{ value: number; labels: Partial<Record<string, string | number>> }>[]

/** What only grows: it must not shrink when the process that counted it ends. */
const LASTING = new Set<unknown>(['counter', 'histogram'])

/** The metrics of all worker processes as those of one program. */
export class MergedMetrics {
  readonly #own = new Registry()
  readonly #reloads = new Counter({
    name: 'palisade_config_reloads_total',
    help: 'Reloads of the configuration',
    labelNames: ['result'],
    registers: [this.#own],
  })
  readonly #ends = new Counter({
    name: 'palisade_worker_ends_total',
    help: 'Worker processes that ended, as they were told or by themselves',
    labelNames: ['how'],
    registers: [this.#own],
  })
  /** Counts of processes that are gone: one is added after the other. */
  #past: Promise<Snapshot> = Promise.resolve([])
  readonly contentType = this.#own.contentType

  constructor(workers: () => number) {
    for (const result of ['applied', 'refused']) this.#reloads.inc({ result }, 0)
    for (const how of ['told', 'crashed']) this.#ends.inc({ how }, 0)
    new Gauge({
      name: 'palisade_workers',
      help: 'Worker processes alive, those that drain included',
      registers: [this.#own],
      collect() {
        this.set(workers())
      },
    })
  }

  addUsers(users: () => Iterable<UserReading>): void {
    registerUserGauges(this.#own, users)
  }

  reloaded(result: 'applied' | 'refused'): void {
    this.#reloads.inc({ result })
  }

  /** A process ended; `last` is the last that it told, undefined when it had not told anything. */
  ended(how: 'told' | 'crashed', last: Snapshot | undefined): void {
    this.#ends.inc({ how })
    if (last === undefined) return
    const lasting = last.filter(({ type }) => LASTING.has(type))
    this.#past = this.#past.then(
      async (past) => (await AggregatorRegistry.aggregate([past, lasting]).getMetricsAsJSON()) as Snapshot,
    )
  }

  /** The text that Prometheus reads. */
  async text(live: readonly Snapshot[]): Promise<string> {
    const merged = await AggregatorRegistry.aggregate([await this.#past, ...live]).metrics()
    return `${merged}\n${await this.#own.metrics()}`
  }
}
