import { tableOf } from '../report.ts'
import { compare, median } from '../stats.ts'
import type { ConnectRow } from './connect.ts'
import type { LiveRow } from './live.ts'
import type { Lane } from './operations.ts'

/** Behind which all vaults are compared with this one. */
const BASE = 'memory'

/** A row for each operation and a column for each vault: questions a second, p50 and p99 in us, time beside memory. */
export function operationsTable(lanes: readonly Lane[]): string {
  const places = [...new Set(lanes.map(({ place }) => place))]
  const operations = [...new Set(lanes.map(({ operation }) => operation))]
  const laneOf = (operation: string, place: string) =>
    lanes.find((lane) => lane.operation === operation && lane.place === place)
  const rows = operations.map((operation) => {
    const base = laneOf(operation, BASE)
    return [operation, ...places.map((place) => laneCell(laneOf(operation, place), base))]
  })
  return tableOf(['operation, candidates', ...places], rows)
}

function laneCell(lane: Lane | undefined, base: Lane | undefined): string {
  if (lane === undefined || base === undefined) return ''
  const [perSec, p50, p99] = (['perSec', 'p50', 'p99'] as const).map((what) =>
    median(lane.rounds.map((sample) => sample[what])),
  )
  const figures = `${thousands(perSec)}/s, ${digits(p50)} / ${digits(p99)} us`
  // Of many at once the time is that of a queue.
  if (lane === base || lane.inFlight > 1) return figures
  const [own, other] = [lane, base].map(({ rounds }) => rounds.map((sample) => sample.p50))
  const { ratio, ratioMin, ratioMax } = compare(other, own)
  return `${figures}, x${digits(ratio)} (${digits(ratioMin)}..${digits(ratioMax)})`
}

export function connectTable(rows: readonly ConnectRow[]): string {
  const head = [
    'token',
    'software, p50 / p99',
    'token, p50 / p99',
    'added, p50',
    'ratio, p50',
    'rounds from..to',
    'p99',
  ]
  const cells = rows.map(({ place, software, token, ratios }) => [
    place,
    `${digits(software.p50)} / ${digits(software.p99)} us`,
    `${digits(token.p50)} / ${digits(token.p99)} us`,
    `${(token.p50 - software.p50).toFixed(0)} us`,
    (token.p50 / software.p50).toFixed(2),
    ratios.map((ratio) => ratio.toFixed(2)).join('..'),
    (token.p99 / software.p99).toFixed(2),
  ])
  return tableOf(head, cells)
}

/** Medians over the rounds, and the lowest and highest p99. */
export function liveTable(scenes: readonly (readonly LiveRow[])[]): string {
  const head = [
    'secrets of the crowd',
    'offered',
    'answered',
    'p50',
    'p99',
    'p99 of rounds',
    'max',
    'loop lag at worst',
  ]
  const cells = scenes.map((rounds) => {
    const over = (what: Exclude<keyof LiveRow, 'place'>) => median(rounds.map((row) => row[what]))
    const p99s = rounds.map(({ p99 }) => p99)
    return [
      rounds[0].place,
      `${rounds[0].offeredPerSec}/s`,
      `${over('answeredPerSec').toFixed(0)}/s`,
      ...[`${digits(over('p50'))} ms`, `${digits(over('p99'))} ms`],
      `${digits(Math.min(...p99s))}..${digits(Math.max(...p99s))} ms`,
      ...[`${digits(over('max'))} ms`, `${digits(over('loopLagMs'))} ms`],
    ]
  })
  return tableOf(head, cells)
}

/** Two or three that matter. */
function digits(value: number): string {
  return value >= 10 ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : value.toFixed(2)
}

function thousands(perSec: number): string {
  return `${digits(perSec / 1000)}k`
}
