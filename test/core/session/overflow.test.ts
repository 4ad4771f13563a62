import { describe, expect, it } from 'vitest'
import { concat } from '../../../src/core/protocol/bytes.ts'
import { DC_IPS, helloOf, initOf, insideTls, scene, type Scene } from './scene.ts'

/** Ceilings of the pool in bytes, from nothing to enough for one of everything. */
const CEILINGS = [0, 2_048, 6_144, 16_384, 65_536, 262_144]

/** What somebody says, piece by piece. */
const CLIENTS: Record<string, (it: Scene) => readonly Uint8Array[]> = {
  'an obfuscated client': (it) => [initOf(it).wire, it.random.bytes(1_000)],
  'an obfuscated client with much to say': (it) => [concat(initOf(it).wire, it.random.bytes(50_000))],
  'a client that goes on while we dial': (it) => [initOf(it).wire, ...chunks(it.random.bytes(60_000))],
  'a fake-TLS client': (it) => [helloOf(it), insideTls(concat(initOf(it, 2, true).wire, it.random.bytes(1_000)))],
  'a fake-TLS client all at once': (it) => [
    concat(helloOf(it), insideTls(concat(initOf(it, 2, true).wire, it.random.bytes(40_000)))),
  ],
  'a fake-TLS client that goes on': (it) => [
    helloOf(it),
    insideTls(concat(initOf(it, 2, true).wire, it.random.bytes(3_000))),
    ...chunks(insideTls(it.random.bytes(60_000)).slice(6)),
  ],
  'a stranger with much to say': (it) => chunks(it.random.bytes(60_000).fill(3, 0, 1)),
  'half a hello': (it) => [helloOf(it).slice(0, 600), helloOf(it).slice(600, 900)],
  'a hello in a hundred pieces': (it) =>
    chunks(concat(Uint8Array.of(0x16, 3, 1, 0x40, 0, 1, 0, 0x3f), it.random.bytes(16_000)), 160),
}

function chunks(bytes: Uint8Array, size = 4_000): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => bytes.slice(at * size, at * size + size))
}

describe.each(Object.entries(CLIENTS))('a pool at its ceiling, %s', (_name, say) => {
  it.each([
    ['a DC that answers', 'open'],
    ['a DC that refuses', 'refusing'],
    ['a DC out of reach', 'black-hole'],
  ] as const)('%s: sees no reset from us in front of the relay, and every buffer comes back', (_what, how) => {
    for (const buffersBytes of CEILINGS) {
      for (const isBalanced of [false, true]) {
        const proxyProtocol = isBalanced ? 'optional' : 'off'
        const listen = { proxyProtocol, proxyProtocolFrom: ['10.0.0.2'] } as const
        const it = scene({
          memory: { buffersBytes },
          plan: { windowBytes: 8_000 },
          mask: { maxTimeMs: 30_000 },
          listen,
        })
        for (const ip of DC_IPS) it.network.setReachability(ip, how)
        const client = it.dial(say(it))
        it.world.runFor(20_000)
        const isRelaying = it.events.some(({ kind }) => kind === 'relaying')
        if (!isRelaying) expect([buffersBytes, client.events.includes('reset')]).toEqual([buffersBytes, false])
        client.end()
        it.world.runFor(100_000)
        if (!isRelaying) expect([buffersBytes, client.events.includes('reset')]).toEqual([buffersBytes, false])
        expect(it.events.filter(({ kind }) => kind === 'fault')).toEqual([])
        it.proxy.close()
        expect([it.proxy.open, it.proxy.pool.leases, it.proxy.pool.inUseBytes]).toEqual([0, 0, 0])
        expect(it.proxy.pool.highWaterBytes).toBeLessThanOrEqual(buffersBytes)
      }
    }
  })
})

describe('a relay at the ceiling of the pool', () => {
  it('ends whoever has waited longest and no other, and says why', () => {
    const it = scene({ memory: { buffersBytes: 16_384 }, plan: { windowBytes: 8_000 } })
    const [stuck, slow, other] = [1, 2, 3].map(() => it.dial(initOf(it).wire))
    it.world.runFor(1_000)
    for (const [at, client] of [stuck, slow].entries()) {
      client.connection.pause()
      it.dcs[at].send(new Uint8Array(16_000))
      it.world.runFor(1_000)
    }
    expect(it.reasons('closed')).toEqual([])
    other.connection.pause()
    it.dcs[2].send(new Uint8Array(16_000))
    it.world.runFor(1_000)
    expect(it.reasons('closed')).toEqual(['overflow'])
    for (const client of [stuck, slow, other]) client.connection.resume()
    it.world.runFor(60_000)
    expect([stuck.events, slow.receivedBytes, other.receivedBytes]).toEqual([['end'], 16_000, 16_000])
    expect([it.proxy.open, it.proxy.pool.leases, it.proxy.pool.backlog.ended]).toEqual([2, 0, 1])
  })

  it('ends strangers before clients, as a full site would', () => {
    const it = scene({ memory: { buffersBytes: 16_384 }, plan: { windowBytes: 8_000 } })
    const client = it.dial(initOf(it).wire)
    it.world.runFor(1_000)
    client.connection.pause()
    it.dcs[0].send(new Uint8Array(16_000))
    it.world.runFor(1_000)
    const strangers = [1, 2].map(() => it.dial(it.random.bytes(80)))
    it.world.runFor(1_000)
    for (const [at, stranger] of strangers.entries()) {
      stranger.connection.pause()
      it.sites[at].send(new Uint8Array(16_000))
      it.world.runFor(1_000)
    }
    it.world.runFor(20_000)
    expect(it.reasons('closed')).toEqual(['overflow'])
    client.connection.resume()
    it.world.runFor(10_000)
    expect([client.receivedBytes, client.events, strangers[0].events.includes('reset')]).toEqual([16_000, [], false])
  })

  it('is not reached by one slow reader: what waits for it is bounded', () => {
    const it = scene({ plan: { windowBytes: 8_000 }, memory: { perConnectionBytes: 100_000 } })
    const client = it.dial(initOf(it).wire)
    it.world.runFor(1_000)
    client.connection.pause()
    it.dcs[0].send(new Uint8Array(5_000_000))
    it.world.runFor(10_000)
    expect(it.proxy.pool.inUseBytes).toBeLessThanOrEqual(131_072)
    client.connection.resume()
    it.world.runFor(60_000)
    expect([client.receivedBytes, it.proxy.pool.leases]).toEqual([5_000_000, 0])
  })
})

/** Clients at narrow lines, and one at a wide one, all with as much to read. */
function crowd(slow: number, buffersBytes: number, apartMs: number) {
  const it = scene({ memory: { buffersBytes } })
  const wide = { latencyMs: 2, windowBytes: 4_000, segmentBytes: 4_000, isChoppy: false, stallMs: 0 }
  it.network.plan = (from) => (from.startsWith('198.') ? { ...wide, latencyMs: 300 } : wide)
  const data = it.random.bytes(60_000)
  // Each DC's connection belongs to the client that was dialled for just before.
  const open = (from: string) => {
    const client = it.dial(initOf(it).wire, from)
    const before = it.dcs.length
    it.world.until(() => it.dcs.length > before, 60_000)
    it.world.runFor(apartMs)
    it.dcs[before].send(data)
    return client
  }
  const readers = Array.from({ length: slow }, (_, at) => open(`198.51.100.${at}`))
  const startedAt = it.world.now
  const fast = open('10.0.0.2')
  it.world.until(() => fast.receivedBytes === data.length, 60_000)
  const fastMs = it.world.now - startedAt
  it.world.runFor(3_600_000 / 6)
  return { it, data, readers, fast, fastMs }
}

describe('many slow readers at a small pool', () => {
  it.each([
    ['all at once', 24, 131_072, 0],
    ['more than it holds, one after the other', 80, 98_304, 200],
  ])(
    '%s: nobody is closed, all bytes come in order, and who keeps up is not slowed',
    (_name, slow, ceiling, apartMs) => {
      const { it, data, readers, fast, fastMs } = crowd(slow, ceiling, apartMs)
      expect(it.reasons('closed')).toEqual([])
      for (const reader of [...readers, fast]) expect(Buffer.from(reader.received).equals(data)).toBe(true)
      expect(fastMs).toBe(crowd(0, ceiling, apartMs).fastMs)
      const { pool } = it.proxy
      expect(pool.highWaterBytes).toBeGreaterThan(ceiling / 2)
      expect([pool.leases, pool.backlog.waitingTurns, pool.backlog.ended]).toEqual([0, 0, 0])
      expect(pool.backlog.paused).toBeGreaterThan(0)
    },
  )
})
