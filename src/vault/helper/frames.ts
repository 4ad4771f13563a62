import { read32le, write32le } from '../../core/protocol/bytes.ts'

/** Longest frame behind its length. The largest question is one of a ClientHello of 16 KiB with its candidates. */
export const FRAME_BYTES_MAX = 65_536
/** Before each frame: its length, little-endian. */
export const LENGTH_BYTES = 4
/** What every frame begins with: its kind, and a number of 4 bytes. */
export const HEAD = 5

/** A frame with its length, its kind and its number, and room for `more` bytes. */
export function startFrame(kind: number, number: number, more: number): Uint8Array {
  const frame = new Uint8Array(LENGTH_BYTES + HEAD + more)
  write32le(frame, 0, HEAD + more)
  frame[LENGTH_BYTES] = kind
  write32le(frame, LENGTH_BYTES + 1, number)
  return frame
}

/** Cuts a stream of bytes into frames, the same ones for every split of it. Holds at most one frame. */
export class FrameReader {
  /** A frame that came in pieces; made when the first one does. */
  #pieces: Uint8Array | undefined
  #held = 0

  /**
   * Hands each frame that ends in `chunk` to `take`, without its length; it is the taker's until that returns. False: a length is out of
   * bounds or `take` said false, and nothing that follows means anything.
   */
  push(chunk: Uint8Array, take: (frame: Uint8Array) => boolean): boolean {
    let at = 0
    while (at < chunk.length) {
      if (this.#held === 0 && chunk.length - at >= LENGTH_BYTES) {
        const length = read32le(chunk, at)
        if (!isLength(length)) return false
        const end = at + LENGTH_BYTES + length
        if (end <= chunk.length) {
          if (!take(chunk.subarray(at + LENGTH_BYTES, end))) return false
          at = end
          continue
        }
      }
      const taken = this.#hold(chunk, at)
      if (taken === undefined || !this.#takeHeld(take)) return false
      at += taken
    }
    return true
  }

  /** As many bytes as the length, or the frame, still lacks; how many that were. */
  #hold(chunk: Uint8Array, at: number): number | undefined {
    this.#pieces ??= new Uint8Array(LENGTH_BYTES + FRAME_BYTES_MAX)
    const wanted = this.#wanted(this.#pieces)
    if (wanted === undefined) return undefined
    const part = chunk.subarray(at, at + wanted - this.#held)
    this.#pieces.set(part, this.#held)
    this.#held += part.length
    return part.length
  }

  #takeHeld(take: (frame: Uint8Array) => boolean): boolean {
    const pieces = this.#pieces
    if (pieces === undefined || this.#held < LENGTH_BYTES) return true
    const wanted = this.#wanted(pieces)
    if (wanted === undefined) return false
    if (this.#held < wanted) return true
    this.#held = 0
    return take(pieces.subarray(LENGTH_BYTES, wanted))
  }

  #wanted(pieces: Uint8Array): number | undefined {
    if (this.#held < LENGTH_BYTES) return LENGTH_BYTES
    const length = read32le(pieces, 0)
    return isLength(length) ? LENGTH_BYTES + length : undefined
  }
}

function isLength(length: number): boolean {
  return length > 0 && length <= FRAME_BYTES_MAX
}
