import { print, say } from './output.ts'

export type Cell = string | number | null

const GAP = '  '
const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'] as const
// What a terminal would obey: some texts come from outside.
const CONTROLS = /[\u0000-\u001f\u007f-\u009f]/g

/** Prints rows below their headings: numbers to the right, everything else to the left, `-` for what is not known. */
export function printTable(headings: readonly string[], rows: readonly (readonly Cell[])[]): void {
  const texts = rows.map((row) => row.map((cell) => (cell === null ? '-' : String(cell).replaceAll(CONTROLS, '?'))))
  const widths = headings.map((heading, at) => Math.max(heading.length, ...texts.map((row) => row[at].length)))
  const isNumber = headings.map((_, at) => rows.length > 0 && rows.every((row) => typeof row[at] !== 'string'))
  const line = (cells: readonly string[]) =>
    cells.map((cell, at) => (isNumber[at] ? cell.padStart(widths[at]) : cell.padEnd(widths[at]))).join(GAP)
  for (const cells of [headings, ...texts]) print(line(cells).trimEnd())
}

/** Says so where a table shows not all there is. */
export function sayRest(shown: number, total: number, option: string): void {
  if (total > shown) say(`${shown} of ${total} shown: ${option} N shows more`)
}

/** Seconds in two units at most, such as `4s`, `2m 5s` or `3d 4h`. */
export function howLong(sec: number): string {
  const whole = Math.max(0, Math.floor(sec))
  const parts = {
    d: Math.floor(whole / 86_400),
    h: Math.floor(whole / 3600) % 24,
    m: Math.floor(whole / 60) % 60,
    s: whole % 60,
  }
  const written = Object.entries(parts).map(([unit, count]) => ({ text: `${count}${unit}`, count }))
  const first = written.findIndex(({ count }) => count > 0)
  if (first < 0) return '0s'
  const shown = written.slice(first, first + 2).filter(({ count }) => count > 0)
  return shown.map(({ text }) => text).join(' ')
}

export function howMuch(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`
}

/** Unix time as people and scripts read it. */
export function moment(sec: number): string {
  return new Date(sec * 1000).toISOString().replace('.000Z', 'Z')
}
