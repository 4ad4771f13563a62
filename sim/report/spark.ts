import { milliseconds, moment, number } from './figures.ts'
import type { GappyBins, Series } from './series.ts'

const LEVELS = '▁▂▃▄▅▆▇█'
const WIDTH = 60

/** A row of at most 60 characters, as high as the highest of them; a blank where there is nothing. */
export function sparkline(values: GappyBins, most: number): string {
  const columns = Math.min(WIDTH, values.length)
  return Array.from({ length: columns }, (_, at) => {
    const part = values.slice(
      Math.floor((at * values.length) / columns),
      Math.floor(((at + 1) * values.length) / columns),
    )
    const highest = part.reduce<number>((found, value) => Math.max(found, value ?? 0), 0)
    if (highest === 0 || most === 0) return ' '
    return LEVELS[Math.min(LEVELS.length - 1, Math.floor((LEVELS.length * highest) / most))]
  }).join('')
}

/** What happened when, for a terminal: a line for each thing that happened at all. */
export function sparklines({ binMs, bins, honest, attack, connectMs, bans }: Series): readonly string[] {
  const length = moment(binMs * bins)
  const each = `in ${moment(binMs)}`
  const line = (name: string, values: GappyBins, shown: (most: number) => string) => {
    const most = values.reduce<number>((found, value) => Math.max(found, value ?? 0), 0)
    return most === 0 ? [] : [`  ${name.padEnd(9)}│${sparkline(values, most)}│ up to ${shown(most)}`]
  }
  const counts = (name: string, values: GappyBins) => line(name, values, (most) => `${number(most)} ${each}`)
  const columns = Math.min(WIDTH, bins)
  return [
    ...counts('honest', honest.connected),
    ...counts('  lost', honest.lost),
    ...line('  p99', connectMs.p99, milliseconds),
    ...counts('attackers', attack.came),
    ...counts('  served', attack.served),
    ...counts('bans', bans),
    `  ${''.padEnd(9)} 0s${length.padStart(columns - 2)}`,
  ]
}
