import { read32le, write32le } from '../../src/core/protocol/bytes.ts'

/**
 * What simulated clients and DCs say to each other when only the bytes matter: parts whose content both sides can compute,
 * so that whoever receives one knows every byte it must have.
 *
 *   magic(4) | talk(4) | sequence(4) | length(4) | answer's length(4) | dc(2, signed) | flags(2) | content
 */
export interface Part {
  /** Whose it is; 0..2^32-1. */
  readonly talk: number
  readonly sequence: number
  /** Of the whole part, a multiple of 4 from `PART_MIN`. */
  readonly bytes: number
  /** Of the part to send back. */
  readonly answerBytes: number
  /** As the client wrote it in its init. */
  readonly dc: number
  /** The DC ends its direction behind the answer. */
  readonly endsDc: boolean
}

export type Direction = 'to-dc' | 'to-client'

/** As the official proxy has it: what is shorter is not passed on to middle proxies. */
export const PART_MIN = 28
const CONTENT_AT = 24
const MAGIC = { 'to-dc': 0x70616c31, 'to-client': 0x70616c32 } as const
const ENDS_DC = 1

export function writePart(part: Part, direction: Direction): Uint8Array {
  const out = new Uint8Array(part.bytes)
  write32le(out, 0, MAGIC[direction])
  write32le(out, 4, part.talk)
  write32le(out, 8, part.sequence)
  write32le(out, 12, part.bytes)
  write32le(out, 16, part.answerBytes)
  write32le(out, 20, (part.dc & 0xffff) | (part.endsDc ? ENDS_DC << 16 : 0))
  fillContent(out, part, direction)
  return out
}

/** The part in a packet, padding behind it allowed; or what is wrong with it. */
export function readPart(payload: Uint8Array, direction: Direction): Part | string {
  if (payload.length < PART_MIN) return `a packet of ${payload.length} bytes`
  if (read32le(payload, 0) !== MAGIC[direction]) return 'a packet that nobody wrote'
  const last = read32le(payload, 20)
  const part: Part = {
    talk: read32le(payload, 4),
    sequence: read32le(payload, 8),
    bytes: read32le(payload, 12),
    answerBytes: read32le(payload, 16),
    dc: (last << 16) >> 16,
    endsDc: ((last >>> 16) & ENDS_DC) !== 0,
  }
  const spare = payload.length - part.bytes
  if (spare < 0 || spare >= 16 || spare % 4 !== 0) return 'a packet of another length'
  const wanted = new Uint8Array(part.bytes)
  fillContent(wanted, part, direction)
  for (let at = CONTENT_AT; at < wanted.length; at++) {
    if (payload[at] !== wanted[at]) return `another byte at ${at} of part ${part.sequence}`
  }
  return part
}

/** The part that answers `part`. */
export function answerTo(part: Part): Part {
  return { ...part, bytes: part.answerBytes, answerBytes: 0 }
}

/** The quick-ack token of a part: bit 31 is added by the framing. */
export function quickAckOf(part: Part): number {
  return (Math.imul(part.talk, 31) + part.sequence) & 0x7fffffff
}

/** A stream of its own for every part and direction (xorshift32), so that no two pieces can be taken for each other. */
function fillContent(out: Uint8Array, part: Part, direction: Direction): void {
  let state = Math.imul(part.talk + 1, 0x9e3779b1) ^ Math.imul(part.sequence + 1, 0x85ebca6b) ^ MAGIC[direction]
  if (state === 0) state = 1
  for (let at = CONTENT_AT; at < out.length; at++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    out[at] = state
  }
}
