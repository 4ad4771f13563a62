import { assert } from '../assert.ts'
import type { Random } from '../ports.ts'
import { KeyedHash } from './hash.ts'

const WAYS = 8

export interface TableOptions {
  readonly random: Random
  /** Entries in all, a power of two of at least 8: the memory is fixed by this. */
  readonly entries: number
  /** Signed 32-bit values kept per entry. */
  readonly columns: number
}

/**
 * A table of fixed size for things strangers can make any number of: 8-way set-associative, in typed arrays. A new key
 * takes the place of the least recently touched one of its set. Keys are kept as 64-bit keyed hashes, not as themselves.
 */
export class BoundedTable {
  readonly #hash: KeyedHash
  readonly #sets: number
  readonly #columns: number
  readonly #low: Uint32Array
  readonly #high: Uint32Array
  /** 0: free. Otherwise the moment of the last touch, counted in touches. */
  readonly #touched: Uint32Array
  readonly #values: Int32Array
  #touches = 0
  #size = 0

  constructor({ random, entries, columns }: TableOptions) {
    assert(entries >= WAYS && (entries & (entries - 1)) === 0, 'sets are picked by a mask')
    this.#hash = new KeyedHash(random)
    this.#sets = entries / WAYS
    this.#columns = columns
    this.#low = new Uint32Array(entries)
    this.#high = new Uint32Array(entries)
    this.#touched = new Uint32Array(entries)
    this.#values = new Int32Array(entries * columns)
  }

  get size(): number {
    return this.#size
  }

  /** The entry of the key, or -1; counts as a touch. */
  find(key: Uint8Array): number {
    this.#hash.of(key)
    const { low, high } = this.#hash
    const from = (low & (this.#sets - 1)) * WAYS
    for (let entry = from; entry < from + WAYS; entry++) {
      if (this.#low[entry] === low && this.#high[entry] === high && this.#touched[entry] !== 0) {
        this.#touch(entry)
        return entry
      }
    }
    return -1
  }

  /** The entry of the key; a new one has zeros in all columns. */
  findOrAdd(key: Uint8Array): number {
    const known = this.find(key)
    if (known >= 0) return known
    const { low, high } = this.#hash
    const from = (low & (this.#sets - 1)) * WAYS
    let entry = from
    for (let other = from + 1; other < from + WAYS; other++) {
      if (this.#touched[other] < this.#touched[entry]) entry = other
    }
    if (this.#touched[entry] === 0) this.#size++
    this.#low[entry] = low
    this.#high[entry] = high
    this.#values.fill(0, entry * this.#columns, (entry + 1) * this.#columns)
    this.#touch(entry)
    return entry
  }

  get(entry: number, column: number): number {
    return this.#values[entry * this.#columns + column]
  }

  set(entry: number, column: number, value: number): void {
    this.#values[entry * this.#columns + column] = value
  }

  #touch(entry: number): void {
    if (this.#touches === 0xffffffff) this.#rebase()
    this.#touched[entry] = ++this.#touches
  }

  /** Once in 2^32 touches all ages are forgotten; the order within a set starts anew. */
  #rebase(): void {
    for (let entry = 0; entry < this.#touched.length; entry++) if (this.#touched[entry] !== 0) this.#touched[entry] = 1
    this.#touches = 1
  }
}
