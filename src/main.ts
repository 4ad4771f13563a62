import { join } from 'node:path'
import { answerCommand, type Control, type Status } from './admin/commands.ts'
import { LiveConfig, type ReloadResult } from './config/live.ts'
import type { LoadedConfig, LoadResult } from './config/load.ts'
import { formatProblem } from './config/problem.ts'
import type { Prepared } from './config/settings.ts'
import { formatAddress } from './config/values/net.ts'
import { AssertionFault } from './core/assert.ts'
import type { ProxyEvent } from './core/events.ts'
import type { Address } from './core/ports.ts'
import { Proxy } from './core/proxy.ts'
import { LoopLag } from './observe/lag.ts'
import type { Log } from './observe/log.ts'
import { Metrics, type BufferReadings, type Readings } from './observe/metrics.ts'
import { serveAdminSocket } from './runtime/admin-socket.ts'
import { Closing } from './runtime/closing.ts'
import { createResolver } from './runtime/dns/index.ts'
import { createFetcher } from './runtime/fetcher.ts'
import type { Lookup } from './runtime/https/get.ts'
import { createRuntime, type LevelStore, type Listener, type ListenError, type Runtime } from './runtime/index.ts'
import { serveMetrics } from './runtime/metrics-server.ts'
import { createPublicAddress } from './runtime/stun.ts'
import { PinPolicy, toPinSettings } from './trust/policy.ts'
import { MemoryVault } from './vault/memory.ts'
import { VERSION } from './version.ts'

const TICK_MS = 50

export interface StartOptions {
  readonly log: Log
  /** Reads the configuration again, for a reload. */
  readonly reread: () => LoadResult
}

/** Why the proxy cannot run: one line for the operator. */
export class StartError extends Error {}

export interface RunningProxy {
  /** As bound. */
  readonly listening: readonly Address[]
  status(): Status
  /** Applies every hot key, names cold keys that changed; a configuration with problems changes nothing. */
  reload(): ReloadResult
  /** Stops accepting and lets live connections run on for `listen.drain_timeout`. Harmless when called again. */
  drain(): void
  /** Ends everything at once. Harmless when called again. */
  stop(): void
  /** Settles when everything is closed, by `drain` or by `stop`. */
  readonly stopped: Promise<void>
}

/** Configuration and adapters in, a proxy that runs out. Throws `StartError`, and leaves nothing open then. */
export async function start(loaded: LoadedConfig, options: StartOptions): Promise<RunningProxy> {
  const closing = new Closing()
  try {
    return await open(loaded, options, closing)
  } catch (error) {
    closing.run()
    await closing.done
    throw error
  }
}

async function open(loaded: LoadedConfig, { log, reread }: StartOptions, closing: Closing): Promise<RunningProxy> {
  const { config } = loaded
  const runtime = createRuntime()
  const { clock, random, network } = runtime
  const live = new LiveConfig(loaded, reread)

  const store = await openStore(runtime, join(config.state.path, 'store'))
  closing.add(() => new Promise<void>((done) => store.close(done)))
  const memory = runtime.openSharedMemory(join(config.state.path, 'shared'))
  closing.add(() => memory.close(true))
  const vault = new MemoryVault()
  giveKeys(vault, log, live.prepared)

  const policy = new PinPolicy(toPinSettings(config.pinning), ({ host, outcome, isRefused, message }) =>
    log.write('warn', 'tls.pin', message, { host, outcome, refused: isRefused }),
  )
  const trust = { policy, wall: () => clock.wall() }
  const resolver = createResolver(config.dns.servers, trust)
  const resolve: Lookup = (host, reply) => proxy.names.lookup(host, reply)
  const fetcher = createFetcher({ ...trust, resolve })
  const run = { pid: process.pid, startedSec: clock.wall() }
  const metrics = new Metrics(() => readNow(proxy, policy, runtime, lag), { version: VERSION, runtime: runtime.name })
  const emit = (event: ProxyEvent) => {
    log.emit(event)
    metrics.emit(event)
  }
  const publicAddress = createPublicAddress({ resolve, random })
  const ports = { clock, random, network, resolver, vault, memory, store, fetcher, publicAddress, run }
  const proxy = openProxy(() => new Proxy(ports, live.prepared.settings, emit))
  closing.add(() => proxy.close())
  const lag = new LoopLag(TICK_MS, clock.mono())

  const listeners = await openListeners(runtime, loaded, proxy, log)
  const stopListening = () => listeners.forEach((listener) => listener.close())
  closing.add(stopListening)
  const listening = listeners.map(({ address }) => address)
  proxy.start(listening)
  const ticking = setInterval(() => {
    lag.tick(clock.mono())
    proxy.tick()
  }, TICK_MS)
  closing.add(() => clearInterval(ticking))

  const metricsAt = await openMetrics(config.metrics.listen, metrics, closing)
  const startedAt = clock.mono()
  const status = () => statusOf({ proxy, live, runtime, listening, metricsAt, uptimeMs: clock.mono() - startedAt })
  const reload = () => reloadInto({ proxy, live, vault, log, metrics, policy })
  const stop = closing.run
  const drain = () => {
    if (proxy.isDraining) return
    stopListening()
    log.write('info', 'drain.began', 'Draining: no new connections', { open: proxy.open })
    proxy.drain(stop)
  }
  await openAdmin(config.admin.socket, { status, reload, drain }, closing)
  announce(log, { runtime, loaded, listening, metricsAt })
  const stopped = closing.done.then(() => log.write('info', 'stopped', 'Palisade stopped'))
  return { listening, status, reload, drain, stop, stopped }
}

interface Parts {
  readonly proxy: Proxy
  readonly live: LiveConfig
  readonly vault: MemoryVault
  readonly log: Log
  readonly metrics: Metrics
  readonly policy: PinPolicy
}

function reloadInto({ proxy, live, vault, log, metrics, policy }: Parts): ReloadResult {
  const result = live.reload((prepared, loaded) => {
    giveKeys(vault, log, prepared)
    policy.settings = toPinSettings(loaded.config.pinning)
    proxy.apply(prepared.settings)
    for (const id of prepared.removed) vault.remove(id)
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

interface StatusParts {
  readonly proxy: Proxy
  readonly live: LiveConfig
  readonly runtime: Runtime
  readonly listening: readonly Address[]
  readonly metricsAt: string
  readonly uptimeMs: number
}

function statusOf({ proxy, live, runtime, listening, metricsAt, uptimeMs }: StatusParts): Status {
  return {
    pid: process.pid,
    version: VERSION,
    runtime: runtime.name,
    state: proxy.isDraining ? 'draining' : 'running',
    config: live.loaded.file,
    listening: listening.map(formatAddress),
    metrics: metricsAt,
    uptime_sec: Math.floor(uptimeMs / 1000),
    open: proxy.open,
    accepted: proxy.accepted,
    bytes: { client_to_dc: proxy.totals.clientToDcBytes, dc_to_client: proxy.totals.dcToClientBytes },
    secrets: live.loaded.config.secret.map(({ name }) => name),
  }
}

function giveKeys(vault: MemoryVault, log: Log, { keys, settings }: Prepared): void {
  for (const { id, key } of keys) vault.put(id, key)
  log.secretNames = new Map(settings.secrets.map(({ id, name }) => [id, name]))
}

function openStore(runtime: Runtime, directory: string): Promise<LevelStore> {
  return new Promise((resolve, reject) => {
    runtime.openStore(directory, (result) => {
      if ('error' in result) reject(new StartError(result.error.message))
      else resolve(result)
    })
  })
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

/** Codes that say this machine has no such address family at all. */
const NO_FAMILY = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL'])

/** All addresses, or an error; only a machine without IPv6 (or IPv4) may do without `[::]` (or `0.0.0.0`). */
async function openListeners(runtime: Runtime, loaded: LoadedConfig, proxy: Proxy, log: Log): Promise<Listener[]> {
  const { address: addresses, backlog } = loaded.config.listen
  const listeners: Listener[] = []
  let lastError = ''
  for (const { ip, port } of addresses) {
    const result = await new Promise<Listener | { readonly error: ListenError }>((resolve) =>
      runtime.network.listen({ host: ip, port, backlog }, (connection) => proxy.accept(connection), resolve),
    )
    if (!('error' in result)) {
      listeners.push(result)
      continue
    }
    lastError = result.error.message
    const mayBeMissing = addresses.length > 1 && (ip === '::' || ip === '0.0.0.0') && NO_FAMILY.has(result.error.code)
    if (!mayBeMissing) {
      for (const listener of listeners) listener.close()
      throw new StartError(lastError)
    }
    log.write('warn', 'listen.skipped', lastError)
  }
  if (listeners.length === 0) throw new StartError(lastError)
  return listeners
}

async function openMetrics(address: Address | undefined, metrics: Metrics, closing: Closing): Promise<string> {
  if (address === undefined) return ''
  const server = await serveMetrics(address, metrics)
  if ('error' in server) throw new StartError(`metrics.listen: ${server.error.message}`)
  closing.add(() => server.close())
  return formatAddress(server.address)
}

async function openAdmin(path: string, control: Control, closing: Closing): Promise<void> {
  if (path === '') return
  const socket = await serveAdminSocket(path, (line) => JSON.stringify(answerCommand(line, control)))
  if ('error' in socket) throw new StartError(`admin.socket: ${socket.error}`)
  closing.add(() => socket.close())
}

function readNow(proxy: Proxy, policy: PinPolicy, runtime: Runtime, lag: LoopLag): Readings {
  const { rss, heapTotal, heapUsed, external, arrayBuffers } = process.memoryUsage()
  return {
    openConnections: proxy.open,
    links: proxy.links,
    linkClients: proxy.linkClients,
    ahead: proxy.ahead,
    listedPrefixes: proxy.listedPrefixes,
    pins: policy.counts(),
    staleNames: proxy.names.stale,
    clientToDcBytes: proxy.totals.clientToDcBytes,
    dcToClientBytes: proxy.totals.dcToClientBytes,
    buffers: bufferReadings(proxy.pool),
    sockets: runtime.network.open,
    socketsRefused: runtime.network.refused,
    loopLagSec: lag.worstMs / 1000,
    memoryBytes: { rss, heap_total: heapTotal, heap_used: heapUsed, external, array_buffers: arrayBuffers },
  }
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

interface Announcement {
  readonly runtime: Runtime
  readonly loaded: LoadedConfig
  readonly listening: readonly Address[]
  readonly metricsAt: string
}

function announce(log: Log, { runtime, loaded, listening, metricsAt }: Announcement): void {
  for (const warning of loaded.warnings) log.write('warn', 'config.warning', formatProblem(warning))
  if (metricsAt !== '') log.write('info', 'metrics.listening', 'Serving metrics', { address: metricsAt })
  for (const address of listening)
    log.write('info', 'listening', 'Listening for clients', { address: formatAddress(address), port: address.port })
  log.write('info', 'started', 'Palisade is running', {
    version: VERSION,
    runtime: runtime.name,
    pid: process.pid,
    secrets: loaded.config.secret.length,
  })
}
