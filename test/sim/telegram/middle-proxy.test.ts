import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { endpointOf, readProxySecret, type RpcPacket } from '../../../src/core/protocol/rpc/index.ts'
import type { Framing } from '../../../src/core/protocol/obfuscated2.ts'
import { MtprotoLink, type MtprotoClientOptions, type Result } from '../../../sim/actors/mtproto-client.ts'
import { SimulatedDc } from '../../../sim/telegram/dc.ts'
import { fileSha256 } from '../../../sim/telegram/files.ts'
import { expecting, SimulatedMiddleProxy, type MiddleProxyOptions } from '../../../sim/telegram/middle-proxy.ts'
import type { Misdeed } from '../../../sim/telegram/middle-writer.ts'
import { TlReader, TlWriter } from '../../../sim/telegram/tl.ts'
import type { LinkPlan } from '../../../sim/world/connection.ts'
import { VirtualNetwork } from '../../../sim/world/network.ts'
import { World } from '../../../sim/world/world.ts'
import { Bridge, BridgeLink, type BridgeOptions } from './rpc-bridge.ts'

const PLAN: LinkPlan = {
  latencyMs: 3,
  windowBytes: 20_000,
  segmentBytes: 900,
  isChoppy: true,
  stallMs: 30,
  isStingy: true,
}
const IPS = { middle: ['10.0.0.1', '2001:db8::1'], proxy: ['10.0.0.2', '2001:db8::2'], client: '10.0.0.3' }
const TAG = Uint8Array.from({ length: 16 }, (_, i) => i + 1)
const OWN = endpointOf({ ip: '203.0.113.7', port: 443 })

function scene(options: Partial<MiddleProxyOptions> = {}, proxy: Partial<BridgeOptions> & { isIpv6?: boolean } = {}) {
  const world = new World(1)
  const network = new VirtualNetwork(world)
  network.plan = () => PLAN
  const secret = readProxySecret(world.random('secret').bytes(128))
  if ('fault' in secret) throw new Error(secret.fault)
  const { clock, after } = world
  const dc = new SimulatedDc({ clock, random: world.random('dc') })
  const random = world.random('middle')
  const middle = new SimulatedMiddleProxy({ clock, random, after, secret, dc: 2, backend: dc, ...options })
  const faults: string[] = []
  middle.onFault = (why) => faults.push(why)
  network.host(...IPS.middle).listen(8888, middle.accept)
  const address = { ip: IPS.middle[proxy.isIpv6 === true ? 1 : 0], port: 8888 }
  const host = network.host(...IPS.proxy)
  const bridgeOptions: BridgeOptions = {
    ...{ clock, random: world.random('proxy'), secret, middle: address, own: OWN },
    dial: (dialing) => host.dial(address, dialing),
    ...proxy,
  }
  /** A link alone, with its handshake begun. */
  const link = () => {
    let opened: BridgeLink | undefined
    const fail = (why: string) => {
      throw new Error(why)
    }
    bridgeOptions.dial({ onOpen: (connection) => (opened = new BridgeLink(bridgeOptions, connection)), onFail: fail })
    world.until(() => opened !== undefined, 10_000)
    return opened!
  }
  const bridge = () => {
    const made = new Bridge(bridgeOptions)
    host.listen(443, made.accept)
    world.until(() => made.link?.isReady === true, 10_000)
    return made
  }
  const trouble: string[] = []
  const connect = (framing: Framing, more: Partial<MtprotoClientOptions> = {}) => {
    const own = { clock, random: world.random('client'), framing, dc: 2, key: dc.key, ...more }
    let client: MtprotoLink | undefined
    network.host(IPS.client).dial(
      { ip: IPS.proxy[0], port: 443 },
      {
        onOpen(connection) {
          client = new MtprotoLink(connection, own)
          client.client.onTrouble = (why) => trouble.push(why)
          client.onOver = (how) => trouble.push(how)
          return client
        },
        onFail: (why) => trouble.push(why),
      },
    )
    world.until(() => client !== undefined, 10_000)
    return client!
  }
  const answer = <T>(ask: (reply: (result: Result<T>) => void) => void): T => {
    let result: Result<T> | undefined
    ask((answered) => (result = answered))
    world.until(() => result !== undefined, 600_000)
    if (result?.kind !== 'ok') throw new Error(result?.why ?? `no answer: ${[...trouble, ...faults].join()}`)
    return result.value
  }
  return { world, dc, middle, faults, trouble, link, bridge, connect, answer }
}

describe('a simulated middle proxy', () => {
  it.each([false, true])('shakes hands, over IPv6: %s', (isIpv6) => {
    const { world, middle, faults, link } = scene({}, { isIpv6 })
    const { trouble } = link()
    world.until(() => middle.counters.opened === 1, 10_000)
    world.runFor(10_000)
    expect([middle.counters.opened, middle.links.size, faults, trouble]).toEqual([1, 1, [], []])
  })

  it.each(['abridged', 'intermediate', 'padded'] as const)('serves a client of %s framing', (framing) => {
    const refuse = expecting({ tag: TAG, own: OWN })
    const { dc, middle, faults, trouble, bridge, connect, answer } = scene({ refuse }, { tag: TAG })
    bridge()
    const { client } = connect(framing)
    let answered = 0
    client.requestPq(() => answered++)
    answer((reply) => client.exchangeKey(reply))
    expect(answer<bigint>((reply) => client.ping(77n, reply))).toBe(77n)
    const tokens: number[] = []
    client.onQuickAck = (token) => tokens.push(token)
    const nearest = new TlWriter().u32(0x1fb33026).done()
    const reader = new TlReader(answer<Uint8Array>((reply) => client.call(nearest, reply, { quickAck: true })))
    expect([reader.u32(), Buffer.from(reader.bytes()).toString(), reader.u32()]).toEqual([0x8e1a1775, 'NL', 2])
    expect([tokens.length, middle.counters.quickAcks, answered, dc.counters.answered]).toEqual([1, 1, 1, 2])
    expect([faults, trouble]).toEqual([[], []])
  })

  it('gives a file while its links come and go', () => {
    const { middle, faults, trouble, bridge, connect, answer } = scene()
    middle.behaviour = { pingEveryMs: 50, pongWithinMs: 5000, closeAfterBytes: 150_000 }
    const proxy = bridge()
    const { client } = connect('padded')
    answer((reply) => client.exchangeKey(reply))
    const size = 700_001
    const parts: Uint8Array[] = []
    for (let offset = 0; offset < size; offset += 32_768)
      parts.push(answer<Uint8Array>((reply) => client.getFile({ id: 5n, size, offset, limit: 32_768 }, reply)))
    expect(createHash('sha256').update(Buffer.concat(parts)).digest('hex')).toBe(fileSha256(5n, size))
    expect(middle.counters.rotated).toBeGreaterThanOrEqual(4)
    expect(middle.counters.opened).toBe(proxy.links.length)
    expect(middle.counters.pongs).toBeGreaterThan(0)
    expect([faults, trouble]).toEqual([[], []])
  })

  it('carries many clients on one link, each to itself', () => {
    const { world, middle, faults, trouble, bridge, connect, answer } = scene()
    bridge()
    const { agreed } = first()
    function first() {
      const { client } = connect('padded')
      answer((reply) => client.exchangeKey(reply))
      return client
    }
    const got: bigint[] = []
    const links = Array.from({ length: 20 }, () => connect('abridged', { agreed }))
    links.forEach(({ client }, i) =>
      client.ping(BigInt(i), (result) => {
        if (result.kind === 'ok') got.push(result.value)
      }),
    )
    world.until(() => got.length === 20, 60_000)
    expect(got.sort((a, b) => Number(a - b))).toEqual(links.map((_, i) => BigInt(i)))
    expect([middle.links.size, [...middle.links][0].clients.length]).toEqual([1, 21])
    for (const link of links) link.end()
    world.runFor(10_000)
    expect([...middle.links][0].clients).toEqual([1n])
    expect([middle.counters.closedByProxy, faults]).toEqual([20, []])
    expect(trouble).toEqual(Array(20).fill('end'))
  })

  it('closes one client and leaves the others', () => {
    const { world, middle, trouble, bridge, connect, answer } = scene()
    bridge()
    const [one, other] = [connect('padded'), connect('padded')]
    answer((reply) => one.client.exchangeKey(reply))
    answer((reply) => other.client.exchangeKey(reply))
    const link = [...middle.links][0]
    link.closeClient(link.clients[0])
    world.until(() => trouble.length > 0, 10_000)
    expect([trouble, link.clients]).toEqual([['end'], [2n]])
    expect(answer<bigint>((reply) => other.client.ping(1n, reply))).toBe(1n)
  })

  it('is told by a proxy of ids that the proxy does not know', () => {
    const { world, middle, bridge } = scene()
    bridge()
    const [link] = middle.links
    link.say({ kind: 'proxy-ans', flags: 0, connection: 99n, message: new Uint8Array(8) })
    link.say({ kind: 'simple-ack', connection: 98n, token: 1 })
    world.runFor(10_000)
    expect(middle.counters.closedByProxy).toBe(2)
  })

  it('passes on that a key is not known', () => {
    const other = scene()
    other.bridge()
    const stranger = other.connect('padded')
    const agreed = other.answer((reply: (result: Result<unknown>) => void) => stranger.client.exchangeKey(reply))
    const { world, trouble, bridge, connect } = scene()
    bridge()
    connect('padded', { agreed: agreed as MtprotoClientOptions['agreed'] }).client.ping(1n, () => {})
    world.until(() => trouble.length > 0, 10_000)
    expect(trouble).toEqual(['error -404'])
  })

  it('closes links by time, and those that do not answer its pings', () => {
    const timed = scene()
    timed.middle.behaviour = { pingEveryMs: 0, pongWithinMs: 1, closeAfterMs: 700 }
    const { trouble } = timed.link()
    timed.world.runFor(5000)
    expect([trouble[0], timed.middle.counters.rotated, timed.faults]).toEqual(['end', 1, []])
    const deaf = scene({}, { isDeaf: true })
    deaf.middle.behaviour = { pingEveryMs: 500, pongWithinMs: 1000 }
    const link = deaf.link()
    deaf.world.runFor(5000)
    expect([link.trouble[0], deaf.faults, deaf.middle.links.size]).toEqual(['end', ['no pong'], 0])
  })
})

describe('keys behind a NAT', () => {
  const seen = { proxy: ({ port }: { port: number }) => ({ ip: '203.0.113.7', port }) }
  const run = (nat: BridgeOptions['nat']) => {
    const { world, middle, faults, link } = scene({ seen }, { nat })
    link()
    world.runFor(10_000)
    return { opened: middle.counters.opened, faults }
  }

  it('are those of the address that the middle proxy sees', () => {
    expect(run([{ local: '10.0.0.2', public: '203.0.113.7' }])).toEqual({ opened: 1, faults: [] })
    expect(run([])).toEqual({ opened: 0, faults: ['bad-length'] })
  })
})

describe('what a proxy does wrong', () => {
  const heard = (options: Parameters<typeof scene>, say?: RpcPacket | Uint8Array) => {
    const { world, faults, link } = scene(...options)
    const opened = link()
    world.until(() => opened.isReady || faults.length > 0, 10_000)
    if (say instanceof Uint8Array) opened.sendRaw(say)
    else if (say !== undefined) opened.send(say)
    world.runFor(10_000)
    return faults
  }
  const clockOff = (bySec: number) => {
    const world = new World(1)
    return { clock: { mono: () => world.clock.mono(), wall: () => world.clock.wall() + bySec } }
  }
  const REQUEST: RpcPacket = {
    ...{ kind: 'proxy-req', connection: 1n, client: endpointOf({ ip: '10.0.0.3', port: 5 }), own: OWN },
    ...{ framing: 'padded', quickAck: false, message: new Uint8Array(40), tag: TAG },
  }

  it('is noticed', () => {
    expect(heard([{}, clockOff(30)])).toEqual([])
    expect(heard([{}, clockOff(31)])).toEqual(['clock-skew'])
    expect(heard([{}, { secret: { bytes: new Uint8Array(32), selector: 5 } }])).toEqual(['other-secret'])
    expect(heard([], { kind: 'pong', id: 5n })).toEqual(['a pong to no ping'])
    expect(heard([], { kind: 'close-ext', connection: 5n })).toEqual(['close-ext from a proxy'])
    expect(heard([], new Uint8Array(16))).toHaveLength(1)
  })

  it('is noticed in requests', () => {
    const client = endpointOf({ ip: '10.0.0.3', port: 5 })
    const other = endpointOf({ ip: '10.0.0.3', port: 6 })
    const asked = (refuse: MiddleProxyOptions['refuse'], request = REQUEST) => heard([{ refuse }], request)
    expect(asked(expecting({ tag: TAG, clients: [other, client], own: OWN }))).toEqual([])
    expect(asked(expecting({ tag: TAG, clients: [other] }))).toEqual(['another client address'])
    expect(asked(expecting({ tag: TAG, own: other }))).toEqual(['another address of the proxy'])
    expect(asked(expecting({}))).toEqual(['another tag'])
    expect(asked(expecting({ tag: TAG }), { ...REQUEST, tag: undefined })).toEqual(['another tag'])
  })
})

describe('what a middle proxy does wrong on demand', () => {
  const run = (behaviour: Partial<SimulatedMiddleProxy['behaviour']>) => {
    const { world, middle, link } = scene()
    middle.behaviour = { pingEveryMs: 100, pongWithinMs: 1000, ...behaviour }
    const { trouble } = link()
    world.runFor(3000)
    return trouble
  }

  it.each<[Misdeed, string | undefined]>([
    ['checksum', 'bad-checksum'],
    ['sequence', 'bad-sequence'],
    ['length', 'bad-length'],
    ['garbage', 'bad-length'],
    ['silence', undefined],
  ])('%s, in any frame', (misdeed, fault) => {
    for (const atFrame of [0, 1, 2, 5]) expect(run({ misbehaviour: { misdeed, atFrame } })[0]).toBe(fault)
  })

  it('other answers in the handshake', () => {
    expect(run({ nonce: { schema: 2 } })).toContain('other-schema')
    expect(run({ nonce: { selector: 2 } })).toContain('other-secret')
    expect(run({ nonce: { wallSec: 0 } })).toContain('clock-skew')
    expect(run({ handshake: { flags: 0x800 } })).toContain('unknown-flags')
    expect(run({ handshake: { peer: { ip: 1, port: 1, pid: 1, startedSec: 1 } } })).toContain('other-peer')
  })
})
