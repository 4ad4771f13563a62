import { describe, expect, it } from 'vitest'
import { fromAscii } from '../../src/core/protocol/bytes.ts'
import type { Result } from '../../sim/actors/mtproto-client.ts'
import type { Agreed } from '../../sim/telegram/auth.ts'
import { fileBytes } from '../../sim/telegram/files.ts'
import { MIDDLE, scene, TAG } from './middle-scene.ts'

describe('middle-proxy mode', () => {
  it('keeps what a client has asked for until it reads, and asks on for it', () => {
    const { connect, answer, network, telegram, world, proxy, closed } = scene({ adTag: TAG })
    const client = connect('intermediate')
    answer((reply) => client.exchangeKey(reply))
    const end = [...network.connections].find(({ local }) => local.ip === '10.1.0.1')
    end?.pause()
    const before = telegram.counters.requests
    const answers: string[] = []
    for (let at = 0; at < 40; at++) {
      client.getFile({ id: 5n, offset: at * 100_000, limit: 100_000 }, ({ kind }) => answers.push(kind))
      world.runFor(100)
    }
    expect(telegram.counters.requests - before).toBeGreaterThanOrEqual(40)
    expect(proxy.pool.inUseBytes).toBeLessThan(8 << 20)
    end?.resume()
    world.runFor(60_000)
    expect([answers.filter((kind) => kind === 'ok').length, closed(), proxy.pool.leases]).toEqual([40, [], 0])
  })

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

  it('gives a link up whose bytes never become a packet again', () => {
    const misbehaviour = { misdeed: 'long-length', atFrame: 8 } as const
    const of = scene({ adTag: TAG, behaviour: { pingEveryMs: 5_000, pongWithinMs: 600_000, misbehaviour } })
    const client = of.connect('padded')
    of.answer((reply) => client.exchangeKey(reply))
    of.world.runFor(120_000)
    const ends = of.events.flatMap((event) => (event.kind === 'link-closed' ? [event.why] : []))
    expect(ends[0]).toBe('silent')
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
