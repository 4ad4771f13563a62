import { describe, expect, it } from 'vitest'
import type { RejectReason } from '../../../src/core/events.ts'
import { concat, fromAscii } from '../../../src/core/protocol/bytes.ts'
import { makeClientHello } from '../../../src/core/protocol/faketls/make-hello.ts'
import { makeInit } from '../../../src/core/protocol/obfuscated2.ts'
import type { SecretSettings } from '../../../src/core/settings.ts'
import { DOMAIN, helloOf, initOf, KEY, scene, SITE_IP, type Scene, type SceneOptions } from './scene.ts'

interface Path {
  /** What is sent; told of what was sent before it to make it fail. */
  readonly say: (it: Scene) => Uint8Array
  readonly options?: SceneOptions
  readonly ends?: boolean
}

const many = (count: number, domain = DOMAIN): readonly SecretSettings[] =>
  Array.from({ length: count }, (_, at) => ({
    id: at + 1,
    name: `s${at}`,
    modes: ['plain', 'padded', 'fake-tls'],
    domain,
    onRemove: 'drain',
    access: 'standard',
    expiresAt: 0,
  }))

const wrongInit = ({ random }: Scene) => makeInit({ random, framing: 'padded', dc: 2, secret: random.bytes(16) }).wire
const wrongHello = ({ random }: Scene, domain = DOMAIN) =>
  makeClientHello({ random, domain, secret: random.bytes(16) }).record

/** Uses up what strangers of one network may cost. */
function exhaust(it: Scene): void {
  for (let i = 0; i < 2; i++) it.dial(wrongInit(it))
  it.world.runFor(100)
}

const PATHS: Record<string, Path & { readonly reason: RejectReason }> = {
  http: { reason: 'not-a-client', say: () => fromAscii('GET / HTTP/1.1\r\n\r\n') },
  'an init without a secret': { reason: 'not-a-client', say: wrongInit },
  'a hello that makes no sense': {
    reason: 'bad-hello',
    say: ({ random }) => concat(Uint8Array.of(0x16, 3, 1, 0, 60, 1, 0, 0, 56), random.bytes(56)),
  },
  'records without an end': {
    reason: 'bad-hello',
    say: ({ random }) => concat(Uint8Array.of(0x16, 3, 1, 0x40, 0, 1, 0, 0x7f, 0xff), random.bytes(17_000)),
  },
  'a wrong digest': { reason: 'bad-digest', say: wrongHello },
  'another host': { reason: 'sni-mismatch', say: (it) => helloOf(it, 'elsewhere.example') },
  'an old clock': {
    reason: 'skew',
    say: ({ random, world }) =>
      makeClientHello({ random, domain: DOMAIN, secret: KEY, stamp: world.clock.wall() - 121 }).record,
  },
  'a hello again': {
    reason: 'replay',
    say: (it) => {
      const hello = helloOf(it)
      it.dial(hello)
      it.world.runFor(100)
      return hello
    },
  },
  'an init again': {
    reason: 'replay',
    say: (it) => {
      const { wire } = initOf(it)
      it.dial(wire)
      it.world.runFor(100)
      return wire
    },
  },
  'a mode that is off': {
    reason: 'mode-not-allowed',
    say: (it) => initOf(it).wire,
    options: { secret: { modes: ['plain'] } },
  },
  'an expired secret': { reason: 'expired', say: helloOf, options: { secret: { expiresAt: 1 } } },
  'no budget for an init': {
    reason: 'trial-budget',
    options: { secrets: many(300) },
    say: (it) => {
      exhaust(it)
      return wrongInit(it)
    },
  },
  'half a hello': { reason: 'handshake-timeout', say: (it) => helloOf(it).slice(0, 700) },
  'half an init': { reason: 'handshake-timeout', say: (it) => initOf(it).wire.slice(0, 63) },
  'nothing at all': { reason: 'first-byte-timeout', say: () => new Uint8Array(0) },
  'half a hello and its end': { reason: 'client-ended', ends: true, say: (it) => helloOf(it).slice(0, 700) },
}

describe('what is no client goes to the mask host, every byte of it', () => {
  for (const vaultTakesMs of [undefined, 3]) {
    it.each(Object.entries(PATHS))(`%s (a vault that takes ${vaultTakesMs ?? 0} ms)`, (_name, path) => {
      const { reason, say, ends = false, options = {} } = path
      const it = scene({ ...options, ...(vaultTakesMs === undefined ? {} : { vaultTakesMs }) })
      if (options.secrets !== undefined) for (const { id } of options.secrets) it.vault.put(id, it.random.bytes(16))
      const bytes = say(it)
      const before = it.sites.length
      const client = it.dial(bytes)
      it.world.runFor(30)
      if (ends) client.end()
      it.world.until(() => it.sites.length > before, 200_000)
      it.world.runFor(100)
      const more = it.random.bytes(5_000)
      if (!ends) client.send(more)
      it.world.runFor(100)
      expect(it.reasons('rejected').at(-1)).toBe(reason)
      expect(it.sites[before].received).toEqual(ends ? bytes : concat(bytes, more))
      expect(it.sites[before].events).toEqual(ends ? ['end'] : [])
      it.sites[before].send(fromAscii('page'))
      it.world.runFor(100)
      expect([client.received, client.events]).toEqual([fromAscii('page'), []])
    })
  }

  it('pays out the budget of a network, and no more trials', () => {
    const it = scene({ secrets: many(300) })
    for (let id = 1; id <= 300; id++) it.vault.put(id, it.random.bytes(16))
    for (let i = 0; i < 10; i++) it.dial(wrongInit(it))
    it.world.runFor(200)
    const trials = it.events.flatMap((event) => (event.kind === 'rejected' ? [event.trials] : []))
    expect(trials.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(256 + 256)
    expect(it.reasons('rejected').every((reason) => reason === 'trial-budget')).toBe(true)
  })
})

describe('the limit in bytes of a masked connection', () => {
  const MAX = 100_000
  const GARBAGE = new Uint8Array(1_000).fill(3)

  it.each(['client', 'site'] as const)('holds for the %s: never below, at most 30 %% and a read above', (who) => {
    const counts = Array.from({ length: 20 }, (_, at) => {
      const it = scene({ seed: at + 1, mask: { maxBytes: MAX }, plan: { segmentBytes: 1_000 } })
      const client = it.dial(GARBAGE)
      it.world.runFor(100)
      const [from, to] = who === 'client' ? [client, it.sites[0]] : [it.sites[0], client]
      from.send(new Uint8Array(200_000))
      it.world.runFor(20_000)
      expect([it.reasons('closed'), client.events[0], to.events.length > 0]).toEqual([['mask-limit'], 'end', true])
      return to.receivedBytes + (who === 'site' ? GARBAGE.length : 0)
    })
    for (const count of counts) {
      expect(count).toBeGreaterThanOrEqual(MAX)
      expect(count).toBeLessThanOrEqual(1.3 * MAX + 1_000)
    }
    expect(new Set(counts).size).toBeGreaterThan(5)
  })

  it('counts both directions together, and lets pass what is exactly at it', () => {
    const it = scene({ mask: { maxBytes: MAX } })
    const client = it.dial(GARBAGE)
    it.world.runFor(100)
    client.send(new Uint8Array(49_000))
    it.sites[0].send(new Uint8Array(50_000))
    it.world.runFor(10_000)
    expect([it.reasons('closed'), client.receivedBytes, it.sites[0].receivedBytes]).toEqual([[], 50_000, 50_000])
    it.sites[0].send(new Uint8Array(31_000))
    it.world.runFor(20_000)
    expect(it.reasons('closed')).toEqual(['mask-limit'])
  })

  it('keeps little for a client that does not read, and holds the site back', () => {
    const it = scene({ mask: { maxBytes: 64 << 20 } })
    const client = it.dial(GARBAGE)
    it.world.runFor(100)
    client.connection.pause()
    it.sites[0].send(new Uint8Array(2_000_000))
    it.world.runFor(60_000)
    const [{ waitingBytes }] = it.proxy.inspect()
    expect(waitingBytes).toBeGreaterThan(0)
    expect(waitingBytes).toBeLessThanOrEqual((64 << 10) + 65_536)
    client.connection.resume()
    it.world.runFor(60_000)
    expect([client.receivedBytes, it.proxy.pool.leases]).toEqual([2_000_000, 0])
  })
})

describe('a mask host that does not answer', () => {
  it.each(['refusing', 'unreachable', 'black-hole'] as const)(
    '%s: is given up soon, and the client is read on',
    (how) => {
      const it = scene()
      it.network.setReachability(SITE_IP, how)
      const client = it.dial(new Uint8Array(100).fill(3))
      it.world.runFor(5_200)
      expect(it.events.filter(({ kind }) => kind === 'dial-failed')).toHaveLength(1)
      client.send(new Uint8Array(100_000))
      it.world.runFor(50_000)
      expect([client.events, it.reasons('closed')]).toEqual([[], []])
      it.world.runFor(60_000)
      expect([client.events[0], client.receivedBytes, it.reasons('closed')]).toEqual(['end', 0, ['discarded']])
    },
  )

  it('discards up to a bound, one byte fewer, and ends in order', () => {
    const ends = Array.from({ length: 20 }, (_, at) => {
      const it = scene({ seed: at + 1, mask: { host: 'nowhere.invalid' }, plan: { segmentBytes: 4_096 } })
      const client = it.dial(new Uint8Array(100).fill(3))
      it.world.runFor(50)
      client.send(new Uint8Array((1 << 20) - 1))
      it.world.runFor(5_000)
      expect(client.events).toEqual([])
      let more = 0
      for (; client.events.length === 0 && more < 1_000_000; more += 4_096) {
        client.send(new Uint8Array(4_096))
        it.world.runFor(20)
      }
      it.world.runFor(10_000)
      expect([client.events[0], it.reasons('closed')]).toEqual(['end', ['discarded']])
      return more
    })
    expect(Math.max(...ends)).toBeLessThanOrEqual(0.3 * (1 << 20) + 2 * 4_096)
    expect(new Set(ends).size).toBeGreaterThan(5)
  })
})
