import { describe, expect, it } from 'vitest'
import { scene } from '../scene.ts'

/** Handshakes of so many sources fail, once each, for some seconds. */
function botnet({ fail, guard, now }: ReturnType<typeof scene>, sources = 2_000) {
  for (let i = 0; i < sources; i++) fail(`10.${1 + (i % 50)}.${i % 250}.${i % 199}`, 'failure')
  now.ms += 5_000
  guard.advance(now.ms)
}

const LIMITS = { connectionsPerIp: 8, newPerIp: { perSec: 10, burst: 40 } }
const roomOf = ({ come }: ReturnType<typeof scene>, ip: string) =>
  Array.from({ length: 20 }, () => come(ip).refusal).filter((each) => each === undefined).length

describe('an attack by many', () => {
  it('makes limits of strangers tighter, and leaves those who have used the proxy well', () => {
    const at = scene({ entries: 16_384, settings: { ...LIMITS, anomaly: 'enforce' } })
    at.use('192.0.2.1', 1)
    botnet(at)
    expect(at.events).toContainEqual(expect.objectContaining({ kind: 'attack', detector: 'spread', state: 'begun' }))
    expect([roomOf(at, '192.0.2.1'), roomOf(at, '203.0.113.1')]).toEqual([8, 2])
  })

  it('gets strangers banned with the second failure, and says for what', () => {
    const at = scene({ entries: 16_384, settings: { anomaly: 'enforce' } })
    at.use('192.0.2.1', 1)
    botnet(at)
    at.fail('203.0.113.1', 'failure', 2)
    at.fail('192.0.2.1', 'failure', 2)
    expect(at.come('203.0.113.1').refusal).toBe('banned')
    expect(at.come('192.0.2.1').refusal).toBeUndefined()
    expect(at.events).toContainEqual(
      expect.objectContaining({ kind: 'banned', prefix: '203.0.113.1', reason: 'attack' }),
    )
  })

  it('is only told of where that is wanted, and not even that', () => {
    const told = scene({ entries: 16_384, settings: { ...LIMITS, anomaly: 'observe' } })
    botnet(told)
    expect(told.events.map(({ kind }) => kind)).toContain('attack')
    expect(roomOf(told, '203.0.113.1')).toBe(8)
    const silent = scene({ entries: 16_384, settings: { ...LIMITS, anomaly: 'off' } })
    botnet(silent)
    expect(silent.events).toEqual([])
  })
})

describe('a prefix as a whole', () => {
  const rotate = (at: ReturnType<typeof scene>, times: number) => {
    for (let i = 0; i < times; i++) at.fail(`2001:db8:7:${(i + 1).toString(16)}::1`, 'failure')
  }

  it('is banned when each attempt comes from another address of it', () => {
    const at = scene({ settings: { anomaly: 'enforce' } })
    rotate(at, 80)
    expect(at.come('2001:db8:7:ffff::1').refusal).toBe('banned')
    expect(at.come('2001:db8:8::1').refusal).toBeUndefined()
    expect(at.events).toContainEqual(
      expect.objectContaining({ kind: 'banned', prefix: '2001:db8:7::/48', reason: 'prefix' }),
    )
  })

  it('is told of once where nothing more is wanted', () => {
    const at = scene()
    rotate(at, 200)
    expect(at.come('2001:db8:7:ffff::1').refusal).toBeUndefined()
    expect(at.events.filter(({ kind }) => kind === 'suspect')).toEqual([
      expect.objectContaining({ prefix: '2001:db8:7::/48', detector: 'prefix' }),
    ])
  })

  it('is not banned for one bad neighbour, nor where many use it well', () => {
    const one = scene({ settings: { anomaly: 'enforce' } })
    one.fail('198.51.100.1', 'failure', 200)
    expect(one.come('198.51.100.2').refusal).toBeUndefined()
    const shared = scene({ settings: { anomaly: 'enforce' } })
    for (let i = 0; i < 40; i++) shared.use(`2001:db8:7:${i}::2`)
    rotate(shared, 200)
    expect(shared.come('2001:db8:7:ffff::1').refusal).toBeUndefined()
  })
})

describe('the shape of a use', () => {
  it('earns higher limits only where there was one', () => {
    const { guard, come, now } = scene({ settings: { ...LIMITS, newPerIp: { perSec: 1000, burst: 1000 } } })
    const useAs = (ip: string, toClientBytes: number) => {
      for (let i = 0; i < 40; i++) {
        const { lease } = come(ip)
        guard.authenticated(ip, lease, now.ms)
        guard.used(lease, { ageMs: 500, fromClientBytes: 700, toClientBytes }, now.ms)
        guard.release(lease)
      }
      return Array.from({ length: 20 }, () => come(ip).refusal).filter((each) => each === undefined).length
    }
    expect([useAs('192.0.2.1', 100), useAs('192.0.2.2', 10_000)]).toEqual([8, 16])
  })

  it('counts against whoever says much that is never answered', () => {
    const { guard, come, now, fail } = scene()
    const useAs = (ip: string, toClientBytes: number) => {
      const { lease } = come(ip)
      guard.authenticated(ip, lease, now.ms)
      guard.used(lease, { ageMs: 20_000, fromClientBytes: 70_000, toClientBytes }, now.ms)
      guard.release(lease)
      fail(ip, 'replay', 4)
      return come(ip).refusal
    }
    expect([useAs('192.0.2.1', 0), useAs('192.0.2.2', 1)]).toEqual(['banned', undefined])
  })
})
