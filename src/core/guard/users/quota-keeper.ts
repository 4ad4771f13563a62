import { CallbackTimer, type TimerWheel } from '../../memory/wheel.ts'
import { read32le, write32le } from '../../protocol/bytes.ts'
import type { Clock, Store } from '../../ports.ts'
import { QUOTA_PERIODS } from './period.ts'
import type { QuotaRecord } from './quotas.ts'
import { USER_ROWS } from './rows.ts'
import type { Users } from './users.ts'

/** How soon what was used is on the disk. */
const WRITE_MS = 1_000
const BUCKETS = 64
// One quota: name(16) | bytes used, low(4) | high(4) | period began(4) | period(1) | 0(3)
const RECORD_BYTES = 32
const USED_AT = 16
const BEGAN_AT = 24
const PERIOD_AT = 28

export interface QuotaKeeperOptions {
  readonly users: Users
  readonly store: Store
  readonly clock: Clock
  readonly wheel: TimerWheel
}

/**
 * Keeps what users have used of their quotas on the disk, so that it survives a loss of power but for the last second (I14). A crash of
 * processes alone loses nothing: the mapped memory stays. One process does, the one that has the store.
 */
export class QuotaKeeper {
  readonly #options: QuotaKeeperOptions
  readonly #timer = new CallbackTimer(() => this.care())
  /** Of each row: what is on the disk, and of which period. */
  readonly #written = new Float64Array(USER_ROWS)
  readonly #writtenBegan = new Float64Array(USER_ROWS)
  /** Buckets whose write is under way: a store keeps no order among writes of one key. */
  readonly #writing = new Set<number>()
  #isClosed = false

  constructor(options: QuotaKeeperOptions) {
    this.#options = options
  }

  /** Brings back what was used, then writes what changes. `done` is called once. */
  start(done: () => void = () => {}): void {
    const { store, users } = this.#options
    // What the map has kept is newer than the disk.
    users.isSure = users.rows.isKept
    let left = BUCKETS
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      store.get(keyOf(bucket), (value) => {
        if (value !== undefined) this.#restore(value)
        if (--left > 0) return
        users.isSure = true
        users.quotas.onChanged = () => this.#arm()
        this.care()
        done()
      })
    }
  }

  /** Writes what has changed; by itself after a change of this process, by hand for changes of others. */
  care(): void {
    const { rows } = this.#options.users
    const changed = new Set<number>()
    for (const row of rows.taken()) if (this.#isChanged(row)) changed.add(bucketOf(rows.keyAt(row)))
    for (const bucket of changed) this.#write(bucket)
  }

  close(): void {
    this.care()
    this.#isClosed = true
    this.#options.wheel.disarm(this.#timer)
  }

  #arm(): void {
    const { wheel } = this.#options
    if (!this.#isClosed && !this.#timer.isArmed) wheel.arm(this.#timer, wheel.now + WRITE_MS)
  }

  #write(bucket: number): void {
    const { users, store } = this.#options
    if (this.#writing.has(bucket) || this.#isClosed) return
    this.#writing.add(bucket)
    const rows = [...users.rows.taken()].filter((row) => bucketOf(users.rows.keyAt(row)) === bucket)
    const before = rows.map((row) => ({ row, used: users.rows.used(row), began: users.rows.began(row) }))
    store.put(keyOf(bucket), this.#serialize(rows), (isDurable) => {
      this.#writing.delete(bucket)
      for (const { row, used, began } of isDurable ? before : []) {
        this.#written[row] = used
        this.#writtenBegan[row] = began
      }
      if (rows.some((row) => this.#isChanged(row))) this.#arm()
    })
  }

  #isChanged(row: number): boolean {
    const { rows } = this.#options.users
    return rows.used(row) !== this.#written[row] || rows.began(row) !== this.#writtenBegan[row]
  }

  #serialize(rows: readonly number[]): Uint8Array {
    const { users } = this.#options
    const out = new Uint8Array(rows.length * RECORD_BYTES)
    let at = 0
    for (const row of rows) {
      const quota = users.quotas.get(row)
      if (quota === undefined) continue
      writeRecord(out.subarray(at), users.rows.keyAt(row), quota)
      at += RECORD_BYTES
    }
    return out.subarray(0, at)
  }

  #restore(value: Uint8Array): void {
    const { users } = this.#options
    for (let at = 0; at + RECORD_BYTES <= value.length; at += RECORD_BYTES) {
      const record = value.subarray(at, at + RECORD_BYTES)
      const quota = readRecord(record)
      if (quota !== undefined) users.restore(readKey(record), quota)
    }
  }
}

function keyOf(bucket: number): string {
  return `quotas-${bucket}`
}

function bucketOf(key: Int32Array): number {
  return key[0] & (BUCKETS - 1)
}

function readKey(record: Uint8Array): Int32Array {
  return Int32Array.from([0, 4, 8, 12], (at) => read32le(record, at))
}

function writeRecord(out: Uint8Array, key: Int32Array, { period, beganSec, usedBytes }: QuotaRecord): void {
  key.forEach((word, at) => write32le(out, 4 * at, word))
  write32le(out, USED_AT, usedBytes % 2 ** 32)
  write32le(out, USED_AT + 4, Math.floor(usedBytes / 2 ** 32))
  write32le(out, BEGAN_AT, beganSec)
  out[PERIOD_AT] = QUOTA_PERIODS.indexOf(period)
}

/** Undefined when it is no quota of ours. */
function readRecord(record: Uint8Array): QuotaRecord | undefined {
  const usedBytes = read32le(record, USED_AT + 4) * 2 ** 32 + read32le(record, USED_AT)
  if (record[PERIOD_AT] >= QUOTA_PERIODS.length || usedBytes > Number.MAX_SAFE_INTEGER) return undefined
  return { period: QUOTA_PERIODS[record[PERIOD_AT]], beganSec: read32le(record, BEGAN_AT), usedBytes }
}
