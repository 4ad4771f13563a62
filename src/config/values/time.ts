import { text, type Kind } from './value.ts'

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const DAY_MS = UNITS.d
const DURATION = /^(\d{1,9})(ms|s|m|h|d)$/

/** Milliseconds of a duration such as "500ms", "10s", "2m", "1h", "1d"; undefined for anything else. */
export function readDuration(found: string): number | undefined {
  const parts = DURATION.exec(found)
  return parts === null ? undefined : Number(parts[1]) * UNITS[parts[2] as keyof typeof UNITS]
}

/** The shortest writing of a number of milliseconds that `readDuration` reads back. */
export function formatDuration(ms: number): string {
  const unit = (['d', 'h', 'm', 's'] as const).find((name) => ms > 0 && ms % UNITS[name] === 0) ?? 'ms'
  return `${ms / UNITS[unit]}${unit}`
}

/** A duration in whole milliseconds, both ends included. */
export function duration(minMs = 1, maxMs = 30 * DAY_MS): Kind<number> {
  return text(
    `a duration from ${formatDuration(minMs)} to ${formatDuration(maxMs)} such as "500ms", "10s", "2m" or "1h"`,
    (found) => {
      const ms = readDuration(found)
      return ms !== undefined && ms >= minMs && ms <= maxMs ? ms : undefined
    },
    (found) => {
      if (typeof found === 'number' || (typeof found === 'string' && /^\d+$/.test(found)))
        return `did you mean "${found}s"?`
      const tidy = typeof found === 'string' ? found.replaceAll(' ', '').toLowerCase() : ''
      return readDuration(tidy) !== undefined && tidy !== found ? `did you mean "${tidy}"?` : undefined
    },
    { pattern: DURATION.source },
  )
}

const INSTANT = /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?(?:([Zz])|([+-])(\d\d):(\d\d)))?$/

/** Unix seconds of an RFC 3339 time, or of the first second (UTC) of a date alone. Years 1970 to 9999. */
export function readInstant(found: string): number | undefined {
  const parts = INSTANT.exec(found)
  if (parts === null) return undefined
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map((part) => Number(part ?? 0))
  if (year < 1970 || month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined
  if (hour > 23 || minute > 59 || second > 59) return undefined
  const [aheadHours, aheadMinutes] = [Number(parts[9] ?? 0), Number(parts[10] ?? 0)]
  if (aheadHours > 23 || aheadMinutes > 59) return undefined
  const ahead = (parts[8] === '-' ? -1 : 1) * (aheadHours * 3600 + aheadMinutes * 60)
  const at = ((daysSince1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second - ahead
  return at < 0 ? undefined : at
}

export function instant(): Kind<number> {
  return text('a time such as "2027-01-01T00:00:00Z"', readInstant)
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

function isLeap(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
}

function daysSince1970(year: number, month: number, day: number): number {
  const before = year - 1
  const leapDays = Math.floor(before / 4) - Math.floor(before / 100) + Math.floor(before / 400) - 477
  let days = (year - 1970) * 365 + leapDays
  for (let m = 1; m < month; m++) days += daysInMonth(year, m)
  return days + day - 1
}
