import { assert } from '../assert.ts'
import { Backlog } from './backlog.ts'
import { SizeClass, type Piece } from './slabs.ts'
import type { TimerWheel } from './wheel.ts'

/**
 * Buffers for bytes that have to wait, cut from slabs. The sum of what is leased stays under a ceiling: near it sources are
 * paused (`isTight`), at it `lease` answers undefined, and what still has to be kept is kept at the cost of whoever waits longest.
 */

/**
 * 2 KiB, 3, 4, 6, 8, 12 and so on to 1 MiB: of lengths of all sizes a sixth is wasted, with powers of two alone it would be
 * a third.
 */
const CLASS_MIN_BITS = 11
const CLASS_MAX_BITS = 20
export const LEASE_MAX_BYTES = 1 << CLASS_MAX_BITS
/** Idle slabs kept per class: what a burst leaves behind is given back to the runtime beyond this. */
const KEEP_BYTES = 1 << 20
/** Kept free for reads under way, a quarter of the pool or this, if that is no more than half: four of the largest reads. */
const SLACK_BYTES = 2 << 20
/** The largest read of a runtime (Bun's). */
const TURN_BYTES = 512 << 10

export interface PoolOptions {
  readonly ceilingBytes: number
  /** What one read may add, in bytes; for the turns of those that wait. The largest read of all runtimes unless said. */
  readonly turnBytes?: number
  /** For those that wait while nothing is released; without it they wait for the next release. */
  readonly wheel?: TimerWheel
  /**
   * Fill what is released with a pattern and keep it out of use, so that a use after release shows, and remember who leased
   * what. Tests and the simulator.
   */
  readonly debug?: boolean
}

/** Who holds leases. */
export interface Owner {
  /** For whoever looks for a leak; read when debugging alone. */
  readonly label: string
  /** Nobody we know: gives way before clients do. */
  readonly isStranger?: boolean
  /** Everything it holds is needed more elsewhere: ends in favour of others, at once. Without it an owner is left alone. */
  giveWay?(): void
}

/**
 * A buffer and the duty to give it back, once. `bytes` is at least as long as asked, its content undefined. The lease is new
 * each time so that a second release always shows; the view of the memory, which costs ten times as much, is made once.
 */
export class Lease {
  readonly bytes: Uint8Array
  readonly #piece: Piece
  #pool: BufferPool | undefined

  constructor(pool: BufferPool, piece: Piece) {
    this.#pool = pool
    this.#piece = piece
    this.bytes = piece.bytes
  }

  release(): void {
    const pool = this.#pool
    assert(pool !== undefined, 'a lease is released exactly once')
    this.#pool = undefined
    pool.takeBack(this, this.#piece)
  }
}

export class BufferPool {
  readonly ceilingBytes: number
  /** Those that wait: whose bytes are kept, and whose source is not read. */
  readonly backlog: Backlog
  readonly #tightBytes: number
  readonly #classes: readonly SizeClass[]
  readonly #owners: Map<Lease, string> | undefined
  #inUseBytes = 0
  #highWaterBytes = 0
  #leases = 0

  constructor({ ceilingBytes, turnBytes = TURN_BYTES, wheel, debug = false }: PoolOptions) {
    this.ceilingBytes = ceilingBytes
    this.#tightBytes = ceilingBytes - Math.max(ceilingBytes / 4, Math.min(ceilingBytes / 2, SLACK_BYTES))
    this.#owners = debug ? new Map() : undefined
    const classes: SizeClass[] = []
    for (let index = 0; index <= 2 * (CLASS_MAX_BITS - CLASS_MIN_BITS); index++)
      classes.push(new SizeClass({ pieceBytes: pieceBytesOf(index), keepBytes: KEEP_BYTES, poison: debug }))
    this.#classes = classes
    this.backlog = new Backlog(this, turnBytes, wheel)
  }

  /** Bytes leased now, by size class; 0 when all came back. */
  get inUseBytes(): number {
    return this.#inUseBytes
  }
  /** The most that was leased at a time. */
  get highWaterBytes(): number {
    return this.#highWaterBytes
  }
  get leases(): number {
    return this.#leases
  }
  /** Bytes of all slabs, leased or idle. */
  get heldBytes(): number {
    let bytes = 0
    for (const each of this.#classes) bytes += each.heldBytes
    return bytes
  }
  /** Only reads under way should be kept now: a source whose bytes had to wait is not read on. */
  get isTight(): boolean {
    return this.#inUseBytes > this.#tightBytes
  }
  /** 0: nothing leased; 1: at the ceiling. */
  get pressure(): number {
    return this.ceilingBytes === 0 ? 1 : this.#inUseBytes / this.ceilingBytes
  }

  /** Who holds how many leases, for a message; empty unless debugging. */
  owners(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>()
    for (const label of this.#owners?.values() ?? []) counts.set(label, (counts.get(label) ?? 0) + 1)
    return counts
  }

  /** A buffer of at least `minBytes` (1..LEASE_MAX_BYTES), or undefined at the ceiling. */
  lease(minBytes: number, owner?: Owner): Lease | undefined {
    assert(minBytes > 0 && minBytes <= LEASE_MAX_BYTES, 'what waits in one piece is bounded by the largest class')
    const size = this.#classes[classIndexOf(minBytes)]
    if (this.#inUseBytes + size.pieceBytes > this.ceilingBytes) return undefined
    this.#inUseBytes += size.pieceBytes
    this.#leases++
    this.#highWaterBytes = Math.max(this.#highWaterBytes, this.#inUseBytes)
    const lease = new Lease(this, size.take())
    this.#owners?.set(lease, owner?.label ?? 'nobody')
    return lease
  }

  /**
   * As `lease`, and at the ceiling others end to make room, whoever has waited longest first. Undefined when that is `owner`
   * itself or nobody can.
   */
  leaseFirst(minBytes: number, owner?: Owner): Lease | undefined {
    for (;;) {
      const lease = this.lease(minBytes, owner)
      if (lease !== undefined || !this.backlog.makeRoom(owner)) return lease
    }
  }

  /** For `Lease` alone. */
  takeBack(lease: Lease, piece: Piece): void {
    this.#inUseBytes -= piece.bytes.length
    this.#leases--
    this.#owners?.delete(lease)
    piece.slab.size.giveBack(piece)
    this.backlog.released()
  }
}

/** Powers of two at even indices, what lies half way to the next one at odd ones. */
function pieceBytesOf(index: number): number {
  const power = 1 << (CLASS_MIN_BITS + (index >> 1))
  return index % 2 === 0 ? power : power + power / 2
}

function classIndexOf(minBytes: number): number {
  const bits = 32 - Math.clz32(minBytes - 1)
  if (bits <= CLASS_MIN_BITS) return 0
  const isHalfEnough = minBytes <= 3 << (bits - 2)
  return 2 * (bits - CLASS_MIN_BITS) - (isHalfEnough ? 1 : 0)
}
