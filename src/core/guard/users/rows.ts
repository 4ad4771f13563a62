import { createHash } from 'node:crypto'
import { SharedLocks } from '../../memory/shared-lock.ts'
import type { SharedMemory, WorkerPlace } from '../../ports.ts'
import { QUOTA_PERIODS, type QuotaPeriod } from './period.ts'

/** Users remembered, those that are configured no more included; a configuration has at most 10,000. A power of two. */
export const USER_ROWS = 16_384
const HEADER_WORDS = 16
const MAGIC = 0x50555331
const COLUMNS_AT = 1
const LAST_SEC_AT = 2
const PLACES_LOCK_AT = 3
const CHANGING_AT = 4
// A row is 64 bytes, so that it never lies on two pages: name(16) | quota used, bytes(8) | paid up to, ms(8) |
// period began, s(4) | period(4) | connections(4) | 0(20)
const ROW_WORDS = 16
const NAME_WORDS = 4
const USED_AT = 4
const PAID_AT = 6
const BEGAN_AT = 8
const PERIOD_AT = 9
const CONNECTIONS_AT = 10

export interface UserRowsOptions {
  readonly memory: SharedMemory
  readonly worker: WorkerPlace
  /** Monotonic. */
  readonly nowMs: number
}

/** What is known of users in memory that all workers map, by name: numbers of secrets are each process's own. */
export class UserRows {
  /** Whether the quotas in it are newer than any on the disk. */
  readonly isKept: boolean
  /** One lock for all connections and addresses. */
  readonly placesLock: SharedLocks
  /** One for the bytes of each row. */
  readonly locks: SharedLocks
  /** Of each row at `paidAt`: monotonic ms up to which its bandwidth is used up. */
  readonly floats: Float64Array
  readonly #words: Int32Array
  readonly #header: Int32Array
  /** [column][row]: connections, so that those of a dead worker can be taken back. */
  readonly #own: Int32Array
  readonly #worker: WorkerPlace

  constructor({ memory, worker, nowMs }: UserRowsOptions) {
    const { bytes, origin } = memory.open('users', sizeOf(worker.columns))
    const { buffer, byteOffset } = bytes
    let at = byteOffset
    const next = (words: number) => {
      const array = new Int32Array(buffer, at, words)
      at += 4 * words
      return array
    }
    this.#worker = worker
    this.#header = next(HEADER_WORDS)
    this.floats = new Float64Array(buffer, at, (USER_ROWS * ROW_WORDS) / 2)
    this.#words = next(USER_ROWS * ROW_WORDS)
    const locks = next(USER_ROWS)
    this.#own = next(worker.columns * USER_ROWS)
    const isOurs = this.#header[0] === MAGIC && this.#header[COLUMNS_AT] === worker.columns
    this.isKept = isOurs && origin === 'kept'
    if (!isOurs && origin !== 'new') bytes.fill(0)
    if (isOurs && origin === 'stale') {
      // Every process is gone that counted connections; a row's quota is whole, if old.
      locks.fill(0)
      this.#own.fill(0)
      this.#header[PLACES_LOCK_AT] = 0
      for (const row of this.taken()) this.sumUp(row)
    }
    // After a start of the machine its clock begins anew.
    if (isOurs && (origin === 'stale' || this.#header[LAST_SEC_AT] > nowMs / 1000))
      for (let row = 0; row < USER_ROWS; row++) this.floats[this.paidAt(row)] = 0
    this.#header[0] = MAGIC
    this.#header[COLUMNS_AT] = worker.columns
    this.placesLock = new SharedLocks(this.#header.subarray(PLACES_LOCK_AT, PLACES_LOCK_AT + 1), worker)
    this.locks = new SharedLocks(locks, worker)
  }

  /** What a row is found by. */
  static keyOf(name: string): Int32Array {
    const digest = createHash('sha256').update(name).digest()
    return Int32Array.from([0, 4, 8, 12], (at) => digest.readInt32LE(at))
  }

  /** The row of that user; -1 when there is none. */
  find(key: Int32Array): number {
    for (let probe = 0; probe < USER_ROWS; probe++) {
      const row = (key[0] + probe) & (USER_ROWS - 1)
      if (this.isOf(row, key)) return row
      if (this.#isFree(row)) return -1
    }
    return -1
  }

  /**
   * As `find`, but makes one, under the lock of places: where all are taken, in the place of one without connections whose quota is the
   * oldest. -1 when every one has connections.
   */
  findOrMake(key: Int32Array): number {
    let oldest = -1
    for (let probe = 0; probe < USER_ROWS; probe++) {
      const row = (key[0] + probe) & (USER_ROWS - 1)
      if (this.isOf(row, key)) return row
      if (this.#isFree(row)) return this.#begin(row, key)
      if (this.connections(row) === 0 && (oldest < 0 || this.began(row) < this.began(oldest))) oldest = row
    }
    return oldest < 0 ? -1 : this.#begin(oldest, key)
  }

  isOf(row: number, key: Int32Array): boolean {
    for (let word = 0; word < NAME_WORDS; word++) if (this.#words[row * ROW_WORDS + word] !== key[word]) return false
    return true
  }
  keyAt(row: number): Int32Array {
    return this.#words.slice(row * ROW_WORDS, row * ROW_WORDS + NAME_WORDS)
  }

  /** Over all workers. */
  connections(row: number): number {
    return this.#get(row, CONNECTIONS_AT)
  }
  /** Adds 1 or -1 in this worker's name, under the lock of places. */
  countConnection(row: number, by: 1 | -1): void {
    this.#own[this.#worker.column * USER_ROWS + row] += by
    this.#words[row * ROW_WORDS + CONNECTIONS_AT] += by
  }
  /** Rows of which that worker counts connections. */
  *countedBy(column: number): Iterable<number> {
    for (let row = 0; row < USER_ROWS; row++) if (this.#own[column * USER_ROWS + row] !== 0) yield row
  }
  /** What a worker counted is not open any more. */
  forget(column: number, row: number): void {
    this.#own[column * USER_ROWS + row] = 0
    this.sumUp(row)
  }
  /** Makes the sum anew from what each worker counted. */
  sumUp(row: number): void {
    let sum = 0
    for (let column = 0; column < this.#worker.columns; column++) sum += this.#own[column * USER_ROWS + row]
    this.#set(row, CONNECTIONS_AT, sum)
  }

  /** Under the lock of places, before sums are changed: which row and which address, for whoever must mend them. */
  set changing({ row, address }: { readonly row: number; readonly address: number }) {
    this.#header[CHANGING_AT] = row
    this.#header[CHANGING_AT + 1] = address
  }
  get changing(): { readonly row: number; readonly address: number } {
    return { row: this.#header[CHANGING_AT], address: this.#header[CHANGING_AT + 1] }
  }

  /** Bytes used of the quota in the period that began at `began`. */
  used(row: number): number {
    return this.floats[(row * ROW_WORDS + USED_AT) / 2]
  }
  setUsed(row: number, bytes: number): void {
    this.floats[(row * ROW_WORDS + USED_AT) / 2] = bytes
  }
  /** Unix seconds. */
  began(row: number): number {
    return this.#get(row, BEGAN_AT) >>> 0
  }
  /** Undefined: never had a quota. */
  period(row: number): QuotaPeriod | undefined {
    const stored = this.#get(row, PERIOD_AT)
    return stored === 0 ? undefined : QUOTA_PERIODS[stored - 1]
  }
  /** Nothing is used of the new period. A crash in between leaves the old one, also with nothing used: it had ended. */
  beginPeriod(row: number, period: QuotaPeriod, beganSec: number): void {
    this.setUsed(row, 0)
    this.#set(row, PERIOD_AT, 1 + QUOTA_PERIODS.indexOf(period))
    this.#set(row, BEGAN_AT, beganSec | 0)
  }

  /** Where in `floats` it stands up to when the bandwidth of the row is used up. */
  paidAt(row: number): number {
    return (row * ROW_WORDS + PAID_AT) / 2
  }

  /** Rows that have a user. */
  *taken(): Iterable<number> {
    for (let row = 0; row < USER_ROWS; row++) if (!this.#isFree(row)) yield row
  }

  /** What the clock showed last. */
  seen(nowMs: number): void {
    this.#header[LAST_SEC_AT] = Math.floor(nowMs / 1000)
  }

  #begin(row: number, key: Int32Array): number {
    this.#words.fill(0, row * ROW_WORDS, (row + 1) * ROW_WORDS)
    this.#words.set(key, row * ROW_WORDS)
    return row
  }
  #isFree(row: number): boolean {
    for (let word = 0; word < NAME_WORDS; word++) if (this.#words[row * ROW_WORDS + word] !== 0) return false
    return true
  }
  #get(row: number, at: number): number {
    return this.#words[row * ROW_WORDS + at]
  }
  #set(row: number, at: number, value: number): void {
    this.#words[row * ROW_WORDS + at] = value
  }
}

function sizeOf(columns: number): number {
  return 4 * (HEADER_WORDS + USER_ROWS * (ROW_WORDS + 1 + columns))
}
