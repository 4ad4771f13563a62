import { assert } from '../assert.ts'
import { LEASE_MAX_BYTES, type BufferPool, type Lease, type Owner } from '../memory/pool.ts'

/** Every byte a connection sent before we knew what it is: parsed in place, and in the end passed on to whoever gets it. */
export class Accumulator {
  readonly #pool: BufferPool
  readonly #owner: Owner | undefined
  #lease: Lease | undefined
  #length = 0

  constructor(pool: BufferPool, owner?: Owner) {
    this.#pool = pool
    this.#owner = owner
  }

  get length(): number {
    return this.#length
  }

  /** All bytes so far; valid until the next `add` or `release`. */
  get bytes(): Uint8Array {
    return this.#lease === undefined ? EMPTY : this.#lease.bytes.subarray(0, this.#length)
  }

  /** False when the pool is at its ceiling. The caller bounds the length: at most `LEASE_MAX_BYTES` in sum. */
  add(chunk: Uint8Array): boolean {
    const length = this.#length + chunk.length
    assert(length <= LEASE_MAX_BYTES, 'a stage stops reading long before the largest buffer is full')
    if (chunk.length === 0) return true
    if (this.#lease === undefined || this.#lease.bytes.length < length) {
      const larger = this.#pool.lease(length, this.#owner)
      if (larger === undefined) return false
      larger.bytes.set(this.bytes)
      this.#lease?.release()
      this.#lease = larger
    }
    this.#lease.bytes.set(chunk, this.#length)
    this.#length = length
    return true
  }

  /** Drops the first `count` bytes. */
  drop(count: number): void {
    assert(count <= this.#length, 'only what is there can be dropped')
    this.#lease?.bytes.copyWithin(0, count, this.#length)
    this.#length -= count
  }

  release(): void {
    this.#lease?.release()
    this.#lease = undefined
    this.#length = 0
  }
}

const EMPTY = new Uint8Array(0)
