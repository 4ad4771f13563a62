import { describe, expect, it } from 'vitest'
import { Lease } from '../../../src/core/guard/lease.ts'
import { parsePrefix } from '../../../src/core/guard/sources/prefix.ts'
import { scene } from './scene.ts'

const prefix = (text: string) => {
  const parsed = parsePrefix(text)
  if (parsed === undefined) throw new Error(`${text} is no prefix`)
  return parsed
}

describe('limits of a source', () => {
  it('end where they are configured, and come back as connections close', () => {
    const { come, guard } = scene({ settings: { connectionsPerIp: 3, newPerIp: { perSec: 100, burst: 100 } } })
    const three = [come('192.0.2.1'), come('192.0.2.1'), come('192.0.2.1')]
    expect(three.map(({ refusal }) => refusal)).toEqual([undefined, undefined, undefined])
    expect(come('192.0.2.1').refusal).toBe('connections')
    expect(come('192.0.2.2').refusal).toBeUndefined()
    guard.release(three[1].lease)
    expect([come('192.0.2.1').refusal, come('192.0.2.1').refusal]).toEqual([undefined, 'connections'])
  })

  it('let a burst in at once, and then as many as the rate', () => {
    const { come, now } = scene({ settings: { newPerIp: { perSec: 10, burst: 5 } } })
    const admitted = () =>
      Array.from({ length: 20 }, () => come('192.0.2.1').refusal).filter((each) => each === undefined)
    expect(admitted()).toHaveLength(5)
    now.ms += 200
    expect(admitted()).toHaveLength(2)
    now.ms += 10_000
    expect(admitted()).toHaveLength(5)
  })

  it('count an IPv6 source by its prefix, and IPv4 by the address', () => {
    const { come } = scene({ settings: { connectionsPerIp: 1 } })
    expect(come('2001:db8:1:2::1').refusal).toBeUndefined()
    expect(come('2001:db8:1:2:ffff::9').refusal).toBe('connections')
    expect(come('2001:db8:1:3::1').refusal).toBeUndefined()
  })

  it('bound handshakes under way', () => {
    const { come, guard, now } = scene({ settings: { handshakesPerIp: 2 } })
    const leases = Array.from({ length: 3 }, () => come('192.0.2.1').lease)
    expect(leases.map((lease) => guard.greet(lease, 'standard', now.ms))).toEqual([undefined, undefined, 'handshakes'])
    guard.authenticated('192.0.2.1', leases[0], now.ms)
    expect(guard.greet(come('192.0.2.1').lease, 'standard', now.ms)).toBeUndefined()
  })

  it('grow with good use of late, up to the credit', () => {
    const { come, use, now } = scene({ settings: { connectionsPerIp: 2, credit: 3 } })
    use('192.0.2.1', 32)
    now.ms += 1_000
    const room = () =>
      Array.from({ length: 9 }, () => come('192.0.2.1').refusal).filter((each) => each === undefined).length
    expect(room()).toBe(4)
    const other = scene({ settings: { connectionsPerIp: 2, credit: 3 } })
    other.use('192.0.2.1', 500)
    const many = Array.from({ length: 9 }, () => other.come('192.0.2.1').refusal)
    expect(many.filter((each) => each === undefined)).toHaveLength(6)
  })

  it('mask so many refused ones, and no more', () => {
    const { come } = scene({ settings: { connectionsPerIp: 1, handshakesPerIp: 2 } })
    come('192.0.2.1')
    const refused = [come('192.0.2.1'), come('192.0.2.1'), come('192.0.2.1')]
    expect(refused.map(({ lease }) => lease.isExcess)).toEqual([false, false, true])
  })

  it('keep a part of the total for sources that are known, while strangers flood', () => {
    const { come, use } = scene({ settings: { newTotal: { perSec: 1, burst: 100 } }, entries: 4096 })
    use('192.0.2.1')
    let strangers = 0
    for (let i = 0; i < 200; i++) if (come(`10.1.${i >> 8}.${i & 255}`).refusal === undefined) strangers++
    expect(strangers).toBeGreaterThan(40)
    expect(come('10.9.9.9').refusal).toBe('total-rate')
    expect(come('192.0.2.1').refusal).toBeUndefined()
  })

  it('keep a part of the total for newcomers, while sources flood that only fail', () => {
    const { come, fail, now } = scene({ settings: { newTotal: { perSec: 1, burst: 100 } } })
    const flooders = Array.from({ length: 4 }, (_, at) => `10.1.1.${at}`)
    for (const ip of flooders) fail(ip, 'failure')
    now.ms += 100_000
    for (let i = 0; i < 400; i++) come(flooders[i & 3])
    expect(come(flooders[0]).refusal).toBe('total-rate')
    expect(come('10.9.9.9').refusal).toBeUndefined()
  })

  it('are only counted with dry_run', () => {
    const { come, guard, now } = scene({ settings: { connectionsPerIp: 1, handshakesPerIp: 1, isDryRun: true } })
    const [first, second, third] = [come('192.0.2.1'), come('192.0.2.1'), come('192.0.2.1')]
    expect([first.refusal, second.refusal, second.lease.refusal]).toEqual([undefined, 'connections', undefined])
    expect(third.lease.isExcess).toBe(false)
    guard.penalties.banPrefix(prefix('192.0.2.1'), 'by-hand', 0, now.ms)
    expect([come('192.0.2.1').refusal, guard.isBanned('192.0.2.1', first.lease, now.ms)]).toEqual(['banned', false])
  })
})

describe('bans', () => {
  it('come with failures alone, sooner with replays, and tell what they are for', () => {
    const { fail, events, come } = scene()
    fail('192.0.2.1', 'replay', 4)
    expect(come('192.0.2.1').refusal).toBe('banned')
    expect(come('192.0.2.2').refusal).toBeUndefined()
    fail('198.51.100.1', 'failure', 70)
    expect(come('198.51.100.1').refusal).toBeUndefined()
    fail('198.51.100.1', 'failure', 10)
    expect(come('198.51.100.1').refusal).toBe('banned')
    expect(events).toEqual([
      expect.objectContaining({ kind: 'banned', prefix: '192.0.2.1', reason: 'replays', forMs: 600_000, times: 1 }),
      expect.objectContaining({ kind: 'banned', prefix: '198.51.100.1', reason: 'failures' }),
    ])
  })

  it('never come for the count of connections, nor to an address that many use well', () => {
    const { come, use, fail, events, now } = scene({ settings: { connectionsPerIp: 4 } })
    for (let i = 0; i < 20_000; i++) {
      come('192.0.2.1')
      now.ms += 1
    }
    use('203.0.113.9', 40)
    fail('203.0.113.9', 'failure', 2_000)
    expect(events.filter(({ kind }) => kind === 'banned')).toEqual([])
  })

  it('of a whole prefix spare sources in it that somebody used well, also while the vault is at work', () => {
    const { come, use, fail, guard, now, events } = scene()
    use('192.0.2.200')
    use('192.0.2.1')
    const early = come('192.0.2.200')
    for (let host = 1; host <= 8; host++) fail(`192.0.2.${host}`, 'replay', 8)
    expect(events.at(-1)).toMatchObject({ kind: 'banned', prefix: '192.0.2.0/24', reason: 'children' })
    const late = come('192.0.2.200')
    expect(late.refusal).toBeUndefined()
    expect([early, late].map(({ lease }) => guard.isBanned('192.0.2.200', lease, now.ms))).toEqual([false, false])
    const stranger = come('192.0.2.100')
    expect(stranger.refusal).toBe('banned')
    expect(guard.isBanned('192.0.2.100', stranger.lease, now.ms)).toBe(true)
    // What was used well once, and then banned for what it did itself, stays out.
    expect(come('192.0.2.1').refusal).toBe('banned')
    guard.penalties.banPrefix(prefix('192.0.2.0/24'), 'by-hand', 0, now.ms, 60_000)
    expect(come('192.0.2.200').refusal).toBe('banned')
  })

  it('double with each one, up to the longest, and start anew after a time of peace (I17)', () => {
    const { guard, now } = scene({ settings: { blockForMs: 1_000, blockMaxMs: 5_000 } })
    const source = prefix('192.0.2.1')
    const lengths: number[] = []
    for (let i = 0; i < 5; i++) {
      guard.penalties.banPrefix(source, 'failures', 100, now.ms)
      const ban = guard.bans.get(source)
      lengths.push((ban?.untilMs ?? 0) - now.ms)
      now.ms = (ban?.untilMs ?? 0) + 10
    }
    expect(lengths).toEqual([1_000, 2_000, 4_000, 5_000, 5_000])
    now.ms += 5_000
    guard.penalties.banPrefix(source, 'failures', 100, now.ms)
    expect(guard.bans.get(source)?.times).toBe(1)
  })

  it('end by themselves, and by hand at once with what led to them', () => {
    const { fail, come, guard, now, events } = scene()
    fail('192.0.2.1', 'replay', 4)
    expect(guard.unban(prefix('192.0.2.1'))).toBe(true)
    expect([come('192.0.2.1').refusal, guard.unban(prefix('192.0.2.1'))]).toEqual([undefined, false])
    expect(fail('192.0.2.1', 'replay', 3)).toBeUndefined()
    fail('192.0.2.1', 'replay', 2)
    expect(come('192.0.2.1').refusal).toBe('banned')
    now.ms += 600_001
    expect(come('192.0.2.1').refusal).toBeUndefined()
    expect(events.map(({ kind }) => kind)).toEqual(['banned', 'unbanned', 'banned'])
  })

  it.each([
    ['IPv4', 8, (at: number) => `198.51.100.${at}`, '198.51.100.200', '198.51.101.1'],
    ['IPv6', 4, (at: number) => `2001:db8:7:${at}::1`, '2001:db8:7:ffff::1', '2001:db8:8::1'],
  ])('go over to the prefix above where many of it are banned: %s', (_, count, ip, neighbour, stranger) => {
    const { fail, come } = scene()
    for (let at = 1; at < count; at++) fail(ip(at), 'replay', 4)
    expect(come(neighbour).refusal).toBeUndefined()
    fail(ip(count), 'replay', 4)
    expect([come(neighbour).refusal, come(stranger).refusal]).toEqual(['banned', undefined])
  })

  it('cover whatever prefix was named by hand', () => {
    const { guard, come, now } = scene()
    guard.penalties.banPrefix(prefix('10.0.0.0/9'), 'by-hand', 0, now.ms, 60_000)
    guard.penalties.banPrefix(prefix('2001:db8::/33'), 'by-hand', 0, now.ms, 60_000)
    const told = ['10.127.255.255', '10.128.0.0', '2001:db8:7fff::1', '2001:db8:8000::1'].map((ip) => come(ip).refusal)
    expect(told).toEqual(['banned', undefined, 'banned', undefined])
    expect(guard.isBanned('10.1.1.1', new Lease(), now.ms)).toBe(true)
  })

  it('stay within their table, whoever floods it: those that are over soonest make room', () => {
    const { guard, now } = scene()
    const lasting = prefix('192.0.2.1')
    guard.penalties.banPrefix(lasting, 'by-hand', 0, now.ms, 1e9)
    for (let i = 0; i < 100_000; i++)
      guard.bans.put({
        prefix: { words: Uint32Array.of(i * 7919, 0, 0, 0), tag: 33 },
        ...{ untilMs: now.ms + 1_000 + i, times: 1, reason: 'failures' },
      })
    expect([...guard.bans.list()].length).toBeLessThanOrEqual(32_768)
    expect(guard.bans.get(lasting)?.reason).toBe('by-hand')
  })
})

describe('a shared address', () => {
  it('is grey when some of its users are bad, and not banned for them; nobody else is grey', () => {
    const { use, fail, come, guard } = scene()
    use('203.0.113.9', 40)
    const isGrey = (ip: string) => guard.isGrey(come(ip).lease)
    expect([isGrey('203.0.113.9'), isGrey('203.0.113.10')]).toEqual([false, false])
    fail('203.0.113.9', 'failure', 2_000)
    expect([isGrey('203.0.113.9'), come('203.0.113.9').refusal]).toEqual([true, undefined])
  })
})
