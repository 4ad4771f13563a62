import { describe, expect, it } from 'vitest'
import { bursts, steady, withLull } from '../../bench/pools/arrivals.ts'
import { measureAhead } from '../../bench/pools/dialled-ahead.ts'
import { measureLinks } from '../../bench/pools/links.ts'
import { spreadOf } from '../../bench/pools/spread.ts'
import { SeededRandom } from '../../sim/world/random.ts'

const random = () => new SeededRandom(1, 'arrivals')
const ROUND_TRIP_MS = 40

describe('arrivals', () => {
  it('come about as often as was said, in order, and end', () => {
    const times = steady(10, 60_000)(random())
    expect(times.length).toBeGreaterThan(540)
    expect(times.length).toBeLessThan(660)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    expect(times.at(-1)).toBeLessThan(60_000)
  })

  it('come in groups of one second with nobody in between', () => {
    const times = bursts(20, 15_000, 60_000)(random())
    expect(times).toHaveLength(80)
    expect(times.every((at) => at % 15_000 < 1_000)).toBe(true)
  })

  it('stay away for the lull and come again', () => {
    const times = withLull(steady(10, 10_000), 300_000)(random())
    const gaps = times.slice(1).map((at, i) => at - times[i])
    expect(Math.max(...gaps)).toBe(300_000)
    expect(gaps.filter((gap) => gap > 200)).toHaveLength(1)
  })
})

describe('spreadOf', () => {
  it('gives the mean, and what 99 of 100 do not exceed', () => {
    const values = Array.from({ length: 100 }, (_, i) => i + 1)
    expect(spreadOf(values.toReversed())).toEqual({ mean: 50.5, p99: 99 })
    expect(spreadOf([7])).toEqual({ mean: 7, p99: 7 })
    expect(() => spreadOf([])).toThrow('no values')
  })
})

describe('measureAhead', () => {
  const arrivals = steady(10, 30_000)

  it('sees every client wait for the whole dial where nothing is dialled ahead', () => {
    const result = measureAhead(1, { arrivals, prewarm: 0, roundTripMs: ROUND_TRIP_MS })
    expect(result).toMatchObject({ hits: 0, wasted: 0, waitedMs: { mean: 41, p99: 41 } })
  })

  it('sees no wait for those who found a connection, and counts what nobody took', () => {
    const { clients, hits, wasted, waitedMs } = measureAhead(1, { arrivals, prewarm: 4, roundTripMs: ROUND_TRIP_MS })
    expect(waitedMs.mean).toBeCloseTo(((clients - hits) / clients) * 41, 0)
    expect(hits).toBeGreaterThan(0.9 * clients)
    expect(wasted).toBeGreaterThanOrEqual(4)
  })
})

describe('measureLinks', () => {
  it('places every client, on as many links as the defaults of the settings ask for', () => {
    const few = measureLinks(1, { arrivals: () => [0, 1_000, 2_000], roundTripMs: ROUND_TRIP_MS })
    expect(few).toMatchObject({ clients: 3, links: 3, most: 2 })
    const crowd = measureLinks(1, { arrivals: steady(100, 10_000), roundTripMs: ROUND_TRIP_MS })
    expect(crowd.links).toBeGreaterThan(8)
    expect(crowd.most).toBeLessThan(128)
    expect(crowd.waitedMs.p99).toBeLessThan(100)
  })
})
