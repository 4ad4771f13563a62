import { crc32 } from 'node:zlib'
import { read32le, write32le } from '../bytes.ts'

/**
 * What travels between a proxy and a middle proxy (protocol.md, 5.2):
 *
 *   length(4, of all of it) | sequence(4, signed) | payload, whole words | crc32(4, of all before)
 *
 * A word 4 in place of a length fills up a block and means nothing.
 */
export const HEAD_BYTES = 4
export const FILLER = 4
const PAYLOAD_AT = 8
const CHECKSUM_LENGTH = 4
/** Bytes of a frame beside its payload. */
export const FRAME_OVERHEAD = PAYLOAD_AT + CHECKSUM_LENGTH
/** A payload has at least the word that names it. */
export const FRAME_MIN = FRAME_OVERHEAD + 4
/** The official limit. */
export const FRAME_MAX = 1 << 24
/** Nonces and handshakes have 44 bytes; who is not known yet gets no room for more than a little beyond. */
export const HANDSHAKE_FRAME_MAX = 256

/** The nonce is frame -2, the handshake -1, then come data; each direction counts on its own. */
export const FIRST_SEQUENCE = -2

export type FrameFault = 'bad-length' | 'bad-checksum' | 'bad-sequence' | 'no-memory'

/** What a length may be for the frame that is due. */
export function isLength(length: number, sequence: number, limitBytes: number): boolean {
  const most = sequence < 0 ? Math.min(limitBytes, HANDSHAKE_FRAME_MAX) : limitBytes
  return length % 4 === 0 && length >= FRAME_MIN && length <= most
}

/** The payload of a frame, as a view; `head` is its length, `rest` all behind that. */
export function readFrame(head: Uint8Array, rest: Uint8Array, sequence: number): Uint8Array | FrameFault {
  const end = rest.length - CHECKSUM_LENGTH
  const checksum = crc32(rest.subarray(0, end), crc32(head))
  if (checksum !== read32le(rest, end)) return 'bad-checksum'
  if ((read32le(rest, 0) | 0) !== sequence) return 'bad-sequence'
  return rest.subarray(PAYLOAD_AT - HEAD_BYTES, end)
}

/** Writes everything around a payload that `fill` puts in its place; returns where the frame ends. */
export function writeFrame(
  out: Uint8Array,
  at: number,
  frame: { readonly sequence: number; readonly payloadLength: number },
  fill: (payload: Uint8Array) => void,
): number {
  const end = at + frame.payloadLength + FRAME_OVERHEAD
  write32le(out, at, end - at)
  write32le(out, at + HEAD_BYTES, frame.sequence)
  fill(out.subarray(at + PAYLOAD_AT, end - CHECKSUM_LENGTH))
  write32le(out, end - CHECKSUM_LENGTH, crc32(out.subarray(at, end - CHECKSUM_LENGTH)))
  return end
}
