import { describe, expect, it } from 'vitest'
import type { ProxyEvent } from '../../src/core/events.ts'
import type { Fetcher } from '../../src/core/ports.ts'
import { fromAscii } from '../../src/core/protocol/bytes.ts'
import { endpointOf, readProxySecret } from '../../src/core/protocol/rpc/index.ts'
import { Proxy } from '../../src/core/proxy.ts'
import { DIRECT_ONLY, OPEN_ACCESS, type MiddleSettings, type Settings } from '../../src/core/settings.ts'
import { MemoryVault } from '../../src/vault/memory.ts'
import { FakeTlsLink } from '../../sim/actors/fake-tls-link.ts'
import { MtprotoLink, type MtprotoClient, type Result } from '../../sim/actors/mtproto-client.ts'
import type { Agreed } from '../../sim/telegram/auth.ts'
import { SimulatedDc } from '../../sim/telegram/dc.ts'
import { fileBytes } from '../../sim/telegram/files.ts'
import { expecting, SimulatedMiddleProxy, type MiddleBehaviour } from '../../sim/telegram/middle-proxy.ts'
import { VirtualNetwork } from '../../sim/world/network.ts'
import { VirtualSharedMemory, VirtualStore } from '../../sim/world/store.ts'
import { World } from '../../sim/world/world.ts'

const KEY = new Uint8Array(16).fill(9)
const TAG = Uint8Array.from({ length: 16 }, (_, i) => i + 1)
const DOMAIN = 'www.example.com'
const MIDDLE = { ip: '10.0.0.7', port: 8888 }
const PROXY = { ip: '10.0.0.1', port: 443 }
const CONFIG = 'default 2;\nproxy_for 2 10.0.0.7:8888;\nproxy_for -2 10.0.0.7:8888;\n'
const CALM: MiddleBehaviour = { pingEveryMs: 0, pongWithinMs: 10_000 }

interface Options {
  readonly adTag?: Uint8Array
  readonly mode?: Settings['telegram']['mode']
  readonly middle?: Partial<MiddleSettings>
  readonly behaviour?: Partial<MiddleBehaviour>
  /** What fetching says in place of the files. */
  readonly files?: Readonly<Record<string, Uint8Array | string>>
}

function scene({ adTag, mode = 'auto', middle = {}, behaviour = {}, files = {} }: Options = {}) {
  const world = new World(4)
  const network = new VirtualNetwork(world)
  network.plan = () => ({ latencyMs: 5, windowBytes: 60_000, segmentBytes: 3_000, isChoppy: true, stallMs: 0 })
  const { clock, after } = world
  const secretFile = world.random('secret').bytes(128)
  const secret = readProxySecret(secretFile)
  if ('fault' in secret) throw new Error(secret.fault)
  const dc = new SimulatedDc({ clock, random: world.random('dc') })
  const telegram = new SimulatedMiddleProxy({
    ...{ clock, random: world.random('middle'), after, secret, dc: 2, backend: dc },
    refuse: expecting({ ...(adTag === undefined ? {} : { tag: adTag }), own: endpointOf(PROXY) }),
  })
  telegram.behaviour = { ...CALM, ...behaviour }
  const faults: string[] = []
  telegram.onFault = (why) => faults.push(why)
  network.host(MIDDLE.ip).listen(MIDDLE.port, telegram.accept)
  const direct = { connections: 0 }
  network.host('149.154.167.51').listen(443, (connection) => {
    direct.connections++
    return dc.accept(connection)
  })
  const host = network.host(PROXY.ip)
  const vault = new MemoryVault()
  vault.put(1, KEY)
  const served: Record<string, Uint8Array | string> = { secret: secretFile, config: fromAscii(CONFIG), ...files }
  const fetcher: Fetcher = {
    fetch: (source, _maxBytes, reply) => {
      const found = served[source] ?? 'not found'
      after(10, () => reply(typeof found === 'string' ? { why: found } : { bytes: found }))
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
    access: OPEN_ACCESS,
    mask: { host: 'nowhere.invalid', port: 443, skewSec: 120, maxBytes: 1 << 20, maxTimeMs: 600_000 },
    telegram: {
      ...{ prefer: 'ipv4', connectTimeoutMs: 5_000, socks5: undefined, dc: {}, mode, prewarm: 0 },
      middle: { ...DIRECT_ONLY.middle, secret: 'secret', config: 'config', dcs: [203], ...middle },
    },
    relay: { idleTimeoutMs: 900_000, maxLifetimeMs: 0 },
    memory: { buffersBytes: 64 << 20, perConnectionBytes: 256 << 10 },
  }
  const events: ProxyEvent[] = []
  const store = new VirtualStore(world)
  const open = () =>
    new Proxy(
      {
        ...{ clock, random: world.random('proxy'), network: host, vault, memory: new VirtualSharedMemory(), store },
        ...{ fetcher, run: { pid: 77, startedSec: clock.wall() }, poisonBuffers: true, sharesAhead: 1 },
      },
      settings,
      (event) => events.push(event),
    )
  const proxy = open()
  host.listen(443, (connection) => proxy.accept(connection))
  proxy.start([PROXY])
  world.addTicker({ everyMs: 50, tick: () => proxy.tick(), nextAt: () => proxy.wheel.nextAt() })
  world.runFor(100)

  const trouble: string[] = []
  let clients = 0
  const connect = (framing: 'abridged' | 'intermediate' | 'padded' | 'tls', agreed?: Agreed): MtprotoClient => {
    const random = world.random(`client ${++clients}`)
    const own = { clock, random, dc: 2, key: dc.key, secret: KEY, ...(agreed === undefined ? {} : { agreed }) }
    let link: MtprotoLink | FakeTlsLink | undefined
    network.host(`10.1.0.${clients}`).dial(PROXY, {
      onOpen(connection) {
        const tls = { random, key: KEY, domain: DOMAIN, stamp: clock.wall(), size: 'today' } as const
        link =
          framing === 'tls'
            ? new FakeTlsLink(connection, tls, { ...own, framing: 'padded' })
            : new MtprotoLink(connection, { ...own, framing })
        link.client.onTrouble = (why) => trouble.push(why)
        link.onOver = (how: string) => trouble.push(how)
        return link
      },
      onFail: (why) => trouble.push(why),
    })
    world.until(() => link !== undefined, 10_000)
    return link!.client
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
    world,
    network,
    proxy,
    open,
    dc,
    telegram,
    direct,
    faults,
    trouble,
    connect,
    answer,
    part,
    closed,
    kinds,
    events,
  }
}

describe('middle-proxy mode', () => {
  it.each(['abridged', 'intermediate', 'padded', 'tls'] as const)(
    'serves a client of %s framing, with its tag',
    (framing) => {
      const { connect, answer, part, faults, trouble, direct, telegram } = scene({ adTag: TAG })
      const client = connect(framing)
      answer((reply) => client.exchangeKey(reply))
      expect(answer<bigint>((reply) => client.ping(5n, reply))).toBe(5n)
      for (let at = 0; at < 3; at++) expect(part(client, at * 100_000)).toEqual(bytesOf(5n, at * 100_000, 100_000))
      let acks = 0
      client.onQuickAck = () => acks++
      answer((reply) => client.call(new Uint8Array([0x6b, 0x18, 0xf9, 0xc4]), reply, { quickAck: true }))
      expect([acks, faults, trouble, direct.connections, telegram.links.size]).toEqual([1, [], [], 0, 1])
    },
  )

  it('carries many clients on few links, told apart', () => {
    const { connect, answer, world, faults, trouble, proxy, telegram } = scene({
      adTag: TAG,
      middle: { linksPerDc: 2 },
    })
    const first = connect('padded')
    const agreed = answer<Agreed>((reply) => first.exchangeKey(reply))
    const clients = Array.from({ length: 30 }, () => connect('intermediate', agreed))
    const results: (Result<Uint8Array> | undefined)[] = clients.map(() => undefined)
    clients.forEach((client, i) =>
      client.getFile({ id: BigInt(i), offset: 0, limit: 60_000 }, (result) => (results[i] = result)),
    )
    world.runFor(30_000)
    results.forEach((result, i) => expect(result).toEqual({ kind: 'ok', value: bytesOf(BigInt(i), 0, 60_000) }))
    expect([proxy.links, telegram.links.size, faults, trouble]).toEqual([2, 2, [], []])
  })

  it('moves clients to another link when theirs is closed, and drops those that have no key yet', () => {
    const { connect, answer, world, telegram, trouble, kinds, faults } = scene({ adTag: TAG })
    const client = connect('padded')
    answer((reply) => client.exchangeKey(reply))
    for (let round = 0; round < 5; round++) {
      expect(answer<bigint>((reply) => client.ping(BigInt(round), reply))).toBe(BigInt(round))
      world.runFor(2_000)
      for (const link of [...telegram.links]) link.rotate()
      world.runFor(500)
    }
    expect(kinds('migrated')).toHaveLength(5)
    expect([trouble, faults]).toEqual([[], []])
    const keyless = connect('padded')
    keyless.requestPq(() => {})
    world.runFor(2_000)
    for (const link of [...telegram.links]) link.rotate()
    world.runFor(500)
    expect(trouble).toHaveLength(1)
  })

  it('tells a client whose request may be lost with its link, by closing it', () => {
    const { connect, answer, world, telegram, trouble, closed } = scene({ adTag: TAG })
    const client = connect('padded')
    answer((reply) => client.exchangeKey(reply))
    client.ping(1n, () => {})
    world.runFor(5)
    for (const link of [...telegram.links]) link.rotate()
    world.runFor(1_000)
    expect(closed()).toEqual(['link-lost'])
    expect(trouble).toHaveLength(1)
  })

  it('closes the client that the middle proxy wants closed, and tells it of those that left', () => {
    const { connect, answer, world, telegram, trouble, closed } = scene({ adTag: TAG })
    const client = connect('padded')
    answer((reply) => client.exchangeKey(reply))
    const [link] = telegram.links
    link.closeClient(link.clients[0])
    world.runFor(1_000)
    expect([trouble, closed()]).toEqual([['end'], ['eof']])
    const other = connect('padded')
    other.requestPq(() => {})
    world.runFor(1_000)
    expect(link.clients).toHaveLength(1)
  })

  it('gives every client its turn beside one that sends without end (I26)', () => {
    const { connect, answer, world, faults, trouble, dc } = scene({
      adTag: TAG,
      middle: { linksPerDc: 1, maxLinksPerDc: 1 },
    })
    const heavy = connect('padded')
    const agreed = answer<Agreed>((reply) => heavy.exchangeKey(reply))
    const light = Array.from({ length: 5 }, () => connect('intermediate', agreed))
    const PARTS = 100
    const content = new Uint8Array(256 << 10)
    let saved = 0
    for (let part = 0; part < PARTS; part++) heavy.saveFilePart({ id: 9n, part, content }, () => saved++)
    const waits: number[] = []
    for (let round = 0; round < 10; round++) {
      for (const client of light) {
        const askedAt = world.now
        client.ping(BigInt(round), () => waits.push(world.now - askedAt))
      }
      world.runFor(200)
    }
    const savedMeanwhile = saved
    world.runFor(60_000)
    expect([saved, dc.uploads.bytes]).toEqual([PARTS, PARTS * content.length])
    expect(waits).toHaveLength(50)
    // The upload takes many seconds on this link; a ping waits for what stands before it in the kernel and for one round.
    expect(savedMeanwhile).toBeLessThan(PARTS)
    expect(Math.max(...waits)).toBeLessThan(1_000)
    expect([faults, trouble]).toEqual([[], []])
  })

  it('answers pings, and closes a link that answers none', () => {
    const { connect, answer, world, telegram, faults } = scene({ adTag: TAG, behaviour: { pingEveryMs: 5_000 } })
    const client = connect('padded')
    answer((reply) => client.exchangeKey(reply))
    world.runFor(60_000)
    expect(telegram.counters.pongs).toBeGreaterThan(5)
    expect(faults).toEqual([])
  })

  it('goes the direct way without a tag, and where there is no link; with a tag only by middle proxy', () => {
    const without = scene()
    without.answer((reply) => without.connect('padded').exchangeKey(reply))
    expect([without.direct.connections, without.telegram.counters.links]).toEqual([1, 0])

    const down = scene({ mode: 'auto', middle: { dcs: [2] } })
    down.network.setReachability(MIDDLE.ip, 'refusing')
    down.answer((reply) => down.connect('padded').exchangeKey(reply))
    expect(down.direct.connections).toBe(1)

    const tagged = scene({ adTag: TAG })
    tagged.network.setReachability(MIDDLE.ip, 'refusing')
    tagged.connect('padded').requestPq(() => {})
    tagged.world.runFor(20_000)
    expect([tagged.direct.connections, tagged.closed()]).toEqual([0, ['dial-failed']])
  })

  it('makes few attempts when its address is not what the middle proxy sees, and says so', () => {
    const { connect, world, telegram, kinds } = scene({ adTag: TAG, middle: { nat: '203.0.113.50' } })
    for (let i = 0; i < 60; i++) {
      connect('padded').requestPq(() => {})
      world.runFor(1_000)
    }
    expect(telegram.counters.opened).toBe(0)
    expect(telegram.counters.links).toBeGreaterThan(2)
    expect(telegram.counters.links).toBeLessThanOrEqual(8)
    expect(kinds('link-closed').length).toBe(telegram.counters.links)
  })

  it('keeps links while they are used, closes idle ones, and ends all when it is closed', () => {
    const { connect, answer, world, proxy, telegram } = scene({ adTag: TAG, middle: { idleCloseMs: 60_000 } })
    answer((reply) => connect('padded').exchangeKey(reply))
    world.runFor(120_000)
    expect(proxy.links).toBe(1)
    for (const link of telegram.links) for (const id of link.clients) link.closeClient(id)
    world.runFor(70_000)
    expect([proxy.links, telegram.links.size]).toEqual([0, 0])
    proxy.close()
    expect([proxy.pool.leases, proxy.links]).toEqual([0, 0])
  })
})

describe('the files of the middle proxies', () => {
  const results = (of: ReturnType<typeof scene>) =>
    of.events.flatMap((event) => (event.kind === 'middle-config' ? [`${event.what} ${event.result}`] : []))

  it('are taken, kept in the store, and restored when they cannot be fetched', () => {
    const one = scene({ adTag: TAG })
    expect(results(one)).toEqual(['secret taken', 'config taken'])
    one.world.runFor(3_600_100)
    expect(results(one).slice(2)).toEqual(['secret unchanged', 'config unchanged'])
  })

  it('are asked for again ever more seldom while they cannot be had', () => {
    const of = scene({ adTag: TAG, files: { config: 'no route' } })
    of.world.runFor(3_600_000)
    // At once, then after 1, 2, 4, 8, 16 and 32 minutes.
    expect(results(of).filter((result) => result === 'config failed')).toHaveLength(6)
  })

  it.each([
    ['a page of a captive portal', fromAscii('<html>log in</html>'.repeat(5))],
    ['half a file', fromAscii('default 2;\nproxy_for 2 10.0.')],
    ['a failure', 'no route'],
  ])('are not replaced by %s', (_name, file) => {
    const of = scene({ adTag: TAG, files: { config: file } })
    expect(results(of).some((result) => result === 'config refused' || result === 'config failed')).toBe(true)
    of.connect('padded').requestPq(() => {})
    of.world.runFor(20_000)
    expect(of.closed()).toEqual(['dial-failed'])
  })
})

/** As a plain array of bytes: some runtimes' ciphers give their own kind. */
function bytesOf(id: bigint, offset: number, length: number): Uint8Array {
  return Uint8Array.from(fileBytes(id, offset, length))
}
