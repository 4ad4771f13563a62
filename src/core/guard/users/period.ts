/** Calendar periods of a quota, in UTC. */
export const QUOTA_PERIODS = ['day', 'week', 'month'] as const
export type QuotaPeriod = (typeof QUOTA_PERIODS)[number]

const DAY_SEC = 86_400
/** 1970-01-01 was a Thursday; weeks begin on Monday (ISO 8601). */
const MONDAY_TO_EPOCH_DAYS = 3

/** The unix second at which the period began that `wallSec` (0 or more) lies in. */
export function periodStart(period: QuotaPeriod, wallSec: number): number {
  const day = Math.floor(wallSec / DAY_SEC)
  if (period === 'day') return day * DAY_SEC
  if (period === 'week') return (day - ((day + MONDAY_TO_EPOCH_DAYS) % 7)) * DAY_SEC
  return (day - dayOfMonth(day)) * DAY_SEC
}

/** From 0; `day` counts from 1970. By eras of 400 years that begin in March (Hinnant, "chrono-compatible low-level date algorithms"). */
function dayOfMonth(day: number): number {
  const ofEra = (day + 719_468) % 146_097
  const year = Math.floor(
    (ofEra - Math.floor(ofEra / 1_460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) / 365,
  )
  const ofYear = ofEra - (365 * year + Math.floor(year / 4) - Math.floor(year / 100))
  const month = Math.floor((5 * ofYear + 2) / 153)
  return ofYear - Math.floor((153 * month + 2) / 5)
}
