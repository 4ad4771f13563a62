import type { ProxyEvent } from '../../../src/core/events.ts'
import type { Connection, Gauges, Handler } from '../../../src/core/ports.ts'
import { concat } from '../../../src/core/protocol/bytes.ts'
import { ctr } from '../../../src/core/protocol/ctr.ts'
import { makeClientHello } from '../../../src/core/protocol/faketls/make-hello.ts'
import { wrappedLength, wrapRecords } from '../../../src/core/protocol/faketls/records.ts'
import { makeInit } from '../../../src/core/protocol/obfuscated2.ts'
import { Proxy } from '../../../src/core/proxy.ts'
import {
  type AccessSettings,
  DIRECT_ONLY,
  OPEN_ACCESS,
  type MaskSettings,
  type SecretSettings,
  type Settings,
  UNGUARDED,
} from '../../../src/core/settings.ts'
import { MemoryVault } from '../../../src/vault/memory.ts'
import { SendQueue } from '../../../sim/telegram/send-queue.ts'
import type { LinkPlan } from '../../../sim/world/connection.ts'
import { VirtualNetwork } from '../../../sim/world/network.ts'
import { VirtualSharedMemory, VirtualStore } from '../../../sim/world/store.ts'
import { World } from '../../../sim/world/world.ts'

export const KEY = new Uint8Array(16).fill(7)
export const DOMAIN = 'www.example.com'
export const PROXY = { ip: '10.0.0.1', port: 443 }
export const PROXY_IPV6 = { ip: 'fd00::1', port: 443 }
export const DC_IP = '149.154.167.51'
export const DC_IPS = [DC_IP, '95.161.76.100']
export const SITE_IP = '10.0.0.3'
export const BALANCER_IP = '10.0.0.9'
export const CALM: LinkPlan = { latencyMs: 5, windowBytes: 65_536, segmentBytes: 65_536, isChoppy: false, stallMs: 0 }

export interface Changes {
  readonly domain?: string
  readonly secret?: Partial<SecretSettings>
  readonly secrets?: readonly SecretSettings[]
  readonly mask?: Partial<MaskSettings>
  readonly access?: Partial<AccessSettings>
  readonly listen?: Partial<Settings['listen']>
  readonly relay?: Partial<Settings['relay']>
  readonly memory?: Partial<Settings['memory']>
  readonly guard?: Partial<Settings['guard']>
}

export function settingsWith({
  domain = DOMAIN,
  secret,
  secrets,
  mask,
  access,
  listen,
  relay,
  memory,
  guard,
}: Changes = {}): Settings {
  const first: SecretSettings = {
    id: 1,
    name: 'a',
    modes: ['plain', 'padded', 'fake-tls'],
    domain,
    onRemove: 'close',
    access: 'standard',
    expiresAt: 0,
    ...secret,
  }
  return {
    listen: {
      proxyProtocol: 'off',
      proxyProtocolFrom: [BALANCER_IP],
      firstByteTimeoutMs: 60_000,
      handshakeTimeoutMs: 10_000,
      prewarmTimeoutMs: 300_000,
      drainTimeoutMs: 60_000,
      ...listen,
    },
    secrets: secrets ?? [first],
    access: { ...OPEN_ACCESS, ...access },
    mask: { host: SITE_IP, port: 443, skewSec: 120, maxBytes: 1 << 20, maxTimeMs: 600_000, ...mask },
    telegram: { prefer: 'ipv4', connectTimeoutMs: 5_000, socks5: undefined, dc: {}, ...DIRECT_ONLY },
    guard: { ...UNGUARDED, ...guard },
    relay: { idleTimeoutMs: 900_000, maxLifetimeMs: 0, ...relay },
    dns: { staleMs: 86_400_000 },
    memory: { buffersBytes: 64 << 20, perConnectionBytes: 256 << 10, ceilingBytes: 512 << 20, ...memory },
  }
}

/** Somebody at one end of a connection: remembers what came, and sends all it is told to. */
export class Peer implements Handler {
  readonly events: string[] = []
  receivedBytes = 0
  /** When the first of `events` came. */
  endedAt = 0
  connection!: Connection
  readonly #now: () => number
  readonly #chunks: Uint8Array[] = []
  #queue!: SendQueue

  constructor(now: () => number) {
    this.#now = now
  }

  get received(): Uint8Array {
    return concat(...this.#chunks)
  }
  open(connection: Connection): void {
    this.connection = connection
    this.#queue = new SendQueue(connection, 64 << 20)
  }
  send(bytes: Uint8Array): void {
    this.#queue.push(bytes.slice())
  }
  /** FIN behind what was sent. */
  end(): void {
    this.#queue.end()
  }
  onData(chunk: Uint8Array): void {
    this.receivedBytes += chunk.length
    this.#chunks.push(chunk.slice())
  }
  onDrain(): void {
    this.#queue.pump()
  }
  onEnd(): void {
    this.#note('end')
  }
  onClose(kind: string): void {
    this.#note(kind === 'end' ? 'closed' : kind)
  }
  #note(what: string): void {
    if (this.events.length === 0) this.endedAt = this.#now()
    this.events.push(what)
  }
}

export interface SceneOptions extends Changes {
  readonly seed?: number
  readonly vaultTakesMs?: number
  readonly plan?: Partial<LinkPlan>
  /** What the mask site does with a new connection. */
  readonly onSite?: (site: Peer) => void
  readonly hasSite?: boolean
  readonly gauges?: Gauges
}

/** One proxy between clients, a DC and a mask site that do as the test says. */
export function scene({ seed = 1, vaultTakesMs, plan, onSite, hasSite = true, gauges, ...changes }: SceneOptions = {}) {
  const world = new World(seed)
  const network = new VirtualNetwork(world)
  network.plan = () => ({ ...CALM, ...plan })
  const machine = network.host(PROXY.ip, PROXY_IPV6.ip)
  const now = () => world.now
  const [dcs, sites]: [Peer[], Peer[]] = [[], []]
  const listen = (ip: string, list: Peer[], onOpen?: (peer: Peer) => void) =>
    network.host(ip).listen(443, (connection) => {
      const peer = new Peer(now)
      peer.open(connection)
      list.push(peer)
      onOpen?.(peer)
      return peer
    })
  for (const ip of DC_IPS) listen(ip, dcs)
  if (hasSite) listen(SITE_IP, sites, onSite)
  const vault = new MemoryVault(vaultTakesMs === undefined ? {} : { later: (run) => world.after(vaultTakesMs, run) })
  vault.put(1, KEY)
  const events: ProxyEvent[] = []
  const random = world.random('proxy')
  const store = new VirtualStore(world)
  const ports = {
    clock: world.clock,
    random,
    network: machine,
    resolver: machine,
    vault,
    memory: new VirtualSharedMemory(),
    store,
  }
  const proxy = new Proxy(
    { ...ports, ...(gauges === undefined ? {} : { gauges }), debugBuffers: true, sharesAhead: 0 },
    settingsWith(changes),
    (event) => events.push(event),
  )
  machine.listen(PROXY.port, (connection) => proxy.accept(connection))
  world.addTicker({ everyMs: 50, tick: () => proxy.tick(), nextAt: () => proxy.wheel.nextAt() })
  /** Connects, and sends `pieces` one after the other, so far apart that each is read by itself. */
  const dial = (pieces: readonly Uint8Array[] | Uint8Array = [], from = '10.0.0.2') => {
    const peer = new Peer(now)
    network.host(from).dial(from.includes(':') ? PROXY_IPV6 : PROXY, {
      onOpen: (connection) => {
        peer.open(connection)
        const list = pieces instanceof Uint8Array ? [pieces] : pieces
        list.forEach((piece, at) => (at === 0 ? peer.send(piece) : world.after(10 * at, () => peer.send(piece))))
        return peer
      },
      onFail: (why) => peer.onClose(why),
    })
    return peer
  }
  /** Runs until the proxy told of this kind of event (again), and returns when that was. */
  const until = (kind: ProxyEvent['kind'], limitMs = 3_600_000) => {
    const before = events.length
    world.until(() => events.slice(before).some((event) => event.kind === kind), limitMs)
    return world.now
  }
  const reasons = (kind: 'closed' | 'rejected') =>
    events.flatMap((event) => (event.kind === kind ? [event.reason] : []))
  return { world, network, proxy, vault, dial, until, dcs, sites, events, reasons, random: world.random('clients') }
}

export type Scene = ReturnType<typeof scene>

/** An obfuscated2 client: what it says first, and how its bytes are enciphered. */
export function initOf({ random }: Pick<Scene, 'random'>, dc = 2, isInsideTls = false) {
  const init = makeInit({ random, framing: 'padded', dc, secret: KEY, isInsideTls })
  const up = ctr(init.up, 64)
  return { wire: init.wire, seal: (bytes: Uint8Array) => up.update(bytes), down: ctr(init.down) }
}

export function helloOf({ random, world }: Pick<Scene, 'random' | 'world'>, domain = DOMAIN): Uint8Array {
  return makeClientHello({ random, domain, secret: KEY, stamp: world.clock.wall() }).record
}

/** What a fake-TLS client sends behind its hello. */
export function insideTls(payload: Uint8Array): Uint8Array {
  const records = new Uint8Array(wrappedLength(payload.length))
  return concat(Uint8Array.of(0x14, 3, 3, 0, 1, 1), records.subarray(0, wrapRecords(payload, records)))
}
