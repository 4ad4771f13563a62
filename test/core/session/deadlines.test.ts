import { describe, expect, it } from 'vitest'
import { concat } from '../../../src/core/protocol/bytes.ts'
import { helloOf, initOf, insideTls, scene, type Peer, type Scene, type SceneOptions } from './scene.ts'

/** A tick, and the way of a few packets. */
const SLACK_MS = 50 + 20
const SEEDS = Array.from({ length: 25 }, (_, at) => at + 1)

/** Times from `since` until the client is rejected or sees our FIN, over many seeds: within the bounds, and never the same. */
function expectJitter(
  wantedMs: number,
  until: 'rejected' | 'fin',
  begin: (it: Scene) => { readonly since: number; readonly client: Peer },
  options: SceneOptions = {},
): void {
  const times = SEEDS.map((seed) => {
    const it = scene({ seed, ...options })
    const { since, client } = begin(it)
    if (until === 'rejected') return it.until(until) - since
    it.world.until(() => client.events.length > 0, 1_000_000)
    return client.endedAt - since
  })
  for (const time of times) {
    expect(time).toBeGreaterThanOrEqual(wantedMs)
    expect(time).toBeLessThanOrEqual(1.3 * wantedMs + SLACK_MS)
  }
  expect(new Set(times).size).toBeGreaterThan(10)
  expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(0.15 * wantedMs)
}

describe('deadlines in front of the relay: never early, at most 30 % and a tick late', () => {
  it('first byte', () => {
    expectJitter(60_000, 'rejected', (it) => {
      const client = it.dial()
      return { since: it.until('accepted'), client }
    })
  })

  it('handshake, counted from the first byte however many follow', () => {
    expectJitter(10_000, 'rejected', (it) => {
      const hello = helloOf(it)
      const client = it.dial()
      it.until('accepted')
      it.world.runFor(30_000)
      for (let at = 0; at < 20; at++) it.world.after(at * 1_500, () => client.send(hello.slice(at * 10, at * 10 + 10)))
      it.world.runFor(5)
      return { since: it.world.now, client }
    })
  })

  it('prewarm', () => {
    expectJitter(300_000, 'fin', (it) => {
      const client = it.dial(helloOf(it))
      return { since: it.until('accepted') + 5, client }
    })
  })

  it('an init that does not end', () => {
    const ends = SEEDS.map((seed) => {
      const it = scene({ seed })
      const peer = it.dial(helloOf(it))
      it.world.runFor(100_000)
      const since = it.world.now + 5
      peer.send(insideTls(new Uint8Array(63)))
      // Then it is read and discarded for a minute, before the FIN.
      it.world.until(() => peer.events.length > 0, 1_000_000)
      return peer.endedAt - since
    })
    for (const time of ends) {
      expect(time).toBeGreaterThanOrEqual(10_000 + 60_000)
      expect(time).toBeLessThanOrEqual(1.3 * (10_000 + 60_000) + 2 * SLACK_MS)
    }
    expect(new Set(ends).size).toBeGreaterThan(10)
  })

  it('a balancer that says nothing', () => {
    const listen = { proxyProtocol: 'optional', proxyProtocolFrom: ['10.0.0.2'] } as const
    const begin = (it: Scene) => {
      const client = it.dial(Uint8Array.of(0x50, 0x52))
      return { since: it.until('accepted'), client }
    }
    expectJitter(60_000, 'fin', begin, { listen })
  })

  it('the mask site, in time', () => {
    const begin = (it: Scene) => {
      it.dial(new Uint8Array(100).fill(1))
      it.until('rejected')
      return it.world.now + 10
    }
    const ends = SEEDS.map((seed) => {
      const it = scene({ seed, mask: { maxTimeMs: 20_000 } })
      const since = begin(it)
      it.world.until(() => it.sites[0]?.events.length === 1, 100_000)
      return it.world.now - since
    })
    for (const time of ends) {
      expect(time).toBeGreaterThanOrEqual(20_000)
      expect(time).toBeLessThanOrEqual(1.3 * 20_000 + SLACK_MS)
    }
  })

  it('what is discarded, in time', () => {
    const ends = SEEDS.map((seed) => {
      const it = scene({ seed, mask: { host: 'nowhere.invalid' } })
      const peer = it.dial(new Uint8Array(100).fill(1))
      const since = it.until('rejected')
      it.world.until(() => peer.events.length === 1, 100_000)
      return peer.endedAt - since
    })
    for (const time of ends) {
      expect(time).toBeGreaterThanOrEqual(60_000)
      expect(time).toBeLessThanOrEqual(1.3 * 60_000 + SLACK_MS)
    }
    expect(new Set(ends).size).toBeGreaterThan(10)
  })

  it('a vault that takes too long: the mask site has it, and the late answer is nobody’s', () => {
    const it = scene({ vaultTakesMs: 20_000 })
    const [hello, init] = [helloOf(it), initOf(it).wire]
    it.dial(hello)
    it.dial(init)
    it.world.runFor(60_000)
    expect(it.reasons('rejected')).toEqual(['vault-failed', 'vault-failed'])
    expect(it.sites.map(({ received }) => received)).toEqual(expect.arrayContaining([hello, init]))
    expect([it.dcs, it.events.filter(({ kind }) => kind === 'authenticated')]).toEqual([[], []])
  })
})

describe('deadlines of a relay', () => {
  function relaying(options: SceneOptions) {
    const it = scene(options)
    const init = initOf(it)
    const client = it.dial(init.wire)
    it.until('relaying')
    it.world.runFor(50)
    return { ...it, init, client, dc: it.dcs[0] }
  }

  it('is idle only when neither side speaks', () => {
    for (const speaker of ['client', 'dc'] as const) {
      const { world, client, dc, init, reasons, until } = relaying({ relay: { idleTimeoutMs: 60_000 } })
      for (let i = 0; i < 10; i++) {
        if (speaker === 'client') client.send(init.seal(Uint8Array.of(i)))
        else dc.send(Uint8Array.of(i))
        world.runFor(50_000)
      }
      expect(reasons('closed')).toEqual([])
      const last = world.now - 50_000
      const tookMs = until('closed') - last
      // When somebody spoke last is kept in ticks.
      expect([reasons('closed'), tookMs >= 60_000 - 50 && tookMs <= 60_000 + 2 * SLACK_MS]).toEqual([['idle'], true])
      world.runFor(100)
      expect([client.events[0], dc.events[0]]).toEqual(['end', 'end'])
    }
  })

  it('has its lifetime, however busy it is', () => {
    const { world, client, init, reasons, until } = relaying({
      relay: { maxLifetimeMs: 100_000, idleTimeoutMs: 60_000 },
    })
    const since = world.now
    for (let at = 0; at < 200_000; at += 1_000) world.after(at, () => client.send(init.seal(Uint8Array.of(1))))
    const tookMs = until('closed') - since
    expect([reasons('closed'), tookMs > 99_900 && tookMs <= 100_000 + SLACK_MS]).toEqual([['lifetime'], true])
  })

  it('lives on without a lifetime', () => {
    const { world, dc, reasons } = relaying({ relay: { idleTimeoutMs: 60_000 } })
    for (let at = 0; at < 200; at++) {
      dc.send(Uint8Array.of(1))
      world.runFor(59_000)
    }
    expect(reasons('closed')).toEqual([])
  })

  it.each([
    ['plain', false],
    ['inside TLS', true],
  ])('%s: gives what waits half a minute when the DC is gone', (_mode, isTls) => {
    const it = scene({ plan: { windowBytes: 20_000 } })
    const init = initOf(it, 2, isTls)
    const client = it.dial(isTls ? helloOf(it) : init.wire)
    it.world.runFor(100)
    if (isTls) client.send(insideTls(init.wire))
    it.world.runFor(100)
    const before = client.receivedBytes
    client.connection.pause()
    it.dcs[0].send(new Uint8Array(100_000))
    it.world.runFor(1_000)
    it.dcs[0].connection.reset()
    it.world.runFor(20_000)
    expect(it.reasons('closed')).toEqual([])
    client.connection.resume()
    it.world.runFor(5_000)
    expect(it.reasons('closed')).toEqual(['dc-reset'])
    expect(client.events[0]).toBe('end')
    expect(client.receivedBytes - before).toBeGreaterThan(20_000)
  })

  it('gives up on a client that takes nothing when the DC is gone', () => {
    const it = scene({ plan: { windowBytes: 20_000 } })
    const client = it.dial(concat(initOf(it).wire))
    it.world.runFor(100)
    client.connection.pause()
    it.dcs[0].send(new Uint8Array(100_000))
    it.world.runFor(1_000)
    it.dcs[0].connection.reset()
    const since = it.world.now
    const tookMs = it.until('closed') - since
    expect([it.reasons('closed'), tookMs >= 30_000 && tookMs < 30_000 + SLACK_MS]).toEqual([['dc-reset'], true])
    expect([it.proxy.pool.leases, it.proxy.open]).toEqual([0, 0])
  })
})
