import { assert } from '../../assert.ts'
import { read32le, write32le } from '../bytes.ts'
import {
  CLIENT_FRAME_MAX,
  DC_FRAME_MAX,
  QUICK_ACK_BIT,
  errorPayload,
  type FramingCodec,
  type PacketOptions,
} from './frame.ts'
import { PrefixReader, deliverPacket, type Head } from './reader.ts'

/**
 * Intermediate framing: length(4, LE) | payload. Bit 31 of the length asks for a quick ack; towards a client, where nobody
 * asks, it makes the four bytes a quick ack, little-endian.
 */
export const intermediate: FramingCodec = {
  reader({ side = 'dc', limitBytes = side === 'client' ? DC_FRAME_MAX : CLIENT_FRAME_MAX } = {}) {
    return new PrefixReader((head, length) => readHead(head, length, side === 'client', limitBytes), deliverPacket)
  },
  writePacket,
  writeQuickAck,
  writeError: (code) => writePacket(errorPayload(code)),
}

/** The four raw bytes that confirm a packet, in this framing and in the padded one. */
export function writeQuickAck(token: number): Uint8Array {
  const ack = new Uint8Array(4)
  write32le(ack, 0, token | QUICK_ACK_BIT)
  return ack
}

/** The head of a frame of `padding` behind `payload`; bytes of the padding are left zero. */
export function writeFrame(payload: Uint8Array, paddingBytes: number, quickAck: boolean): Uint8Array {
  assert(payload.length > 0 && payload.length % 4 === 0, 'messages are whole words')
  const length = payload.length + paddingBytes
  const frame = new Uint8Array(4 + length)
  write32le(frame, 0, quickAck ? length | QUICK_ACK_BIT : length)
  frame.set(payload, 4)
  return frame
}

function writePacket(payload: Uint8Array, { quickAck = false }: PacketOptions = {}): Uint8Array {
  return writeFrame(payload, 0, quickAck)
}

function readHead(head: Uint8Array, length: number, isClient: boolean, limitBytes: number): Head {
  if (length < 4) return { kind: 'more' }
  const word = read32le(head, 0)
  const isMarked = word >= QUICK_ACK_BIT
  if (isClient && isMarked) return { kind: 'quick-ack', token: word }
  const bytes = isMarked ? word - QUICK_ACK_BIT : word
  if (bytes === 0 || bytes % 4 !== 0 || bytes > limitBytes) return { kind: 'bad' }
  return { kind: 'packet', length: bytes, keep: bytes, quickAck: isMarked }
}
