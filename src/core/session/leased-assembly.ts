import type { Assembly } from '../protocol/assembly.ts'
import { LEASE_MAX_BYTES, type BufferPool, type Lease, type Owner } from '../memory/pool.ts'
import { ALIGN_BYTES } from '../memory/slabs.ts'

const EMPTY = new Uint8Array(0)
/** Grows with what has come, not with what was announced; up to here it trusts the announcement, to copy nothing twice. */
const TRUSTED_BYTES = 256 << 10

/**
 * In one leased buffer. At the ceiling of the pool others make room for an owner that could give way itself, or there is no memory;
 * any other owner gets memory of the runtime's, and so does what is longer than `LEASE_MAX_BYTES`.
 */
export class LeasedAssembly implements Assembly {
  readonly #pool: BufferPool
  readonly #owner: Owner
  #lease: Lease | undefined
  #held: Uint8Array = EMPTY
  #length = 0
  #isClosed = false

  constructor(pool: BufferPool, owner: Owner) {
    this.#pool = pool
    this.#owner = owner
  }

  get length(): number {
    return this.#length
  }

  get held(): Uint8Array {
    return this.#held
  }

  get bytes(): Uint8Array {
    return this.#held.subarray(0, this.#length)
  }

  extend(count: number, expected = 0): number {
    const from = this.#length
    const length = from + count
    if (length > this.#held.length) {
      if (!this.#grow(Math.max(length, Math.min(2 * from, LEASE_MAX_BYTES), Math.min(expected, TRUSTED_BYTES))))
        return -1
    }
    this.#length = length
    return from
  }

  release(): void {
    this.#lease?.release()
    this.#lease = undefined
    this.#held = EMPTY
    this.#length = 0
  }

  close(): void {
    this.#isClosed = true
    this.release()
  }

  #grow(length: number): boolean {
    const larger = this.#leaseFor(length)
    if (this.#isClosed || (larger === undefined && this.#canGiveWay)) {
      // Those who made room may have taken this one with them.
      larger?.release()
      return false
    }
    const bytes = larger?.bytes ?? new Uint8Array(Math.ceil(length / ALIGN_BYTES) * ALIGN_BYTES)
    if (this.#length > 0) bytes.set(this.bytes)
    this.#lease?.release()
    this.#lease = larger
    this.#held = bytes
    return true
  }

  #leaseFor(length: number): Lease | undefined {
    if (length > LEASE_MAX_BYTES) return undefined
    return this.#canGiveWay ? this.#pool.leaseFirst(length, this.#owner) : this.#pool.lease(length, this.#owner)
  }

  get #canGiveWay(): boolean {
    return this.#owner.giveWay !== undefined
  }
}
