import type { Clock } from '../../ports.ts'
import type { QuotaSettings } from '../../settings.ts'
import { periodStart, type QuotaPeriod } from './period.ts'
import type { UserRows } from './rows.ts'

/** What a row holds of a quota, in the memory that all workers map or on the disk. */
export interface QuotaRecord {
  readonly period: QuotaPeriod
  /** Unix seconds. */
  readonly beganSec: number
  readonly usedBytes: number
}

/**
 * Bytes that users have used of their quotas in the period that is now, by the wall clock. A period that has ended stays so: with the
 * clock stepped back, bytes go on counting in the later one.
 */
export class Quotas {
  readonly #rows: UserRows
  readonly #clock: Clock
  /** Of each period: when the one began that `wallSec` lies in. */
  readonly #starts: Readonly<Record<QuotaPeriod, { wallSec: number; start: number }>> = {
    day: { wallSec: -1, start: 0 },
    week: { wallSec: -1, start: 0 },
    month: { wallSec: -1, start: 0 },
  }
  /** Something was used, or a period began: for whoever writes it down. */
  onChanged: () => void = () => {}

  constructor(rows: UserRows, clock: Clock) {
    this.#rows = rows
    this.#clock = clock
  }

  /** Uses up to `bytes` of what is left and returns how many: fewer than asked when the quota is used up with them. */
  spend(row: number, { bytes: most, period }: QuotaSettings, bytes: number): number {
    const rows = this.#rows
    this.#lock(row)
    this.#roll(row, period)
    const used = rows.used(row)
    const granted = Math.max(0, Math.min(bytes, most - used))
    rows.setUsed(row, used + granted)
    rows.locks.release(row)
    this.onChanged()
    return granted
  }

  /** Bytes used in the period that is now. */
  used(row: number, period: QuotaPeriod): number {
    const rows = this.#rows
    if (rows.period(row) !== period || this.#startOf(period) > rows.began(row)) return 0
    return rows.used(row)
  }

  /** As it stands; undefined when nothing is used. */
  get(row: number): QuotaRecord | undefined {
    const rows = this.#rows
    const period = rows.period(row)
    if (period === undefined || rows.used(row) === 0) return undefined
    return { period, beganSec: rows.began(row), usedBytes: rows.used(row) }
  }

  /** What the disk knows: the later period counts, and of the same one the larger number. */
  restore(row: number, { period, beganSec, usedBytes }: QuotaRecord): void {
    const rows = this.#rows
    this.#lock(row)
    const isSame = rows.period(row) === period && rows.began(row) === beganSec
    if (rows.period(row) === undefined || (rows.period(row) === period && beganSec > rows.began(row))) {
      rows.beginPeriod(row, period, beganSec)
      rows.setUsed(row, usedBytes)
    } else if (isSame) rows.setUsed(row, Math.max(usedBytes, rows.used(row)))
    rows.locks.release(row)
  }

  #roll(row: number, period: QuotaPeriod): void {
    const rows = this.#rows
    const start = this.#startOf(period)
    if (rows.period(row) !== period || start > rows.began(row)) rows.beginPeriod(row, period, start)
  }

  /** Worked out once a second. */
  #startOf(period: QuotaPeriod): number {
    const wallSec = Math.max(0, this.#clock.wall())
    const known = this.#starts[period]
    if (known.wallSec === wallSec) return known.start
    known.wallSec = wallSec
    known.start = periodStart(period, wallSec)
    return known.start
  }

  #lock(row: number): void {
    if (!this.#rows.locks.acquire(row)) this.#rows.locks.seize(row)
  }
}
