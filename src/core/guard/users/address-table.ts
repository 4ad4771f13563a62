import { assert } from '../../assert.ts'
import { WordHash } from '../../memory/word-hash.ts'
import type { Random, SharedMemory, WorkerPlace } from '../../ports.ts'
import { USER_ROWS } from './rows.ts'

/** So many that a set overflows only where the whole table is nearly full. */
const WAYS = 64
const HEADER_WORDS = 16
const MAGIC = 0x50554131
const LAST_SEC_AT = 3
const KEY_AT = 4
/** Spreads the sets of one address over those of several users (2^32 divided by the golden ratio). */
const SPREAD = 0x9e3779b1

export interface AddressTableOptions {
  readonly memory: SharedMemory
  readonly random: Random
  /** A power of two, at least 64. */
  readonly entries: number
  readonly worker: WorkerPlace
  /** Monotonic. */
  readonly nowMs: number
}

/**
 * How many connections each user has from each address, in memory that all workers map. Everything is done under one lock, that of
 * places. An entry without connections is free, and keeps what it knows until another pair needs its place.
 */
export class AddressTable {
  /** Monotonic ms up to which the bandwidth of the pair is used up. */
  readonly paidMs: Float64Array
  readonly #entries: number
  readonly #worker: WorkerPlace
  readonly #hash: WordHash
  readonly #header: Int32Array
  readonly #low: Uint32Array
  readonly #high: Uint32Array
  readonly #rows: Int32Array
  /** Over all workers. */
  readonly #totals: Int32Array
  /** [column][entry]. */
  readonly #own: Int32Array
  /** [row]: entries with connections. */
  readonly #distinct: Int32Array

  constructor({ memory, random, entries, worker, nowMs }: AddressTableOptions) {
    assert(entries >= WAYS && (entries & (entries - 1)) === 0, 'sets are picked by a mask')
    this.#entries = entries
    this.#worker = worker
    const { bytes, origin } = memory.open('user-addresses', sizeOf(entries, worker.columns))
    let at = bytes.byteOffset
    const next = (words: number) => {
      const from = at
      at += 4 * words
      return { from, words }
    }
    const ints = ({ from, words }: { from: number; words: number }) => new Int32Array(bytes.buffer, from, words)
    this.#header = ints(next(HEADER_WORDS))
    this.paidMs = new Float64Array(bytes.buffer, next(2 * entries).from, entries)
    this.#low = new Uint32Array(bytes.buffer, next(entries).from, entries)
    this.#high = new Uint32Array(bytes.buffer, next(entries).from, entries)
    this.#rows = ints(next(entries))
    this.#totals = ints(next(entries))
    this.#own = ints(next(worker.columns * entries))
    this.#distinct = ints(next(USER_ROWS))
    const [magic, hadEntries, hadColumns] = this.#header
    const isOurs = magic === MAGIC && hadEntries === entries && hadColumns === worker.columns
    if (!isOurs || origin === 'stale') {
      if (origin !== 'new') bytes.fill(0)
      this.#header.set([MAGIC, entries, worker.columns, 0, ...new Int32Array(random.fill(new Uint8Array(8)).buffer)])
    } else if (this.#header[LAST_SEC_AT] > nowMs / 1000) this.paidMs.fill(0)
    this.#hash = new WordHash(this.#header[KEY_AT], this.#header[KEY_AT + 1])
  }

  /**
   * The entry of that user at that address, else a free one for it, which `count` makes its own; -1 when there is none. `words` and `tag`
   * are a prefix.
   */
  find(row: number, words: Uint32Array, tag: number, nowMs: number): number {
    this.#header[LAST_SEC_AT] = Math.floor(nowMs / 1000)
    this.#hash.of(words, tag)
    const { low, high } = this.#hash
    const set = (low ^ Math.imul(row + 1, SPREAD)) & (this.#entries / WAYS - 1)
    let free = -1
    for (let entry = set * WAYS; entry < (set + 1) * WAYS; entry++) {
      if (this.#low[entry] === low && this.#high[entry] === high && this.#rows[entry] === row) return entry
      if (this.#totals[entry] > 0) continue
      if (free < 0 || this.paidMs[entry] < this.paidMs[free]) free = entry
    }
    if (free < 0) return -1
    this.#low[free] = low
    this.#high[free] = high
    this.#rows[free] = row
    this.paidMs[free] = 0
    return free
  }

  total(entry: number): number {
    return this.#totals[entry]
  }

  /** Distinct addresses of that user with a connection, over all workers. */
  distinct(row: number): number {
    return this.#distinct[row]
  }

  /** Adds 1 or -1 in this worker's name. */
  count(entry: number, by: 1 | -1): void {
    this.#own[this.#worker.column * this.#entries + entry] += by
    this.#setTotal(entry, this.#totals[entry] + by)
  }

  /** Entries of which that worker counts connections. */
  *countedBy(column: number): Iterable<number> {
    const from = column * this.#entries
    for (let entry = 0; entry < this.#entries; entry++) if (this.#own[from + entry] !== 0) yield entry
  }

  /** What a worker counted is not open any more. */
  forget(column: number, entry: number): void {
    this.#own[column * this.#entries + entry] = 0
    this.sumUp(entry)
  }

  /** Makes the sum anew from what each worker counted. */
  sumUp(entry: number): void {
    let sum = 0
    for (let column = 0; column < this.#worker.columns; column++) sum += this.#own[column * this.#entries + entry]
    this.#setTotal(entry, sum)
  }

  /** Makes the number of distinct addresses anew from all entries. */
  recount(row: number): void {
    let count = 0
    for (let entry = 0; entry < this.#entries; entry++)
      if (this.#totals[entry] > 0 && this.#rows[entry] === row) count++
    this.#distinct[row] = count
  }

  rowOf(entry: number): number {
    return this.#rows[entry]
  }

  #setTotal(entry: number, total: number): void {
    const was = this.#totals[entry] > 0 ? 1 : 0
    this.#totals[entry] = total
    this.#distinct[this.#rows[entry]] += (total > 0 ? 1 : 0) - was
  }
}

function sizeOf(entries: number, columns: number): number {
  return 4 * (HEADER_WORDS + entries * (2 + 4 + columns) + USER_ROWS)
}
