import { CallbackTimer, type TimerWheel } from '../../memory/wheel.ts'
import type { Clock, Store } from '../../ports.ts'
import { QUOTA_BYTES, readQuotas, writeQuota } from './quota-record.ts'
import { USER_ROWS } from './rows.ts'
import type { Users } from './users.ts'

/** How soon what was used is on the disk. */
const WRITE_MS = 1_000
const BUCKETS = 64

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
    const out = new Uint8Array(rows.length * QUOTA_BYTES)
    let at = 0
    for (const row of rows) {
      const quota = users.quotas.get(row)
      if (quota === undefined) continue
      writeQuota(out.subarray(at), users.rows.keyAt(row), quota)
      at += QUOTA_BYTES
    }
    return out.subarray(0, at)
  }

  #restore(value: Uint8Array): void {
    const { users } = this.#options
    for (const { key, quota } of readQuotas(value)) users.restore(key, quota)
  }
}

function keyOf(bucket: number): string {
  return `quotas-${bucket}`
}

function bucketOf(key: Int32Array): number {
  return key[0] & (BUCKETS - 1)
}
