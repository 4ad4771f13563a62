import { assert } from '../../assert.ts'
import { read32le } from '../bytes.ts'
import {
  CLIENT_FRAME_MAX,
  DC_FRAME_MAX,
  QUICK_ACK_BIT,
  errorPayload,
  intoNew,
  type FramingCodec,
  type PacketOptions,
} from './frame.ts'
import { PrefixReader, deliverPacket, type Head } from './reader.ts'

/**
 * Abridged framing: words(1) | payload, or 7f | words(3, LE) | payload from 127 words (of 4 bytes) on. Bit 7 of the first
 * byte asks for a quick ack; towards a client, where nobody asks, it makes the four bytes a quick ack, big-endian.
 */
const LONG_FROM = 0x7f
const ASK_BIT = 0x80
const WORDS_LIMIT = 1 << 24

export const abridged: FramingCodec = {
  reader({ side = 'dc', limitBytes = side === 'client' ? DC_FRAME_MAX : CLIENT_FRAME_MAX, assembly } = {}) {
    return new PrefixReader(
      (head, length) => readHead(head, length, side === 'client', limitBytes),
      deliverPacket,
      assembly,
    )
  },
  writePacket,
  writeQuickAck(token, into = intoNew) {
    const ack = into(4)
    const word = token | QUICK_ACK_BIT
    for (let i = 0; i < 4; i++) ack[i] = word >>> (24 - 8 * i)
    return ack
  },
  writeError: (code, into = intoNew) => writePacket(errorPayload(code), { into }),
}

function readHead(head: Uint8Array, length: number, isClient: boolean, limitBytes: number): Head {
  const isMarked = (head[0] & ASK_BIT) !== 0
  const short = head[0] & LONG_FROM
  if (isClient && isMarked) {
    if (length < 4) return { kind: 'more' }
    return { kind: 'quick-ack', token: new DataView(head.buffer).getUint32(0) }
  }
  if (short === LONG_FROM && length < 4) return { kind: 'more' }
  const words = short === LONG_FROM ? read32le(head, 0) >>> 8 : short
  const bytes = words * 4
  // The official server refuses a long form that was not needed, and empty packets.
  if (words === 0 || (short === LONG_FROM && words < LONG_FROM) || bytes > limitBytes) return { kind: 'bad' }
  return { kind: 'packet', length: bytes, keep: bytes, quickAck: isMarked }
}

function writePacket(payload: Uint8Array, { quickAck = false, into = intoNew }: PacketOptions = {}): Uint8Array {
  const words = payload.length / 4
  assert(Number.isInteger(words) && words > 0 && words < WORDS_LIMIT, 'abridged frames count words, in 24 bits')
  const headLength = words < LONG_FROM ? 1 : 4
  const frame = into(headLength + payload.length)
  frame[0] = (quickAck ? ASK_BIT : 0) | Math.min(words, LONG_FROM)
  if (headLength === 4) {
    frame[1] = words
    frame[2] = words >> 8
    frame[3] = words >> 16
  }
  frame.set(payload, headLength)
  return frame
}
