import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { NAME_RESULTS, OVERLOAD_RESOURCES, type ProxyEvent } from '../core/events.ts'
import type { UserReading } from '../core/guard/users/index.ts'
import type { Aggregator, Snapshot } from './merge.ts'
import { registerTraceCounters, type TraceCounts } from './trace-metrics.ts'
import { registerUserGauges } from './user-metrics.ts'
import { VaultMetrics, type VaultReadings } from './vault-metrics.ts'

/** Figures that are read when somebody asks, not counted along the way. */
export interface Readings {
  readonly openConnections: number
  /** To middle proxies. */
  readonly links: number
  /** Clients with a place on one. */
  readonly linkClients: number
  /** Dialled ahead. */
  readonly ahead: number
  /** Of lists of addresses. */
  readonly listedPrefixes: number
  /** For what each process counts of them by itself. */
  readonly users: () => Iterable<UserReading>
  readonly clientToDcBytes: number
  readonly dcToClientBytes: number
  readonly buffers: BufferReadings
  readonly pins: readonly { readonly host: string; readonly outcome: string; readonly count: number }[]
  /** Names served after their time. */
  readonly staleNames: number
  readonly sockets: number
  readonly socketsRefused: number
  /** Worst lateness of the tick of late, in seconds. */
  readonly loopLagSec: number
  /** Bytes by kind: `rss`, `heap_used`, ... */
  readonly memoryBytes: Readonly<Record<string, number>>
  /** CPU time of all threads of the process, in seconds. */
  readonly cpuSec: number
}

/** Of the buffer pool, in bytes where not said otherwise. */
export interface BufferReadings {
  readonly inUse: number
  readonly highWater: number
  readonly slabs: number
  readonly ceiling: number
  /** Sources that wait for a turn now; how often one was paused; how many connections ended to make room. */
  readonly turns: number
  readonly paused: number
  readonly ended: number
}

export interface BuildInfo {
  readonly version: string
  readonly runtime: string
}

/** A connection dialled ahead is there at once; a dial takes a round trip; what takes longer is trouble. */
const WAIT_BUCKETS_SEC = [0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5]

/** Prometheus metrics, all under `palisade_`. Every label comes from a closed set: none that a stranger can choose. */
export class Metrics {
  readonly #registry = new Registry()
  readonly #read: () => Readings
  readonly #accepted = this.#counter('connections_accepted_total', 'Connections accepted', [])
  readonly #closed = this.#counter('connections_total', 'Connections that ended, by how they are counted and why', [
    'outcome',
    'reason',
  ])
  readonly #handshakes = this.#counter('handshakes_total', 'Handshakes by mode of the client and result', [
    'mode',
    'result',
  ])
  readonly #rejects = this.#counter('rejects_total', 'Connections not taken for a client, by reason', ['reason'])
  readonly #wouldRefuse = this.#counter('would_refuse_total', 'What guard.dry_run let pass, by reason', ['reason'])
  readonly #bans = this.#counter('bans_total', 'Bans made, by reason', ['reason'])
  readonly #attacks = this.#counter('attacks_total', 'Attacks by many sources that a detector saw begin', ['detector'])
  readonly #suspects = this.#counter('suspects_total', 'What guard.anomaly = "enforce" would have banned', ['detector'])
  readonly #overload = this.#gauge(
    'overload_level',
    'Of each resource: 0 enough, 1 no unknown newcomers, 2 no newcomers',
    ['resource'],
    'max',
  )
  readonly #trials = this.#counter('trials_total', 'Secrets tried on connections that knew none', [])
  readonly #dialFailures = this.#counter('dial_failures_total', 'Failed attempts to connect', ['target', 'why'])
  readonly #ahead = this.#counter('dial_ahead_total', 'Connections to DCs dialled ahead, by what came of them', [
    'result',
  ])
  readonly #linksClosed = this.#counter('middle_links_closed_total', 'Links to middle proxies that ended', ['why'])
  readonly #waits = new Histogram({
    name: 'palisade_way_wait_seconds',
    help: 'What clients waited for their way to Telegram, by the way it was',
    labelNames: ['way'],
    buckets: WAIT_BUCKETS_SEC,
    registers: [this.#registry],
  })
  readonly #migrated = this.#counter('middle_migrations_total', 'Clients that went on on another link', [])
  readonly #middleFiles = this.#counter('middle_files_total', 'Files of the middle proxies by what came of them', [
    'what',
    'result',
  ])
  readonly #names = this.#counter('dns_answers_total', 'What came of asking the resolver for names', ['result'])
  readonly #publicAddress = this.#counter(
    'public_address_total',
    'Questions for our public address by what came of them',
    ['result'],
  )
  readonly #accessLists = this.#counter('access_lists_total', 'Lists of addresses asked for, by what came of it', [
    'result',
  ])
  readonly #faults = this.#counter('faults_total', 'Assertions of our own that failed', [])
  /** Of several processes one counts these for all. */
  readonly #reloads = this.#counter('config_reloads_total', 'Reloads of the configuration', ['result'], 'omit')

  constructor(read: () => Readings, build: BuildInfo) {
    this.#read = read
    this.#gauges()
    this.#gauge('build_info', 'Version and runtime, always 1', ['version', 'runtime'], 'first').set({ ...build }, 1)
    for (const mode of ['fake-tls', 'padded', 'plain']) this.#handshakes.inc({ mode, result: 'accepted' }, 0)
    this.#handshakes.inc({ mode: 'unknown', result: 'rejected' }, 0)
    for (const resource of OVERLOAD_RESOURCES) this.#overload.set({ resource }, 0)
    for (const result of NAME_RESULTS) this.#names.inc({ result }, 0)
    for (const result of ['applied', 'refused']) this.#reloads.inc({ result }, 0)
  }

  readonly emit = (event: ProxyEvent): void => {
    switch (event.kind) {
      case 'accepted':
        return this.#accepted.inc()
      case 'authenticated':
        return this.#handshakes.inc({ mode: event.mode, result: 'accepted' })
      case 'rejected':
        // Nobody can say in which mode a stranger failed.
        this.#handshakes.inc({ mode: 'unknown', result: 'rejected' })
        this.#trials.inc(event.trials)
        return this.#rejects.inc({ reason: event.reason })
      case 'closed':
        return this.#closed.inc({ outcome: event.outcome, reason: event.reason })
      case 'would-refuse':
        return this.#wouldRefuse.inc({ reason: event.reason })
      case 'banned':
        return this.#bans.inc({ reason: event.reason })
      case 'attack':
        if (event.state === 'begun') this.#attacks.inc({ detector: event.detector })
        return
      case 'suspect':
        return this.#suspects.inc({ detector: event.detector })
      case 'overload':
        return this.#overload.set({ resource: event.resource }, event.level)
      case 'dial-failed':
        return this.#dialFailures.inc({ target: event.target, why: event.why })
      case 'fault':
        return this.#faults.inc()
      case 'relaying':
        return this.#waits.observe({ way: event.way }, event.waitMs / 1000)
      case 'judged':
      case 'greeted':
      case 'kept-out':
      case 'entered':
      case 'unbanned':
      case 'mask-learnt':
      case 'mask-unreachable':
      case 'mask-refused':
      case 'name-state':
      case 'link-opened':
      case 'vault':
        return
      case 'name-asked':
        return this.#names.inc({ result: event.result })
      case 'dial-ahead':
        return this.#ahead.inc({ result: event.result })
      case 'link-closed':
        return this.#linksClosed.inc({ why: event.why })
      case 'migrated':
        return this.#migrated.inc()
      case 'middle-config':
        return this.#middleFiles.inc({ what: event.what, result: event.result })
      case 'public-address':
        return this.#publicAddress.inc({ result: event.result })
      case 'access-list':
        return this.#accessLists.inc({ result: event.result })
    }
  }

  reloaded(result: 'applied' | 'refused'): void {
    this.#reloads.inc({ result })
  }

  /** For a process that is alone. */
  addUsers(users: () => Iterable<UserReading>): void {
    registerUserGauges(this.#registry, users)
  }

  /** For a process that uses an HSM. */
  addVault(read: () => VaultReadings): VaultMetrics {
    return new VaultMetrics(this.#registry, read)
  }

  /** For a process that relays, and may record. */
  addTrace(read: () => Readonly<TraceCounts>): void {
    registerTraceCounters(this.#registry, read)
  }

  readonly contentType = this.#registry.contentType

  /** The text that Prometheus reads. */
  async text(): Promise<string> {
    return this.#registry.metrics()
  }

  #gauges(): void {
    this.#live('connections', 'Connections open now', (gauge, now) => gauge.set(now.openConnections))
    this.#live('dial_ahead_ready', 'Connections dialled ahead that wait', (gauge, now) => gauge.set(now.ahead))
    this.#live('middle_links', 'Links to middle proxies held now', (gauge, now) => gauge.set(now.links))
    this.#live('middle_clients', 'Clients that have a place on one of those links', (gauge, now) =>
      gauge.set(now.linkClients),
    )
    this.#live('dns_stale_names', 'Names served after their time, for want of an answer', (gauge, now) =>
      gauge.set(now.staleNames),
    )
    this.#live('access_prefixes', 'Prefixes of lists of addresses that are in force', (gauge, now) =>
      gauge.set(now.listedPrefixes),
    )
    this.#bufferGauges()
    this.#live('sockets', 'Sockets held now, dials under way included', (gauge, now) => gauge.set(now.sockets))
    this.#live(
      'event_loop_lag_seconds',
      'Worst lateness of the event loop in the last seconds',
      (gauge, now) => gauge.set(now.loopLagSec),
      [],
      'max',
    )
    this.#live(
      'memory_bytes',
      'Memory of the process by kind',
      (gauge, now) => {
        for (const [kind, bytes] of Object.entries(now.memoryBytes)) gauge.set({ kind }, bytes)
      },
      ['kind'],
    )
    this.#liveTotal('cpu_seconds_total', 'CPU time of the process, of all its threads', [], (counter, now) =>
      counter.inc(now.cpuSec),
    )
    this.#liveTotal('bytes_total', 'Bytes relayed by direction', ['direction'], (counter, now) => {
      counter.inc({ direction: 'client_to_dc' }, now.clientToDcBytes)
      counter.inc({ direction: 'dc_to_client' }, now.dcToClientBytes)
    })
    this.#liveTotal(
      'user_bytes_total',
      'Bytes relayed by user and direction',
      ['secret', 'direction'],
      (counter, now) => {
        for (const { name: secret, clientToDcBytes, dcToClientBytes } of now.users()) {
          if (clientToDcBytes + dcToClientBytes === 0) continue
          counter.inc({ secret, direction: 'client_to_dc' }, clientToDcBytes)
          counter.inc({ secret, direction: 'dc_to_client' }, dcToClientBytes)
        }
      },
    )
    this.#liveTotal(
      'tls_pin_checks_total',
      'Outgoing TLS connections by host and outcome of pinning',
      ['host', 'outcome'],
      (counter, now) => now.pins.forEach(({ host, outcome, count }) => counter.inc({ host, outcome }, count)),
    )
    this.#liveTotal('sockets_refused_total', 'Connections closed at once for want of descriptors', [], (counter, now) =>
      counter.inc(now.socketsRefused),
    )
  }

  #bufferGauges(): void {
    const live = (name: string, help: string, of: (buffers: BufferReadings) => number) =>
      this.#live(`buffer_${name}`, help, (gauge, now) => gauge.set(of(now.buffers)))
    live('bytes', 'Bytes of the buffer pool in use', ({ inUse }) => inUse)
    live('high_water_bytes', 'The most that was ever in use of the buffer pool', ({ highWater }) => highWater)
    live('slab_bytes', 'Memory held by the buffer pool, in use or not', ({ slabs }) => slabs)
    live('ceiling_bytes', 'Ceiling of what may be in use', ({ ceiling }) => ceiling)
    live('turns_waiting', 'Connections not read until the buffer pool has room', ({ turns }) => turns)
    this.#liveTotal(
      'buffer_pauses_total',
      'Times a connection was not read on for want of buffers',
      [],
      (counter, now) => counter.inc(now.buffers.paused),
    )
    this.#liveTotal('buffer_evictions_total', 'Connections ended to make room in the buffer pool', [], (counter, now) =>
      counter.inc(now.buffers.ended),
    )
  }

  /** For whoever adds up the metrics of several processes: each with its values, and how they are put together. */
  async snapshot(): Promise<Snapshot> {
    return await this.#registry.getMetricsAsJSON()
  }

  #counter(name: string, help: string, labelNames: string[], aggregator: Aggregator = 'sum'): Counter {
    return new Counter({ name: `palisade_${name}`, help, labelNames, aggregator, registers: [this.#registry] })
  }

  #gauge(name: string, help: string, labelNames: string[], aggregator: Aggregator = 'sum'): Gauge {
    return new Gauge({ name: `palisade_${name}`, help, labelNames, aggregator, registers: [this.#registry] })
  }

  #live(
    name: string,
    help: string,
    set: (gauge: Gauge, now: Readings) => void,
    labelNames: string[] = [],
    aggregator: Aggregator = 'sum',
  ): void {
    const read = this.#read
    new Gauge({
      name: `palisade_${name}`,
      help,
      labelNames,
      aggregator,
      registers: [this.#registry],
      collect() {
        set(this, read())
      },
    })
  }

  /** A counter whose value somebody else keeps. */
  #liveTotal(name: string, help: string, labelNames: string[], set: (counter: Counter, now: Readings) => void): void {
    const read = this.#read
    new Counter({
      name: `palisade_${name}`,
      help,
      labelNames,
      registers: [this.#registry],
      collect() {
        this.reset()
        set(this, read())
      },
    })
  }
}
