import type { Connection, Handler, Network } from '../../src/core/ports.ts'
import { fromAscii } from '../../src/core/protocol/bytes.ts'
import { readProxySecret } from '../../src/core/protocol/rpc/index.ts'
import { Proxy as PalisadeProxy } from '../../src/core/proxy.ts'
import { DIRECT_ONLY, OPEN_ACCESS, UNGUARDED, type Settings } from '../../src/core/settings.ts'
import { addressesOf } from '../../src/core/telegram/dcs.ts'
import { MemoryVault } from '../../src/vault/memory.ts'
import { Talker, type TalkPlan } from '../../sim/actors/talker.ts'
import { SimulatedMiddleProxy } from '../../sim/telegram/middle-proxy.ts'
import { TalkBackend } from '../../sim/telegram/talk-backend.ts'
import { TalkDc } from '../../sim/telegram/talk-dc.ts'
import { VirtualNetwork } from '../../sim/world/network.ts'
import { VirtualSharedMemory, VirtualStore } from '../../sim/world/store.ts'
import { World } from '../../sim/world/world.ts'
import type { ByteCounter } from './counter.ts'

const PROXY = { ip: '10.0.0.1', port: 443 }
const MIDDLE = { ip: '10.0.0.7', port: 8888 }
const DOMAIN = 'www.example.com'
const DC = 2
const KEY_LENGTH = 16
const READ_BYTES = 64 << 10
const WIDE_BYTES = 4 << 20
/** A slow client's kernel takes this much at a time. */
const NARROW_BYTES = 24 << 10
const LIMIT_MS = 3_600_000

export interface Case {
  readonly mode: 'plain' | 'ee'
  readonly way: 'direct' | 'middle'
  readonly clients: number
  readonly isSlow: boolean
  /** Of each client, in order; bytes both ways. */
  readonly parts: TalkPlan['parts']
}

export interface Writes {
  count: number
  bytes: number
}

/** Runs one case to its end in a virtual world; counts only what happens inside the proxy's handlers. Throws unless all bytes came. */
export function runCase({ mode, way, clients, isSlow, parts }: Case, counter: ByteCounter): Writes {
  const world = new World(7)
  const network = new VirtualNetwork(world)
  network.plan = (from, to) => ({
    ...{ latencyMs: 2, segmentBytes: READ_BYTES, isChoppy: false, stallMs: 0 },
    windowBytes: isSlow && (from.startsWith('198.') || to.ip.startsWith('198.')) ? NARROW_BYTES : WIDE_BYTES,
  })
  const fail = (what: string): never => {
    throw new Error(what)
  }
  const secretFile = world.random('proxy-secret').bytes(128)
  openTelegram(world, network, secretFile, fail)
  const vault = new MemoryVault()
  const key = world.random('key').bytes(KEY_LENGTH)
  vault.put(1, key)
  const writes: Writes = { count: 0, bytes: 0 }
  const host = network.host(PROXY.ip)
  const files: Record<string, Uint8Array> = {
    secret: secretFile,
    config: fromAscii(`default ${DC};\nproxy_for ${DC} ${MIDDLE.ip}:${MIDDLE.port};\n`),
  }
  const proxy = new PalisadeProxy(
    {
      ...{ clock: world.clock, random: world.random('proxy'), vault, memory: new VirtualSharedMemory() },
      ...{ store: new VirtualStore(world), sharesAhead: 1, run: { pid: 1, startedSec: 0 } },
      network: metered(host, counter, writes),
      resolver: host,
      fetcher: { fetch: (source, _maxBytes, reply) => void world.after(1, () => reply({ bytes: files[source] })) },
    },
    settingsFor(way),
    (event) => {
      if (event.kind === 'fault') fail(event.message)
    },
  )
  host.listen(
    PROXY.port,
    (connection) => new Metered(meteredWrites(connection, counter, writes), counter, (own) => proxy.accept(own)),
  )
  proxy.start([PROXY])
  world.addTicker({ everyMs: 50, tick: () => proxy.tick(), nextAt: () => proxy.wheel.nextAt() })
  world.runFor(1_000)
  counter.reset()
  const talkers = Array.from({ length: clients }, (_, at) => {
    const random = world.random(`talker ${at}`)
    const plan: TalkPlan = {
      ...{ name: `client ${at}`, talk: at + 1, framing: mode === 'ee' ? 'padded' : 'intermediate', dc: DC, key, parts },
      ...{ ahead: 4, isInitAlone: true, prewarmMs: 0, trickleBytes: 0, slowOneIn: 0, ending: 'client-ends' },
      mustEndWell: true,
      ...(mode === 'ee' ? { tls: { domain: DOMAIN, stamp: world.clock.wall(), size: 'today' } } : {}),
    }
    const ports = { world, random, host: network.host(`198.51.100.${at + 1}`), proxy: PROXY, tell() {}, record() {} }
    return new Talker(plan, ports)
  })
  for (const talker of talkers) talker.start()
  world.until(() => talkers.every(({ outcome }) => outcome !== undefined), LIMIT_MS)
  for (const { outcome } of talkers) if (outcome !== 'done') fail(`a client ended with ${outcome ?? 'nothing'}`)
  return writes
}

function openTelegram(
  world: World,
  network: VirtualNetwork,
  secretFile: Uint8Array,
  fail: (what: string) => never,
): void {
  const { clock, after } = world
  const dc = new TalkDc({
    ...{ random: world.random('dc'), after, slowOneIn: 0, silenceMs: () => LIMIT_MS },
    ...{ onPart() {}, onNonsense: fail },
  })
  for (const { ip } of addressesOf(DC, settingsFor('direct').telegram) ?? []) network.host(ip).listen(443, dc.accept)
  const secret = readProxySecret(secretFile)
  if ('fault' in secret) throw new Error(secret.fault)
  const backend = new TalkBackend({ at: MIDDLE, onPart() {}, onNonsense: fail, next: new Map() })
  const middle = new SimulatedMiddleProxy({ clock, random: world.random('middle'), after, secret, dc: DC, backend })
  middle.onFault = fail
  network.host(MIDDLE.ip).listen(MIDDLE.port, middle.accept)
}

function settingsFor(way: Case['way']): Settings {
  return {
    listen: {
      ...{ proxyProtocol: 'off', proxyProtocolFrom: [], firstByteTimeoutMs: 60_000, handshakeTimeoutMs: 10_000 },
      ...{ prewarmTimeoutMs: 300_000, drainTimeoutMs: 60_000 },
    },
    secrets: [
      {
        ...{ id: 1, name: 'a', modes: ['plain', 'padded', 'fake-tls'], domain: DOMAIN },
        ...{ onRemove: 'drain', access: 'standard', expiresAt: 0 },
      },
    ],
    mask: { host: 'nowhere.invalid', port: 443, skewSec: 120, maxBytes: 1 << 20, maxTimeMs: 600_000 },
    telegram: {
      ...{ prefer: 'ipv4', connectTimeoutMs: 5_000, socks5: undefined, dc: {}, prewarm: 0, mode: way },
      middle: { ...DIRECT_ONLY.middle, secret: 'secret', config: 'config', linksPerDc: 1 },
    },
    dns: { staleMs: 86_400_000 },
    access: OPEN_ACCESS,
    guard: UNGUARDED,
    relay: { idleTimeoutMs: 900_000, maxLifetimeMs: 0 },
    memory: { buffersBytes: 64 << 20, perConnectionBytes: 256 << 10, ceilingBytes: 512 << 20 },
  }
}

/** A handler of the proxy's: what it does is counted, what it calls is not. */
class Metered implements Handler {
  readonly #inner: Handler
  readonly #counter: ByteCounter

  constructor(connection: Connection, counter: ByteCounter, open: (connection: Connection) => Handler) {
    this.#counter = counter
    this.#inner = open(connection)
  }

  onData(chunk: Uint8Array): void {
    this.#counter.watch(() => this.#inner.onData(chunk))
  }
  onDrain(): void {
    this.#counter.watch(() => this.#inner.onDrain())
  }
  onEnd(): void {
    this.#inner.onEnd()
  }
  onClose(kind: 'end' | 'reset'): void {
    this.#inner.onClose(kind)
  }
}

function metered(network: Network, counter: ByteCounter, writes: Writes): Network {
  return {
    readMaxBytes: network.readMaxBytes,
    dial: (address, dialing) =>
      network.dial(address, {
        onOpen: (connection) =>
          new Metered(meteredWrites(connection, counter, writes), counter, (own) => dialing.onOpen(own)),
        onFail: (why) => dialing.onFail(why),
      }),
    ownAddresses: () => network.ownAddresses(),
  }
}

function meteredWrites(connection: Connection, counter: ByteCounter, writes: Writes): Connection {
  const write = connection.write.bind(connection)
  connection.write = (bytes) => {
    const taken = counter.watch(() => write(bytes), false)
    writes.count++
    writes.bytes += taken
    return taken
  }
  return connection
}
