import { describe, expect, it } from 'vitest'
import { settingsWith, scene, type Peer, type Scene, type SceneOptions } from './scene.ts'

const RATE = 50_000
/** A second's worth at once, and behind it what is under way. */
const BURST = RATE + 2 * 65_536
const GARBAGE = new Uint8Array(100).fill(3)
const FILE_BYTES = 1_000_000
/** Of one /24, and of another. */
const [HERE, NEAR, FAR] = ['198.51.100.7', '198.51.100.200', '198.51.101.7']

const slow = (options: SceneOptions = {}) =>
  scene({ ...options, mask: { bytesPerSec: RATE, maxBytes: 64 << 20, ...options.mask } })

/** A stranger, and the mask site at the other end of the connection. */
function masked(of: Scene, from = HERE, first: Uint8Array = GARBAGE) {
  const before = of.sites.length
  const stranger = of.dial(first, from)
  of.world.runFor(100)
  return { stranger, site: of.sites[before] }
}

/** Bytes that all of them have got, after each second. */
function speeds(of: Scene, peers: readonly Peer[], seconds: number): readonly number[] {
  return Array.from({ length: seconds }, () => {
    of.world.runFor(1_000)
    return peers.reduce((sum, { receivedBytes }) => sum + receivedBytes, 0)
  })
}

describe('the bandwidth of masked connections', () => {
  it.each([
    [HERE, NEAR],
    ['2001:db8:1:2::7', '2001:db8:1:2:ffff::1'],
  ])('is shared by those of one prefix, each gets its part, and nobody is cut: %s and %s', (here, near) => {
    const of = slow({ plan: { segmentBytes: 4_096, windowBytes: 8_192 } })
    const both = [masked(of, here), masked(of, near)]
    for (const { site } of both) site.send(new Uint8Array(FILE_BYTES))
    const strangers = both.map(({ stranger }) => stranger)
    speeds(of, strangers, 20).forEach((bytes, at) => expect(bytes).toBeLessThanOrEqual(RATE * (at + 1) + BURST))
    const [one, other] = strangers.map(({ receivedBytes }) => receivedBytes)
    expect(one + other).toBeGreaterThanOrEqual(RATE * 19)
    expect(Math.min(one, other)).toBeGreaterThan(RATE * 5)
    of.world.runFor(40_000)
    expect(strangers.map(({ receivedBytes, events }) => [receivedBytes, events])).toEqual([
      [FILE_BYTES, []],
      [FILE_BYTES, []],
    ])
    expect(of.reasons('closed')).toEqual([])
  })

  it.each([
    [HERE, FAR],
    ['2001:db8:1:2::7', '2001:db8:1:3::7'],
  ])('is not that of another prefix, nor of a client: %s and %s', (here, far) => {
    const of = slow()
    const busy = masked(of, here)
    busy.site.send(new Uint8Array(FILE_BYTES))
    of.world.runFor(3_000)
    const other = masked(of, far)
    const askedAt = of.world.now
    other.site.send(new Uint8Array(RATE - GARBAGE.length - 1))
    of.world.until(() => other.stranger.receivedBytes === RATE - GARBAGE.length - 1, 10_000)
    expect(of.world.now - askedAt).toBeLessThanOrEqual(20)
    expect(busy.stranger.receivedBytes).toBeLessThan(FILE_BYTES)
  })

  it('counts both directions together', () => {
    const of = slow()
    const { stranger, site } = masked(of)
    stranger.send(new Uint8Array(2 * FILE_BYTES))
    site.send(new Uint8Array(2 * FILE_BYTES))
    const ends = [stranger, site]
    speeds(of, ends, 20).forEach((bytes, at) => expect(bytes).toBeLessThanOrEqual(RATE * (at + 1) + BURST))
    expect(stranger.receivedBytes + site.receivedBytes).toBeGreaterThanOrEqual(RATE * 19)
    expect(Math.min(stranger.receivedBytes, site.receivedBytes)).toBeGreaterThan(RATE)
  })

  it('changes nothing for who stays below it: not a timer, not a step', () => {
    const run = (bytesPerSec: number) => {
      const of = scene({ mask: { bytesPerSec } })
      const { stranger, site } = masked(of)
      const seen: unknown[] = []
      for (let at = 0; at < 20; at++) {
        site.send(new Uint8Array(20_000))
        stranger.send(new Uint8Array(2_000))
        of.world.runFor(500)
        seen.push([stranger.receivedBytes, site.receivedBytes, of.proxy.wheel.armed, of.proxy.wheel.nextAt()])
      }
      return seen
    }
    expect(run(RATE)).toEqual(run(1e12))
  })

  it('holds a newcomer back as well, with its first bytes at the site', () => {
    const of = slow({ mask: { bytesPerSec: 8_000 } })
    masked(of).site.send(new Uint8Array(FILE_BYTES))
    of.world.runFor(1_000)
    const { stranger, site } = masked(of, NEAR)
    expect(site.received).toEqual(GARBAGE)
    stranger.send(new Uint8Array(500))
    site.send(new Uint8Array(500))
    of.world.runFor(1_000)
    expect([stranger.receivedBytes, site.receivedBytes]).toEqual([0, GARBAGE.length])
    of.world.runFor(60_000)
    expect([stranger.receivedBytes, site.receivedBytes, stranger.events]).toEqual([500, GARBAGE.length + 500, []])
  })

  it('that a reload changes holds for connections that are there', () => {
    const of = slow()
    const { stranger, site } = masked(of)
    site.send(new Uint8Array(10 * FILE_BYTES))
    of.world.runFor(5_000)
    const apply = (bytesPerSec: number) => of.proxy.apply(settingsWith({ mask: { bytesPerSec, maxBytes: 64 << 20 } }))
    const gotIn = (ms: number) => {
      const before = stranger.receivedBytes
      of.world.runFor(ms)
      return stranger.receivedBytes - before
    }
    apply(4 * RATE)
    of.world.runFor(3_000)
    const faster = gotIn(10_000)
    expect(faster).toBeGreaterThanOrEqual(4 * RATE * 9)
    expect(faster).toBeLessThanOrEqual(4 * RATE * 10 + 65_536)
    apply(RATE / 2)
    of.world.runFor(3_000)
    expect(gotIn(10_000)).toBeLessThanOrEqual((RATE / 2) * 10 + 65_536)
    apply(1e12)
    of.world.runFor(5_000)
    expect([stranger.receivedBytes, stranger.events]).toEqual([10 * FILE_BYTES, []])
  })

  it('lets a FIN through behind the last byte, of either end, while both wait', () => {
    const of = slow()
    const { stranger, site } = masked(of)
    stranger.send(new Uint8Array(300_000))
    stranger.end()
    site.send(new Uint8Array(300_000))
    of.world.runFor(2_000)
    expect([stranger.events, site.events]).toEqual([[], []])
    site.end()
    of.world.runFor(30_000)
    expect([stranger.receivedBytes, site.receivedBytes]).toEqual([300_000, 300_000 + GARBAGE.length])
    expect([stranger.events[0], site.events[0]]).toEqual(['end', 'end'])
    expect(of.reasons('closed')).toEqual(['masked'])
    expect([of.proxy.open, of.proxy.pool.inUseBytes]).toEqual([0, 0])
  })

  it.each(['client', 'site', 'operator', 'time'] as const)(
    'leaves nobody in the line that is gone: by the %s',
    (who) => {
      const of = slow({ mask: { bytesPerSec: 8_000, maxBytes: 64 << 20, maxTimeMs: 20_000 } })
      const armedBefore = of.proxy.wheel.armed
      const all = Array.from({ length: 3 }, () => masked(of))
      for (const { stranger, site } of all) {
        stranger.send(new Uint8Array(FILE_BYTES))
        site.send(new Uint8Array(FILE_BYTES))
      }
      of.world.runFor(1_000)
      if (who === 'client') for (const { stranger } of all) stranger.connection.reset()
      if (who === 'site') for (const { site } of all) site.connection.reset()
      if (who === 'operator') expect(of.proxy.kill(() => true)).toBe(3)
      of.world.runFor(100_000)
      expect([of.proxy.open, of.proxy.wheel.armed, of.proxy.pool.leases]).toEqual([0, armedBefore, 0])
      // What was carried is owed for all the same, and then somebody else's turn comes.
      of.proxy.apply(settingsWith({ mask: { bytesPerSec: RATE } }))
      of.world.runFor(60_000)
      const { stranger, site } = masked(of)
      site.send(new Uint8Array(10_000))
      of.world.runFor(100)
      expect(stranger.receivedBytes).toBe(10_000)
    },
  )
})
