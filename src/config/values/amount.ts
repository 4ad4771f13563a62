import type { QuotaPeriod } from '../../core/guard/users/period.ts'
import { readDuration } from './time.ts'
import { text, value, type Kind } from './value.ts'

/** Sizes count in powers of 1024, as memory does. */
const SIZE_UNITS: Readonly<Record<string, number>> = { B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3, TB: 1024 ** 4 }
/** Bit rates count in powers of 1000, as networks do. */
const BIT_UNITS: Readonly<Record<string, number>> = { bit: 1, kbit: 1e3, Mbit: 1e6, Gbit: 1e9 }

const SIZE = /^(\d{1,6}(?:\.\d{1,3})?) ?([KMGT]?)(i?)B$/

/** Bytes of a size such as "64 MB" or "64 MiB", which mean the same, below 8192 TB (2^53); undefined for anything else. */
export function readSize(found: string): number | undefined {
  const parts = SIZE.exec(found)
  if (parts === null || (parts[3] === 'i' && parts[2] === '')) return undefined
  const bytes = Math.floor(Number(parts[1]) * SIZE_UNITS[`${parts[2]}B`])
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

export function formatSize(bytes: number): string {
  const unit = ['TB', 'GB', 'MB', 'KB'].find((name) => bytes > 0 && bytes % SIZE_UNITS[name] === 0) ?? 'B'
  return `${bytes / SIZE_UNITS[unit]} ${unit}`
}

/** A size in bytes, both ends included. */
export function size(minBytes: number, maxBytes: number): Kind<number> {
  return text(
    `a size from ${formatSize(minBytes)} to ${formatSize(maxBytes)} such as "256 KB" or "64 MB"`,
    (found) => {
      const bytes = readSize(found)
      return bytes !== undefined && bytes >= minBytes && bytes <= maxBytes ? bytes : undefined
    },
    (found) => {
      const tidy = typeof found === 'string' ? found.toUpperCase().replace(/B?$/, 'B') : ''
      if (typeof found === 'string' && found !== tidy && readSize(tidy) !== undefined) return `did you mean "${tidy}"?`
      return typeof found === 'number' ? 'a size has a unit and stands in quotes' : undefined
    },
    { pattern: SIZE.source },
  )
}

/** So many a second, and how many may come at once. */
export interface Rate {
  readonly perSec: number
  readonly burst: number
}

export function rate(): Kind<Rate> {
  return text('a rate such as "30/s, burst 120"', (found) => {
    const parts = /^(\d{1,9})\/s(?:, ?burst (\d{1,9}))?$/.exec(found)
    if (parts === null) return undefined
    const perSec = Number(parts[1])
    return { perSec, burst: parts[2] === undefined ? perSec : Number(parts[2]) }
  })
}

/** Below this one read of the socket would be followed by a pause of more than a minute. */
const BANDWIDTH_MIN_BYTES = 8_000

/** Bytes a second of a bandwidth such as "20 Mbit/s". */
export function bandwidth(): Kind<number> {
  return text('a bandwidth of at least "64 kbit/s" such as "20 Mbit/s"', (found) => {
    const parts = /^(\d{1,6}(?:\.\d{1,3})?) ?(bit|kbit|Mbit|Gbit)\/s$/.exec(found)
    const bytes = parts === null ? 0 : Math.floor((Number(parts[1]) * BIT_UNITS[parts[2]]) / 8)
    return bytes >= BANDWIDTH_MIN_BYTES ? bytes : undefined
  })
}

export interface Quota {
  readonly bytes: number
  readonly period: QuotaPeriod
}

export function quota(): Kind<Quota> {
  return text('a quota below 8192 TB such as "50 GB / month" (or day, week)', (found) => {
    const parts = /^(.+?) ?\/ ?(day|week|month)$/.exec(found)
    const bytes = parts === null ? undefined : readSize(parts[1])
    return parts === null || bytes === undefined || bytes === 0
      ? undefined
      : { bytes, period: parts[2] as Quota['period'] }
  })
}

/** A pair that rises: where something begins, and where it is complete. */
export interface Span {
  readonly from: number
  readonly to: number
}

/** Two durations, in milliseconds. */
export function durationSpan(): Kind<Span> {
  return span('two rising durations such as ["100ms", "400ms"]', (found) =>
    typeof found === 'string' ? readDuration(found) : undefined,
  )
}

/** Two shares of a whole, 0..1. */
export function shareSpan(): Kind<Span> {
  return span('two rising numbers from 0 to 1 such as [0.85, 0.95]', (found) =>
    typeof found === 'number' && found >= 0 && found <= 1 ? found : undefined,
  )
}

function span(allowed: string, read: (found: unknown) => number | undefined): Kind<Span> {
  return value({
    allowed,
    read: (found) => {
      if (!Array.isArray(found) || found.length !== 2) return undefined
      const [from, to] = found.map(read)
      return from !== undefined && to !== undefined && from < to ? { from, to } : undefined
    },
  })
}
