import { assert } from '../../assert.ts'
import { WordHash } from '../../memory/word-hash.ts'
import { SharedLocks } from '../../memory/shared-lock.ts'
import type { Random, SharedMemory, WorkerPlace } from '../../ports.ts'

const WAYS = 8
const HEADER_WORDS = 16
/** Failures of late that are worth remembering for longer. */
const BAD = 4
const [FREE, HARMLESS, FAILED, BAD_FOR_LONG, USED_WELL, STAYS] = [0, 1, 2, 3, 4, 5]
const MAGIC = 0x50534f33
/** What a worker counts of an entry in its own column, so that it can be taken back when the worker dies. */
export type Count = 0 | 1 | 2 | 3
/** Admitted and not yet closed. */
export const OPEN: Count = 0
/** Of those, between the first byte and the verdict on it. */
export const GREETING: Count = 1
/** Of those, authenticated. */
export const RELAYING: Count = 2
/** Refused and not yet closed. */
export const REFUSED: Count = 3
const COUNTS: readonly Count[] = [OPEN, GREETING, RELAYING, REFUSED]

export interface SourceTableOptions {
  readonly memory: SharedMemory
  readonly random: Random
  /** A power of two, at least 8. */
  readonly entries: number
  readonly worker: WorkerPlace
  /** Monotonic ms: what was kept from before the machine started anew is forgotten. */
  readonly nowMs: number
}

/**
 * What is remembered of sources, in memory that all workers map: 8-way set-associative, a lock for each set, of fixed size
 * whatever strangers do. A new source takes the place of the least valuable entry of its set: never of one with connections,
 * rather of a harmless one than of one that failed, rather of that than of one that was bad for long, of one that was used well last,
 * and among equals of the one not seen for longest.
 *
 *   words: magic, entries, columns, 0, hash key(2), last moment, ... | set locks | columns below, one after the other
 *
 * Every field but the locks is read and written under the lock of its set.
 */
export class SourceTable {
  readonly entries: number
  /** Monotonic ms up to which the rate of new connections is used up (GCRA's theoretical arrival time). */
  readonly arrivalMs: Float64Array
  /** Handshakes of late, and how bad those that failed were in sum; both halved every few minutes. */
  readonly tried: Float32Array
  readonly failed: Float32Array
  /** Successful handshakes of late. */
  readonly credit: Float32Array
  /** When those three were last halved, in periods of whoever does it. */
  readonly halvedAt: Int32Array
  /** How many prefixes below this one were banned of late; for parents. */
  readonly children: Float32Array
  /** How many sources below this one have failed of late; for parents. */
  readonly failing: Float32Array
  readonly #sets: number
  readonly #columns: number
  readonly #column: number
  readonly #hash: WordHash
  readonly #locks: SharedLocks
  readonly #low: Uint32Array
  readonly #high: Uint32Array
  /** Seconds, at least 1; 0: free. */
  readonly #seenSec: Uint32Array
  /** [count][entry], over all workers. */
  readonly #totals: Int32Array
  /** [column][count][entry]. */
  readonly #own: Uint16Array
  readonly #header: Int32Array

  constructor({ memory, random, entries, worker, nowMs }: SourceTableOptions) {
    assert(entries >= WAYS && (entries & (entries - 1)) === 0, 'sets are picked by a mask')
    this.entries = entries
    this.#sets = entries / WAYS
    this.#columns = worker.columns
    this.#column = worker.column
    const region = memory.open('sources', sizeOf(entries, worker.columns))
    const { buffer } = region.bytes
    let at = region.bytes.byteOffset
    const next = <T>(
      Type: new (buffer: ArrayBufferLike, at: number, length: number) => T,
      bytes: number,
      length: number,
    ) => {
      const array = new Type(buffer, at, length)
      at += bytes * length
      return array
    }
    this.#header = next(Int32Array, 4, HEADER_WORDS)
    this.arrivalMs = next(Float64Array, 8, entries)
    const locks = next(Int32Array, 4, this.#sets)
    this.#low = next(Uint32Array, 4, entries)
    this.#high = next(Uint32Array, 4, entries)
    this.#seenSec = next(Uint32Array, 4, entries)
    this.tried = next(Float32Array, 4, entries)
    this.failed = next(Float32Array, 4, entries)
    this.credit = next(Float32Array, 4, entries)
    this.children = next(Float32Array, 4, entries)
    this.failing = next(Float32Array, 4, entries)
    this.halvedAt = next(Int32Array, 4, entries)
    this.#totals = next(Int32Array, 4, COUNTS.length * entries)
    this.#own = next(Uint16Array, 2, worker.columns * COUNTS.length * entries)
    this.#locks = new SharedLocks(locks, worker)
    // After a loss of power its pages may be of different times, and what it knows is worth little an hour later.
    if (region.origin === 'stale' || !this.#isKept(nowMs)) {
      region.bytes.fill(0)
      const key = random.fill(new Uint8Array(8))
      this.#header.set([MAGIC, entries, worker.columns, 0, ...new Int32Array(key.buffer)])
    }
    this.#hash = new WordHash(this.#header[4], this.#header[5])
  }

  /** Entries that hold a source or a prefix now. Looks at all of them: for reports, not for decisions. */
  get used(): number {
    let used = 0
    for (const seen of this.#seenSec) if (seen !== 0) used++
    return used
  }

  /** Bytes of the shared region: fixed by the configuration (I5). */
  static byteLength(entries: number, columns: number): number {
    return sizeOf(entries, columns)
  }

  /**
   * The entry of a prefix, made when there is none, its set locked until `unlock`; -1, and nothing locked, when every place of
   * the set is taken by sources with connections. `tag` tells prefixes of different lengths and families apart.
   */
  lock(words: Uint32Array, tag: number, nowMs: number): number {
    this.#hash.of(words, tag)
    const { low, high } = this.#hash
    const set = low & (this.#sets - 1)
    this.#acquire(set)
    const nowSec = Math.max(1, Math.floor(nowMs / 1000))
    this.#header[6] = nowSec
    let victim = -1
    let least = STAYS
    for (let entry = set * WAYS; entry < (set + 1) * WAYS; entry++) {
      if (this.#low[entry] === low && this.#high[entry] === high && this.#seenSec[entry] !== 0) {
        this.#seenSec[entry] = nowSec
        return entry
      }
      const rank = this.#rank(entry)
      if (rank > least || rank === STAYS) continue
      if (rank === least && this.#seenSec[entry] >= this.#seenSec[victim]) continue
      least = rank
      victim = entry
    }
    if (victim < 0) {
      this.#locks.release(set)
      return -1
    }
    this.#begin(victim, low, high, nowSec)
    return victim
  }

  /** As `lock`, for a prefix that is there already; -1 otherwise. */
  find(words: Uint32Array, tag: number): number {
    this.#hash.of(words, tag)
    const { low, high } = this.#hash
    const set = low & (this.#sets - 1)
    this.#acquire(set)
    for (let entry = set * WAYS; entry < (set + 1) * WAYS; entry++) {
      if (this.#low[entry] === low && this.#high[entry] === high && this.#seenSec[entry] !== 0) return entry
    }
    this.#locks.release(set)
    return -1
  }

  /** For an entry that has connections, and so stays where it is. */
  relock(entry: number): void {
    this.#acquire(Math.floor(entry / WAYS))
  }

  unlock(entry: number): void {
    this.#locks.release(Math.floor(entry / WAYS))
  }

  /** Over all workers. */
  total(entry: number, count: Count): number {
    return this.#totals[count * this.entries + entry]
  }

  /** Adds 1 or -1 in this worker's name. */
  count(entry: number, count: Count, by: 1 | -1): void {
    const own = this.#ownAt(this.#column, entry, count)
    assert(by > 0 ? this.#own[own] < 0xffff : this.#own[own] > 0, 'a worker gives back exactly what it took')
    this.#own[own] += by
    this.#totals[count * this.entries + entry] += by
  }

  /** A worker died: its connections are gone, and a set it held is mended. */
  takeBack(column: number): void {
    this.#locks.releaseFrom(column, (set) => this.#mend(set))
    for (let entry = 0; entry < this.entries; entry++) {
      if (!this.#hasCounts(column, entry)) continue
      this.relock(entry)
      for (const count of COUNTS) this.#own[this.#ownAt(column, entry, count)] = 0
      this.#sumUp(entry)
      this.unlock(entry)
    }
  }

  #isKept(nowMs: number): boolean {
    const [magic, entries, columns] = this.#header
    if (magic !== MAGIC || entries !== this.entries || columns !== this.#columns) return false
    return this.#header[6] <= nowMs / 1000
  }

  #acquire(set: number): void {
    if (this.#locks.acquire(set)) return
    this.#locks.seize(set)
    this.#mend(set)
  }

  /** What an entry is worth; a small number, since one that has a fraction or is large would be allocated. */
  #rank(entry: number): number {
    if (this.#seenSec[entry] === 0) return FREE
    if (this.total(entry, OPEN) + this.total(entry, REFUSED) > 0) return STAYS
    // Nobody gets credit without a secret, so no flood is worth as much; who failed once is many in one.
    if (this.credit[entry] > 0) return USED_WELL
    if (this.children[entry] > 0 || this.failed[entry] >= BAD) return BAD_FOR_LONG
    return this.failed[entry] > 0 ? FAILED : HARMLESS
  }

  #begin(entry: number, low: number, high: number, nowSec: number): void {
    this.#low[entry] = low
    this.#high[entry] = high
    this.#seenSec[entry] = nowSec
    this.arrivalMs[entry] = 0
    this.tried[entry] = this.failed[entry] = this.credit[entry] = this.children[entry] = this.failing[entry] = 0
    this.halvedAt[entry] = 0
  }

  /** Whoever held the set died in the middle of something: counts are what the columns say, all else is what it is. */
  #mend(set: number): void {
    for (let entry = set * WAYS; entry < (set + 1) * WAYS; entry++) this.#sumUp(entry)
  }

  #sumUp(entry: number): void {
    for (const count of COUNTS) {
      let sum = 0
      for (let column = 0; column < this.#columns; column++) sum += this.#own[this.#ownAt(column, entry, count)]
      this.#totals[count * this.entries + entry] = sum
    }
  }

  #hasCounts(column: number, entry: number): boolean {
    return this.#own[this.#ownAt(column, entry, OPEN)] + this.#own[this.#ownAt(column, entry, REFUSED)] > 0
  }

  #ownAt(column: number, entry: number, count: Count): number {
    return (column * COUNTS.length + count) * this.entries + entry
  }
}

function sizeOf(entries: number, columns: number): number {
  const perEntry = 8 + 4 * (3 + 5 + 1 + COUNTS.length) + 2 * columns * COUNTS.length
  return 4 * HEADER_WORDS + 4 * (entries / WAYS) + entries * perEntry
}
