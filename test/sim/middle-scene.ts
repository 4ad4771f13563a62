import type { ProxyEvent } from '../../src/core/events.ts'
import type { Connection, Fetcher, Handler } from '../../src/core/ports.ts'
import { fromAscii } from '../../src/core/protocol/bytes.ts'
import { endpointOf, readProxySecret } from '../../src/core/protocol/rpc/index.ts'
import { Proxy } from '../../src/core/proxy.ts'
import { DIRECT_ONLY, OPEN_ACCESS, UNGUARDED, type MiddleSettings, type Settings } from '../../src/core/settings.ts'
import { MemoryVault } from '../../src/vault/memory.ts'
import { FakeTlsLink } from '../../sim/actors/fake-tls-link.ts'
import { MtprotoLink, type MtprotoClient, type Result } from '../../sim/actors/mtproto-client.ts'
import type { Agreed } from '../../sim/telegram/auth.ts'
import { SimulatedDc } from '../../sim/telegram/dc.ts'
import { expecting, SimulatedMiddleProxy, type MiddleBehaviour } from '../../sim/telegram/middle-proxy.ts'
import { VirtualNat } from '../../sim/world/nat.ts'
import { VirtualNetwork } from '../../sim/world/network.ts'
import { VirtualSharedMemory, VirtualStore } from '../../sim/world/store.ts'
import { World } from '../../sim/world/world.ts'

const KEY = new Uint8Array(16).fill(9)
export const TAG = Uint8Array.from({ length: 16 }, (_, i) => i + 1)
const DOMAIN = 'www.example.com'
export const MIDDLE = { ip: '10.0.0.7', port: 8888 }
export const PROXY = { ip: '10.0.0.1', port: 443 }
/** Where middle proxies are when a NAT lies on the way to them. */
const PUBLIC_MIDDLE = '91.108.4.7'
/** The middle proxy of another DC, for whoever must not be disturbed. */
const OTHER_MIDDLE = { ip: '10.0.0.8', port: 8888 }
export const DC_IP = '149.154.167.51'
export const STUN = ['one.test:3478', 'two.test:3478']
const CALM: MiddleBehaviour = { pingEveryMs: 0, pongWithinMs: 10_000 }

export interface Options {
  readonly adTag?: Uint8Array
  readonly mode?: Settings['telegram']['mode']
  readonly middle?: Partial<MiddleSettings>
  readonly behaviour?: Partial<MiddleBehaviour>
  /** A NAT before the proxy: how it is seen from outside. */
  readonly outside?: string
  /** STUN servers that do not answer. */
  readonly silent?: readonly string[]
  /** What fetching says in place of the files. */
  readonly files?: Readonly<Record<string, Uint8Array | string>>
  /** How long fetching takes. */
  readonly fetchMs?: number
  /** Stands between the middle proxy and its links. */
  readonly between?: (connection: Connection, accept: (connection: Connection) => Handler) => Handler
}

/** One proxy, the middle proxies of DCs 2 and 4, one DC behind them and reachable without them; clients as wanted. */
export function scene({
  adTag,
  mode = 'auto',
  middle = {},
  behaviour = {},
  outside,
  silent = [],
  files = {},
  fetchMs = 10,
  between,
}: Options = {}) {
  const world = new World(4)
  const network = new VirtualNetwork(world)
  const nat = outside === undefined ? undefined : new VirtualNat(world, PROXY.ip, outside)
  for (const server of silent) nat?.lies.set(server, undefined)
  const middleAt = nat === undefined ? MIDDLE : { ip: PUBLIC_MIDDLE, port: MIDDLE.port }
  const targets = [2, -2, 4, -4].map((dc) => {
    const { ip, port } = Math.abs(dc) === 2 ? middleAt : OTHER_MIDDLE
    return `proxy_for ${dc} ${ip}:${port};\n`
  })
  network.plan = () => ({ latencyMs: 5, windowBytes: 60_000, segmentBytes: 3_000, isChoppy: true, stallMs: 0 })
  const { clock, after } = world
  const secretFile = world.random('secret').bytes(128)
  const secret = readProxySecret(secretFile)
  if ('fault' in secret) throw new Error(secret.fault)
  const dc = new SimulatedDc({ clock, random: world.random('dc') })
  const faults: string[] = []
  const middleProxy = (of: number) => {
    const opened = new SimulatedMiddleProxy({
      ...{ clock, random: world.random('middle'), after, secret, dc: of, backend: dc },
      ...(nat === undefined ? {} : { seen: { proxy: nat.seen } }),
      refuse: (request) => {
        const own = endpointOf({ ...PROXY, ip: nat?.outside ?? PROXY.ip })
        return expecting({ ...(adTag === undefined ? {} : { tag: adTag }), own })(request)
      },
    })
    opened.behaviour = { ...CALM, ...behaviour }
    opened.onFault = (why) => faults.push(why)
    return opened
  }
  const telegram = middleProxy(2)
  network
    .host(middleAt.ip)
    .listen(middleAt.port, (connection) => between?.(connection, telegram.accept) ?? telegram.accept(connection))
  network.host(OTHER_MIDDLE.ip).listen(OTHER_MIDDLE.port, middleProxy(4).accept)
  const direct = { connections: 0 }
  network.host(DC_IP).listen(443, (connection) => {
    direct.connections++
    return dc.accept(connection)
  })
  const host = network.host(PROXY.ip)
  const vault = new MemoryVault()
  vault.put(1, KEY)
  const config = fromAscii(`default 2;\n${targets.join('')}`)
  const served: Record<string, Uint8Array | string> = {
    secret: secretFile,
    config,
    ...files,
  }
  const fetcher: Fetcher = {
    fetch: (source, _maxBytes, reply) => {
      const found = served[source] ?? 'not found'
      after(fetchMs, () => reply(typeof found === 'string' ? { why: found } : { bytes: found }))
    },
  }
  const settings: Settings = {
    listen: {
      ...{ proxyProtocol: 'off', proxyProtocolFrom: [], firstByteTimeoutMs: 60_000, handshakeTimeoutMs: 10_000 },
      ...{ prewarmTimeoutMs: 300_000, drainTimeoutMs: 1_000 },
    },
    secrets: [
      {
        ...{
          id: 1,
          name: 'a',
          modes: ['plain', 'padded', 'fake-tls'],
          domain: DOMAIN,
          onRemove: 'close',
          access: 'standard',
          expiresAt: 0,
        },
        ...(adTag === undefined ? {} : { adTag }),
      },
    ],
    mask: { host: 'nowhere.invalid', port: 443, skewSec: 120, maxBytes: 1 << 20, maxTimeMs: 600_000 },
    telegram: {
      ...{ prefer: 'ipv4', connectTimeoutMs: 5_000, socks5: undefined, dc: {}, mode, prewarm: 0 },
      middle: { ...DIRECT_ONLY.middle, secret: 'secret', config: 'config', dcs: [203], ...middle },
    },
    dns: { staleMs: 86_400_000 },
    access: OPEN_ACCESS,
    guard: UNGUARDED,
    relay: { idleTimeoutMs: 900_000, maxLifetimeMs: 0 },
    memory: { buffersBytes: 64 << 20, perConnectionBytes: 256 << 10, ceilingBytes: 512 << 20 },
  }
  const events: ProxyEvent[] = []
  const store = new VirtualStore(world)
  const open = () =>
    new Proxy(
      {
        ...{
          clock,
          random: world.random('proxy'),
          network: host,
          resolver: host,
          vault,
          memory: new VirtualSharedMemory(),
          store,
        },
        ...{ fetcher, run: { pid: 77, startedSec: clock.wall() }, debugBuffers: true, sharesAhead: 1 },
        ...(nat === undefined ? {} : { publicAddress: nat }),
      },
      settings,
      (event) => events.push(event),
    )
  let proxy = open()
  host.listen(443, (connection) => proxy.accept(connection))
  proxy.start([PROXY])
  world.addTicker({ everyMs: 50, tick: () => proxy.tick(), nextAt: () => proxy.wheel.nextAt() })
  world.runFor(100)
  /** Another process on the same store. */
  const restart = () => {
    proxy.close()
    proxy = open()
    proxy.start([PROXY])
    world.runFor(100)
  }

  const trouble: string[] = []
  let clients = 0
  const links = new Map<MtprotoClient, MtprotoLink | FakeTlsLink>()
  const connect = (
    framing: 'abridged' | 'intermediate' | 'padded' | 'tls',
    agreed?: Agreed,
    of: { readonly dc?: number; readonly onOver?: (how: string) => void } = {},
  ): MtprotoClient => {
    const random = world.random(`client ${++clients}`)
    const own = { clock, random, dc: of.dc ?? 2, key: dc.key, secret: KEY, ...(agreed === undefined ? {} : { agreed }) }
    let link: MtprotoLink | FakeTlsLink | undefined
    network.host(`10.${1 + (clients >> 16)}.${(clients >> 8) & 255}.${clients & 255}`).dial(PROXY, {
      onOpen(connection) {
        const tls = { random, key: KEY, domain: DOMAIN, stamp: clock.wall(), size: 'today' } as const
        link =
          framing === 'tls'
            ? new FakeTlsLink(connection, tls, { ...own, framing: 'padded' })
            : new MtprotoLink(connection, { ...own, framing })
        link.client.onTrouble = (why) => trouble.push(why)
        link.onOver = of.onOver ?? ((how: string) => trouble.push(how))
        return link
      },
      onFail: (why) => trouble.push(why),
    })
    world.until(() => link !== undefined, 10_000)
    links.set(link!.client, link!)
    return link!.client
  }
  /** The client ends its direction. */
  const leave = (client: MtprotoClient) => {
    links.get(client)?.end()
    links.delete(client)
  }
  const answer = <T>(ask: (reply: (result: Result<T>) => void) => void, limitMs = 60_000): T => {
    let result: Result<T> | undefined
    ask((answered) => (result = answered))
    world.until(() => result !== undefined, limitMs)
    if (result?.kind !== 'ok') throw new Error(result?.why ?? `no answer: ${[...trouble, ...faults].join()}`)
    return result.value
  }
  const part = (client: MtprotoClient, offset: number, limit = 100_000) =>
    answer<Uint8Array>((reply) => client.getFile({ id: 5n, offset, limit }, reply))
  const closed = () => events.flatMap((event) => (event.kind === 'closed' ? [event.reason] : []))
  const kinds = (kind: ProxyEvent['kind']) => events.filter((event) => event.kind === kind)
  return {
    ...{ world, network, nat, settings, restart, dc, telegram, direct, faults, trouble },
    ...{ served, secretFile, config, store, connect, leave, answer, part, closed, kinds, events },
    get proxy() {
      return proxy
    },
  }
}
