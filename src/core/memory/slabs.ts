import { assert } from '../assert.ts'

/** Buffers start at multiples of this within their slab: no two share a line of the processor's cache. */
export const ALIGN_BYTES = 64
/**
 * A slab is about this large, so that small pieces share one; larger pieces have a slab each. Smaller slabs come free sooner,
 * larger ones would be held by one forgotten piece.
 */
const SLAB_BYTES = 256 << 10
const POISON = 0xdb

/** A part of a slab, made once and handed out many times. */
export interface Piece {
  readonly bytes: Uint8Array
  readonly slab: Slab
}

/** One piece of memory, cut into pieces of one size. */
export class Slab {
  readonly size: SizeClass
  readonly byteLength: number
  readonly free: Piece[] = []
  /** Pieces handed out now. */
  live = 0
  /** Of pieces handed out for the last time: with poison none is used twice. */
  spent = 0

  constructor(size: SizeClass) {
    const { pieceBytes, piecesPerSlab } = size
    this.size = size
    this.byteLength = pieceBytes * piecesPerSlab
    const buffer = new ArrayBuffer(this.byteLength)
    for (let at = this.byteLength - pieceBytes; at >= 0; at -= pieceBytes)
      this.free.push({ bytes: new Uint8Array(buffer, at, pieceBytes), slab: this })
  }
}

export interface SizeClassOptions {
  /** A multiple of `ALIGN_BYTES`. */
  readonly pieceBytes: number
  /** Slabs without a live piece that are kept, in bytes; one is always kept. */
  readonly keepBytes: number
  /** Fill what is handed out and what comes back with a pattern, and never hand it out again. */
  readonly poison: boolean
}

/** All slabs of one size of piece. */
export class SizeClass {
  readonly pieceBytes: number
  readonly piecesPerSlab: number
  readonly #options: SizeClassOptions
  /** Slabs with a free piece; the last one is used first, so that the others come free. */
  readonly #open: Slab[] = []
  #heldBytes = 0
  #idleBytes = 0

  constructor(options: SizeClassOptions) {
    const { pieceBytes } = options
    assert(pieceBytes > 0 && pieceBytes % ALIGN_BYTES === 0, 'pieces start at multiples of a cache line')
    this.#options = options
    this.pieceBytes = pieceBytes
    this.piecesPerSlab = Math.max(1, Math.floor(SLAB_BYTES / pieceBytes))
  }

  /** Bytes of all slabs, used or not. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  take(): Piece {
    const slab = this.#open.at(-1) ?? this.#grow()
    const piece = slab.free.pop()
    assert(piece !== undefined, 'an open slab has a free piece')
    if (slab.free.length === 0) this.#open.pop()
    if (slab.live++ === 0) this.#idleBytes -= slab.byteLength
    // New memory is zero and used memory is not: whoever relies on zeros shall be found out.
    if (this.#options.poison) piece.bytes.fill(POISON)
    return piece
  }

  giveBack(piece: Piece): void {
    const { slab, bytes } = piece
    slab.live--
    if (this.#options.poison) {
      bytes.fill(POISON)
      slab.spent++
      if (slab.live === 0) this.#idleBytes += slab.byteLength
      if (slab.spent === this.piecesPerSlab) this.#drop(slab)
      return
    }
    if (slab.free.push(piece) === 1) this.#open.push(slab)
    if (slab.live > 0) return
    this.#idleBytes += slab.byteLength
    if (this.#idleBytes <= Math.max(this.#options.keepBytes, slab.byteLength)) return
    this.#open.splice(this.#open.indexOf(slab), 1)
    this.#drop(slab)
  }

  #grow(): Slab {
    const slab = new Slab(this)
    this.#heldBytes += slab.byteLength
    this.#idleBytes += slab.byteLength
    this.#open.push(slab)
    return slab
  }

  #drop(slab: Slab): void {
    this.#heldBytes -= slab.byteLength
    this.#idleBytes -= slab.byteLength
  }
}
