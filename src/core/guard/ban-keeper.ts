import { CallbackTimer, type TimerWheel } from '../memory/wheel.ts'
import type { Clock, Store } from '../ports.ts'
import { BAN_BYTES, readBans, writeBan } from './ban-record.ts'
import { BUCKETS, type BanTable } from './sources/bans.ts'
import type { Prefix } from './sources/prefix.ts'

/** How soon a ban that was made by itself is on the disk. */
const WRITE_MS = 1_000
/** No version is this: nobody knows how the disk has it. */
const NOT_WRITTEN = NaN
export interface BanKeeperOptions {
  readonly bans: BanTable
  readonly store: Store
  readonly clock: Clock
  readonly wheel: TimerWheel
  /** Bans that are over for longer are not kept. */
  readonly rememberMs: () => number
}

/**
 * Keeps bans on the disk, a bucket of the table to each value, so that they survive a restart (I14). One process does, the one
 * that has the store. On the disk stands the wall clock, since the other one starts anew with the machine.
 *
 * Which bucket a ban is in depends on the table's hash key. A table that was lost has another key, and then values hold bans
 * of other buckets: they are written to their own first, and only then taken out of the values where they were found.
 */
export class BanKeeper {
  readonly #options: BanKeeperOptions
  readonly #timer = new CallbackTimer(() => this.care())
  /** Of each bucket: the version that is on the disk; undefined before it is read and while a write is under way. */
  readonly #written = new Array<number | undefined>(BUCKETS).fill(undefined)
  /** Who waits for a bucket to be on the disk. */
  #waiting: { readonly bucket: number; readonly version: number; readonly reply: (isDurable: boolean) => void }[] = []
  /** Of each bucket: bans of others that its value holds. */
  #strays: readonly (readonly Prefix[])[] = []
  /** Flushes that wait until all is read and every stray is at home; undefined from then on. */
  #early: (() => void)[] | undefined = []
  #retry: (() => void) | undefined
  #isClosed = false

  constructor(options: BanKeeperOptions) {
    this.#options = options
  }

  /** Brings back what was in force, then writes what changes. `done` is called once, when all is back. */
  start(done: () => void = () => {}): void {
    const { store, bans } = this.#options
    let left = BUCKETS
    const strays: Prefix[][] = Array.from({ length: BUCKETS }, () => [])
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      store.get(keyOf(bucket), (value) => {
        if (value !== undefined) strays[bucket] = this.#restore(value, bucket)
        if (--left > 0) return
        this.#strays = strays
        this.#written.fill(NOT_WRITTEN)
        bans.onChanged = () => this.#arm()
        if (strays.some(({ length }) => length > 0)) this.#bringHome()
        else this.#isHome()
        this.care()
        done()
      })
    }
  }

  /** Calls back once what the table holds of that bucket is on the disk. */
  flush(bucket: number, reply: (isDurable: boolean) => void): void {
    if (this.#early !== undefined) {
      if (this.#isClosed) reply(false)
      else this.#early.push(() => this.flush(bucket, reply))
      return
    }
    this.#flush(bucket, reply)
  }

  #flush(bucket: number, reply: (isDurable: boolean) => void): void {
    this.#waiting.push({ bucket, version: this.#options.bans.versionOf(bucket), reply })
    this.#write(bucket)
  }

  close(): void {
    this.#isClosed = true
    this.#options.wheel.disarm(this.#timer)
    for (let bucket = 0; bucket < BUCKETS; bucket++) this.#write(bucket)
    for (const flush of this.#early?.splice(0) ?? []) flush()
  }

  #bringHome(): void {
    this.#rewriteAll(() => {
      this.#strays = []
      this.#rewriteAll(() => this.#isHome())
    })
  }

  #isHome(): void {
    const waiting = this.#early ?? []
    this.#early = undefined
    for (const flush of waiting) flush()
  }

  /** Calls `then` once every bucket is on the disk as it is now; tries again when the store fails. */
  #rewriteAll(then: () => void): void {
    let left = BUCKETS
    let isDurable = true
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      this.#options.bans.touch(bucket)
      this.#flush(bucket, (isThis) => {
        isDurable &&= isThis
        if (--left > 0) return
        if (isDurable) then()
        else this.#retry = () => this.#rewriteAll(then)
      })
    }
  }

  #arm(): void {
    const { wheel, clock } = this.#options
    if (!this.#isClosed && !this.#timer.isArmed) wheel.arm(this.#timer, clock.mono() + WRITE_MS)
  }

  /** Writes what has changed; by itself after a change of this process, by hand for changes of others. */
  care(): void {
    const retry = this.#retry
    this.#retry = undefined
    retry?.()
    for (let bucket = 0; bucket < BUCKETS; bucket++) this.#write(bucket)
  }

  /** One write at a time for each bucket: a store keeps no order among writes of one key. */
  #write(bucket: number): void {
    const { bans, store } = this.#options
    const before = this.#written[bucket]
    const version = bans.versionOf(bucket)
    if (before === undefined) return
    if (before === version) {
      this.#answer(bucket, version, true)
      return
    }
    this.#written[bucket] = undefined
    store.put(keyOf(bucket), this.#serialize(bucket), (isDurable) => {
      this.#written[bucket] = isDurable ? version : before
      this.#answer(bucket, version, isDurable)
      if (isDurable && bans.versionOf(bucket) === version) return
      if (isDurable && this.#waiting.length > 0) this.#write(bucket)
      else this.#arm()
    })
  }

  #answer(bucket: number, version: number, isDurable: boolean): void {
    const isDue = (each: { bucket: number; version: number }) => each.bucket === bucket && each.version <= version
    const due = this.#waiting.filter(isDue)
    this.#waiting = this.#waiting.filter((each) => !isDue(each))
    for (const { reply } of due) reply(isDurable)
  }

  #serialize(bucket: number): Uint8Array {
    const { bans, clock, rememberMs } = this.#options
    const now = clock.mono()
    const strays = (this.#strays[bucket] ?? []).flatMap((prefix) => bans.get(prefix) ?? [])
    const kept = [...bans.list(bucket), ...strays].filter(({ untilMs }) => untilMs > now - rememberMs())
    const out = new Uint8Array(kept.length * BAN_BYTES)
    kept.forEach((ban, at) => writeBan(out.subarray(at * BAN_BYTES), ban, clock.wall() + (ban.untilMs - now) / 1000))
    return out
  }

  /** Returns those that are in another bucket. */
  #restore(value: Uint8Array, bucket: number): Prefix[] {
    const { bans, clock } = this.#options
    const strays: Prefix[] = []
    for (const read of readBans(value)) {
      const untilMs = clock.mono() + (read.untilSec - clock.wall()) * 1000
      // What the map has kept is newer than the disk.
      if (bans.get(read.ban.prefix) === undefined) bans.put({ ...read.ban, untilMs })
      if (bans.bucketOf(read.ban.prefix) !== bucket) strays.push(read.ban.prefix)
    }
    return strays
  }
}

function keyOf(bucket: number): string {
  return `bans-${bucket}`
}
