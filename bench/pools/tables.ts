import { tableOf } from '../report.ts'
import { bursts, steady, withLull, type Arrivals } from './arrivals.ts'
import { measureAhead, type AheadResult } from './dialled-ahead.ts'
import { measureLinks } from './links.ts'

const ROUND_TRIP_MS = 40
const TEN_MINUTES_MS = 600_000

/** Clients that stay, and how they come. */
const CROWDS: readonly (readonly [name: string, arrivals: Arrivals])[] = [
  ['100 in 10 s', evenly(100, 10_000)],
  ['1,000 in 10 s', evenly(1_000, 10_000)],
  ['10,000 in 100 s', evenly(10_000, 100_000)],
  ['10,000 in 1 s', evenly(10_000, 1_000)],
  ['10,000 at once', evenly(10_000, 0)],
]

const PATTERNS: readonly (readonly [name: string, arrivals: Arrivals])[] = [
  ['1 every 30 s', steady(1 / 30, 6 * TEN_MINUTES_MS)],
  ['1 a second', steady(1, TEN_MINUTES_MS)],
  ['10 a second', steady(10, TEN_MINUTES_MS)],
  ['50 a second', steady(50, TEN_MINUTES_MS)],
  ['20 within 1 s, every 15 s', bursts(20, 15_000, TEN_MINUTES_MS)],
  ['10 a second, 5 min nobody, again', withLull(steady(10, TEN_MINUTES_MS / 2), 300_000)],
]
const PREWARMS = ['predict', 2, 8] as const

/** Links of one DC, by how many clients there are and how they came. */
export function linksTable(seed: number): string {
  const rows = CROWDS.map(([name, arrivals]) => {
    const { clients, links, fewest, most, waitedMs } = measureLinks(seed, { arrivals, roundTripMs: ROUND_TRIP_MS })
    const onEach = fewest === most ? String(most) : `${fewest}..${most}`
    return [name, String(clients), String(links), onEach, ms(waitedMs.mean), ms(waitedMs.p99)]
  })
  return tableOf(['clients of one DC', 'placed', 'links', 'clients on each', 'wait, mean', 'wait, p99'], rows)
}

/** What dialling ahead does for each pattern of arrivals, beside the same arrivals without it. */
export function aheadTable(seed: number): string {
  const rows = PATTERNS.flatMap(([name, arrivals]) => {
    const measure = (prewarm: number | 'predict') =>
      measureAhead(seed, { arrivals, prewarm, roundTripMs: ROUND_TRIP_MS })
    const without = measure(0)
    return PREWARMS.map((prewarm) => aheadRow(`${name}`, String(prewarm), measure(prewarm), without))
  })
  const head = ['clients', 'prewarm', 'came', 'hit rate', 'wait, mean', 'wait, p99', 'saved, mean', 'in all', 'wasted']
  return tableOf(head, rows)
}

function aheadRow(name: string, prewarm: string, ahead: AheadResult, without: AheadResult): string[] {
  const { clients, hits, wasted, waitedMs } = ahead
  const savedMs = without.waitedMs.mean - waitedMs.mean
  return [
    ...[name, prewarm, String(clients), `${((100 * hits) / clients).toFixed(1)} %`],
    ...[ms(waitedMs.mean), ms(waitedMs.p99), ms(savedMs), `${((savedMs * clients) / 1_000).toFixed(1)} s`],
    `${wasted}, ${((100 * wasted) / (hits + wasted)).toFixed(1)} %`,
  ]
}

function evenly(count: number, withinMs: number): Arrivals {
  return () => Array.from({ length: count }, (_, i) => Math.floor((i * withinMs) / count))
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`
}
