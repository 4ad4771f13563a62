import { assert } from '../assert.ts'

/**
 * Buffers for bytes that have to wait: size classes of powers of two, kept for the next one. The sum of what is leased
 * stays under a ceiling; at the ceiling `lease` answers undefined and the caller applies backpressure.
 */
const CLASS_MIN_BITS = 11 // 2 KiB
const CLASS_MAX_BITS = 20 // 1 MiB
export const LEASE_MAX_BYTES = 1 << CLASS_MAX_BITS
/** Idle buffers kept per class, in bytes: what a burst leaves behind is given back to the runtime beyond this. */
const KEEP_BYTES = 4 << 20
const POISON = 0xdb

export interface PoolOptions {
  readonly ceilingBytes: number
  /** Fill what is released with a pattern and keep it out of use, so that a use after release shows. Tests only. */
  readonly poison?: boolean
}

/** A buffer and the duty to give it back, once. `bytes` is at least as long as asked, its content undefined. */
export class Lease {
  readonly bytes: Uint8Array
  #pool: BufferPool | undefined

  constructor(pool: BufferPool, bytes: Uint8Array) {
    this.#pool = pool
    this.bytes = bytes
  }

  release(): void {
    assert(this.#pool !== undefined, 'a lease is released exactly once')
    this.#pool.takeBack(this.bytes)
    this.#pool = undefined
  }
}

export class BufferPool {
  ceilingBytes: number
  readonly #poison: boolean
  readonly #free: Uint8Array[][] = []
  #inUseBytes = 0
  #highWaterBytes = 0
  #leases = 0

  constructor(options: PoolOptions) {
    this.ceilingBytes = options.ceilingBytes
    this.#poison = options.poison ?? false
    for (let bits = CLASS_MIN_BITS; bits <= CLASS_MAX_BITS; bits++) this.#free.push([])
  }

  /** Bytes leased now, by size class; 0 when all came back. */
  get inUseBytes(): number {
    return this.#inUseBytes
  }
  get highWaterBytes(): number {
    return this.#highWaterBytes
  }
  get leases(): number {
    return this.#leases
  }

  /** A buffer of at least `minBytes` (1..LEASE_MAX_BYTES), or undefined at the ceiling. */
  lease(minBytes: number): Lease | undefined {
    assert(minBytes > 0 && minBytes <= LEASE_MAX_BYTES, 'what waits in one piece is bounded by the largest class')
    const bits = Math.max(CLASS_MIN_BITS, 32 - Math.clz32(minBytes - 1))
    const size = 1 << bits
    if (this.#inUseBytes + size > this.ceilingBytes) return undefined
    this.#inUseBytes += size
    this.#leases++
    this.#highWaterBytes = Math.max(this.#highWaterBytes, this.#inUseBytes)
    return new Lease(this, this.#free[bits - CLASS_MIN_BITS].pop() ?? new Uint8Array(size))
  }

  /** For `Lease` alone. */
  takeBack(bytes: Uint8Array): void {
    this.#inUseBytes -= bytes.length
    this.#leases--
    if (this.#poison) {
      bytes.fill(POISON)
      return
    }
    const free = this.#free[31 - Math.clz32(bytes.length) - CLASS_MIN_BITS]
    if (free.length * bytes.length < KEEP_BYTES) free.push(bytes)
  }
}
