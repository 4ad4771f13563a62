import type { WorkerStatus } from '../admin/commands.ts'
import { inspectionOf, type Inspection } from '../admin/inspect.ts'
import { LiveConfig, type ReloadResult } from '../config/live.ts'
import type { LoadedConfig, LoadResult } from '../config/load.ts'
import type { Provider } from '../config/provider.ts'
import type { Prepared } from '../config/settings.ts'
import { AssertionFault } from '../core/assert.ts'
import type { ProxyEvent } from '../core/events.ts'
import type { Address, Gauges, SharedMemory, Store, WorkerPlace } from '../core/ports.ts'
import { MARGIN } from '../core/guard/overload.ts'
import { Proxy } from '../core/proxy.ts'
import type { Settings } from '../core/settings.ts'
import { LoopLag } from '../observe/lag.ts'
import type { Log } from '../observe/log.ts'
import { Metrics, type BufferReadings, type Readings } from '../observe/metrics.ts'
import { SecurityEvents } from '../observe/security-events.ts'
import type { Closing } from '../runtime/closing.ts'
import { createResolver } from '../runtime/dns/index.ts'
import { createFetcher } from '../runtime/fetcher.ts'
import type { Lookup } from '../runtime/https/get.ts'
import type { Runtime } from '../runtime/index.ts'
import { MemoryGauge } from '../runtime/memory-gauge.ts'
import type { ListenSocket } from '../runtime/listen-sockets.ts'
import { createPublicAddress } from '../runtime/stun.ts'
import { PinPolicy, toPinSettings } from '../trust/policy.ts'
import { VERSION } from '../version.ts'
import { StartError } from './errors.ts'
import { listenOn } from './listening.ts'
import { Tracing } from './tracing.ts'
import { openSecrets, type Secrets } from './vault.ts'

const TICK_MS = 50

export interface ServingOptions {
  readonly loaded: LoadedConfig
  /** Reads the configuration again, for a reload. */
  readonly reread: () => LoadResult
  readonly log: Log
  readonly runtime: Runtime
  readonly store: Store
  readonly memory: SharedMemory
  /** To accept on; ours to close from now on. */
  readonly sockets: readonly ListenSocket[]
  /** Addresses that the program listens on. */
  readonly listening: readonly Address[]
  readonly worker: WorkerPlace
  /** Columns of the shared tables whose processes are gone, for this one to take back before it takes anybody in. */
  readonly deadColumns: readonly number[]
  /** Whether this process writes bans to the store, and reads them at its start. */
  readonly keepsBans: boolean
  /** Whether there is no other process of this proxy. */
  readonly isAlone: boolean
  /** Where secrets of the token are used, when another process has found out. */
  readonly provider?: Provider | undefined
  /** Where the vault helper listens, when another process looks after it. */
  readonly helperAt?: string | undefined
  readonly closing: Closing
}

/** What every process has that relays: the only one, or one of several workers. */
export interface Serving {
  readonly proxy: Proxy
  readonly live: LiveConfig
  readonly metrics: Metrics
  readonly secrets: Secrets
  readonly inspection: Inspection
  readonly events: SecurityEvents
  readonly listening: readonly Address[]
  status(): WorkerStatus
  readonly reload: () => Promise<ReloadResult>
  /** Stops accepting; `done` is called when the last connection is gone. Harmless when called again. */
  drain(done: () => void): void
}

/** Takes connections from its return on. Rejects with a `StartError`; what it opened is for `closing` to close. */
export async function serve(options: ServingOptions): Promise<Serving> {
  const { loaded, reread, log, runtime, store, memory, worker, listening, closing } = options
  const { clock, random, network } = runtime
  const clocks = { now: () => clock.mono(), wall: () => clock.wall() }
  const metrics = new Metrics(() => readNow(proxy, policy, runtime, lag), { version: VERSION, runtime: runtime.name })
  const { addresses } = loaded.config.log
  const events = new SecurityEvents({ mono: clocks.now, wall: clocks.wall, addresses })
  const { isAlone: isFirst, provider, helperAt } = options
  const tracing = new Tracing({ log, clock, random, worker, isAlone: isFirst })
  metrics.addTrace(() => tracing.counts)
  // What is closed before it, it records.
  closing.add(() => tracing.close())
  const emit = (event: ProxyEvent) => {
    log.emit(event)
    metrics.emit(event)
    events.emit(event)
    tracing.emit(event)
  }
  const secrets = await openSecrets({
    ...{ loaded, log, closing, memory, random, ...clocks, isFirst, provider, helperAt, emit },
    measure: (read) => metrics.addVault(read),
  })
  const { vault } = secrets
  const live = new LiveConfig(loaded, () => secrets.check(reread()))
  giveKeys(secrets, log, live.prepared)

  const policy = new PinPolicy(toPinSettings(loaded.config.pinning), ({ host, outcome, isRefused, message }) =>
    log.write('warn', 'tls.pin', message, { host, outcome, refused: isRefused }),
  )
  const trust = { policy, wall: () => clock.wall() }
  const resolver = createResolver(loaded.config.dns.servers, trust)
  const resolve: Lookup = (host, reply) => proxy.names.lookup(host, reply)
  const fetcher = createFetcher({ ...trust, resolve })
  const publicAddress = createPublicAddress({ resolve, random })
  const run = { pid: process.pid, startedSec: clock.wall() }
  const ports = {
    ...{ clock, random, network, resolver, vault, memory, store, fetcher, publicAddress, run, worker },
    gauges: readGauges(runtime, () => ({ lag, proxy, settings: live.prepared.settings })),
    ...{ deadColumns: options.deadColumns, keepsBans: options.keepsBans },
  }
  const proxy: Proxy = openProxy(() => new Proxy(ports, live.prepared.settings, emit))
  closing.add(() => proxy.close())
  tracing.apply(loaded, live.prepared.settings, proxy)
  const lag = new LoopLag(TICK_MS, clock.mono())

  const accept = proxy.accept.bind(proxy)
  const listeners = await listenOn(runtime, options.sockets, loaded.config.listen.backlog, accept)
  const stopListening = () => listeners.forEach((listener) => listener.close())
  closing.add(stopListening)
  proxy.start(listening)
  const ticking = setInterval(() => {
    lag.tick(clock.mono())
    proxy.tick()
    tracing.tick()
  }, TICK_MS)
  closing.add(() => clearInterval(ticking))

  return {
    ...{ proxy, live, metrics, secrets, listening, events },
    inspection: inspectionOf({ proxy, column: worker.column, clock, addresses, events }),
    status: () => statusOf(proxy, secrets, worker),
    reload: () => reloadInto({ proxy, live, secrets, log, metrics, policy, tracing }),
    drain(done) {
      if (proxy.isDraining) return
      stopListening()
      log.write('info', 'drain.began', 'Draining: no new connections', { open: proxy.open })
      proxy.drain(done)
    },
  }
}

interface Parts {
  readonly proxy: Proxy
  readonly live: LiveConfig
  readonly secrets: Secrets
  readonly log: Log
  readonly metrics: Metrics
  readonly policy: PinPolicy
  readonly tracing: Tracing
}

async function reloadInto({ proxy, live, secrets, log, metrics, policy, tracing }: Parts): Promise<ReloadResult> {
  const result = await live.reload((prepared, loaded) => {
    giveKeys(secrets, log, prepared)
    policy.settings = toPinSettings(loaded.config.pinning)
    proxy.apply(prepared.settings)
    tracing.apply(loaded, prepared.settings, proxy)
    secrets.forget(prepared.removed)
    log.level = loaded.config.log.level
  })
  metrics.reloaded(result.ok ? 'applied' : 'refused')
  if (!result.ok) {
    const { problems } = result
    log.write('error', 'reload.refused', 'The new configuration has problems; the old one stays', { problems })
    return result
  }
  log.write('info', 'reload.applied', 'Configuration reloaded', { applied: result.applied, cold: result.cold })
  if (result.cold.length > 0)
    log.write('warn', 'reload.cold', 'Changed keys that wait for the next start', { keys: result.cold })
  return result
}

function statusOf(proxy: Proxy, secrets: Secrets, { column }: WorkerPlace): WorkerStatus {
  const isReachable = secrets.isReachable()
  return {
    pid: process.pid,
    column,
    state: proxy.isDraining ? 'draining' : 'running',
    open: proxy.open,
    accepted: proxy.accepted,
    bytes: { client_to_dc: proxy.totals.clientToDcBytes, dc_to_client: proxy.totals.dcToClientBytes },
    ...(isReachable === undefined ? {} : { vault: isReachable ? 'answers' : 'gone' }),
  }
}

function giveKeys(secrets: Secrets, log: Log, prepared: Prepared): void {
  secrets.give(prepared)
  log.secretNames = new Map(prepared.settings.secrets.map(({ id, name }) => [id, name]))
}

/** The shared memory is opened on the way: a folder that cannot be written is the operator's fault, not ours. */
function openProxy(create: () => Proxy): Proxy {
  try {
    return create()
  } catch (error) {
    if (error instanceof AssertionFault || !(error instanceof Error)) throw error
    throw new StartError(error.message)
  }
}

function readNow(proxy: Proxy, policy: PinPolicy, runtime: Runtime, lag: LoopLag): Readings {
  const { rss, heapTotal, heapUsed, external, arrayBuffers } = process.memoryUsage()
  const { user, system } = process.cpuUsage()
  return {
    openConnections: proxy.open,
    links: proxy.links,
    linkClients: proxy.linkClients,
    ahead: proxy.ahead,
    pins: policy.counts(),
    clientToDcBytes: proxy.totals.clientToDcBytes,
    dcToClientBytes: proxy.totals.dcToClientBytes,
    users: () => proxy.users(),
    listedPrefixes: proxy.listedPrefixes,
    staleNames: proxy.names.stale,
    buffers: bufferReadings(proxy.pool),
    sockets: runtime.network.descriptors.open,
    socketsRefused: runtime.network.descriptors.refused,
    loopLagSec: lag.worstMs / 1000,
    memoryBytes: { rss, heap_total: heapTotal, heap_used: heapUsed, external, array_buffers: arrayBuffers },
    cpuSec: (user + system) / 1e6,
  }
}

/** What overload is judged by; `parts` is asked once both run. */
function readGauges({ network }: Runtime, parts: () => GaugedParts): Gauges {
  const memory = new MemoryGauge()
  return {
    socketsMax: network.descriptors.max,
    read: () => {
      const { lag, proxy, settings } = parts()
      return {
        loopLagMs: lag.takeMs(),
        memoryBytes: memory.read(settings.memory.ceilingBytes * settings.guard.overload.memory.from * (1 - MARGIN)),
        descriptors: network.descriptors.pressure,
        buffers: proxy.pool.pressure,
      }
    },
  }
}

interface GaugedParts {
  readonly lag: LoopLag
  readonly proxy: Proxy
  readonly settings: Settings
}

function bufferReadings({
  inUseBytes,
  highWaterBytes,
  heldBytes,
  ceilingBytes,
  backlog,
}: Proxy['pool']): BufferReadings {
  const { waitingTurns: turns, paused, ended } = backlog
  return { inUse: inUseBytes, highWater: highWaterBytes, slabs: heldBytes, ceiling: ceilingBytes, turns, paused, ended }
}
