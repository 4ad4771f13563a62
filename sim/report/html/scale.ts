/** How figures are shown on an axis and in a table. */
export type Unit = 'count' | 'ms' | 'bytes'

const STEPS = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10]

/** The least round number that is not below `value`; of bytes, round in KB and MB; of what is counted, with a whole half. */
export function niceCeiling(value: number, unit: Unit): number {
  let magnitude = 1
  if (unit === 'bytes') while (magnitude * 1024 <= value) magnitude *= 1024
  while (magnitude * 10 < value) magnitude *= 10
  const isRound = (found: number) => unit !== 'count' || Number.isInteger(found / 2)
  const ceilings = STEPS.map((step) => Math.round(step * magnitude * 10) / 10)
  return ceilings.find((found) => found >= value && isRound(found)) ?? 10 * magnitude
}

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const TIME_STEPS = [
  ...[SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND, 15 * SECOND, 30 * SECOND],
  ...[MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE],
  ...[HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR],
]

/** Round moments within a run, ms, at most `most` of them behind the start. */
export function timeTicks(lengthMs: number, most: number): readonly number[] {
  const step = TIME_STEPS.find((each) => lengthMs / each < most + 1) ?? 24 * HOUR
  return Array.from({ length: Math.ceil(lengthMs / step) }, (_, at) => at * step)
}

/** For SVG: two decimals, and no more digits than it takes. */
export function coordinate(value: number): string {
  return String(Math.round(value * 100) / 100)
}
