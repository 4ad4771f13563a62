import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { drawSources } from '../../../sim/attacks/addresses.ts'
import { drawArrivals } from '../../../sim/attacks/arrivals.ts'
import type { HonestPlan } from '../../../sim/attacks/plan/schema.ts'
import { Uplink } from '../../../sim/world/uplink.ts'
import { SeededRandom } from '../../../sim/world/random.ts'
import { cidrContains, parseCidr, parseIp, type Cidr } from '../../../src/core/address.ts'

const random = (seed = 1) => new SeededRandom(seed, 'test')
const within = (range: string, ip: string) => cidrContains(parseCidr(range) as Cidr, parseIp(ip) as Uint8Array)

describe('sources', () => {
  test.prop([fc.integer(), fc.integer({ min: 1, max: 256 })])(
    'of one range have each an address of its own in it',
    (seed, count) => {
      const ips = drawSources({ from: ['198.51.100.0/24'], count }, random(seed)).map((source) => source())
      expect(new Set(ips).size).toBe(count)
      expect(ips.every((ip) => within('198.51.100.0/24', ip))).toBe(true)
    },
  )

  it('are dealt to the ranges in turn', () => {
    const ips = drawSources({ from: ['192.0.2.0/24', '2001:db8::/32'], count: 4 }, random()).map((source) => source())
    expect(ips.map((ip) => ip.includes(':'))).toEqual([false, true, false, true])
  })

  it('stay at their address, or rotate within a prefix of their own', () => {
    const [fixed] = drawSources({ from: ['2001:db8::/32'], count: 1 }, random())
    expect(fixed()).toBe(fixed())
    const rotating = drawSources({ from: ['2001:db8::/32'], count: 3, bits: 48 }, random())
    const prefixes = rotating.map((source) => {
      const [a, b] = [source(), source()]
      expect(a).not.toBe(b)
      expect(within(`${a}/48`, b)).toBe(true)
      return parseCidr(`${a}/48`)?.base.join()
    })
    expect(new Set(prefixes).size).toBe(3)
  })
})

describe('arrivals', () => {
  const plan = (arrivals: HonestPlan['arrivals'], users = 200) => ({ users, arrivals }) as HonestPlan
  const rest = { every: 10_000, at: 0, within: 1 }

  it('that are constant come as often as they should, to the last one', () => {
    expect(drawArrivals(plan({ ...rest, kind: 'constant' }), 60_000, random())).toHaveLength(1200)
  })

  it('by Poisson vary about that, in all of the time', () => {
    const counts = Array.from(
      { length: 200 },
      (_, seed) => drawArrivals(plan({ ...rest, kind: 'poisson' }, 20), 60_000, random(seed)).length,
    )
    const mean = counts.reduce((sum, each) => sum + each, 0) / counts.length
    const variance = counts.reduce((sum, each) => sum + (each - mean) * (each - mean), 0) / counts.length
    expect(mean).toBeGreaterThan(115)
    expect(mean).toBeLessThan(125)
    expect(variance).toBeGreaterThan(80)
    expect(variance).toBeLessThan(160)
  })

  it('of a day are most in its middle', () => {
    const times = drawArrivals(plan({ ...rest, kind: 'diurnal' }), 60_000, random()).map(({ atMs }) => atMs)
    const noon = times.filter((at) => at > 25_000 && at < 35_000).length
    const night = times.filter((at) => at < 5_000 || at > 55_000).length
    expect(noon).toBeGreaterThan(2 * night)
    expect(night).toBeGreaterThan(0)
  })

  it('of a burst are one of each user within its time', () => {
    const all = drawArrivals(plan({ ...rest, kind: 'burst', at: 5_000, within: 1_000 }), 60_000, random())
    expect(new Set(all.map(({ user }) => user)).size).toBe(200)
    expect(all.every(({ atMs }) => atMs >= 5_000 && atMs < 6_000)).toBe(true)
  })
})

describe('a line that several share', () => {
  it('keeps what is sent behind what was sent before', () => {
    const line = new Uplink(1_000_000)
    expect(line.delayMs(10_000, 0)).toBe(10)
    expect(line.delayMs(10_000, 5)).toBe(15)
    expect(line.delayMs(10_000, 100)).toBe(10)
  })
})
