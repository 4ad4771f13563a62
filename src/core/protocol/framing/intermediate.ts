import { assert } from '../../assert.ts'
import { read32le, write32le } from '../bytes.ts'
import {
  CLIENT_FRAME_MAX,
  DC_FRAME_MAX,
  QUICK_ACK_BIT,
  errorPayload,
  intoNew,
  type FramingCodec,
  type Into,
  type PacketOptions,
} from './frame.ts'
import { PrefixReader, deliverPacket, type Head } from './reader.ts'

/**
 * Intermediate framing: length(4, LE) | payload. Bit 31 of the length asks for a quick ack; towards a client, where nobody
 * asks, it makes the four bytes a quick ack, little-endian.
 */
export const intermediate: FramingCodec = {
  reader({ side = 'dc', limitBytes = side === 'client' ? DC_FRAME_MAX : CLIENT_FRAME_MAX, assembly } = {}) {
    return new PrefixReader(
      (head, length) => readHead(head, length, side === 'client', limitBytes),
      deliverPacket,
      assembly,
    )
  },
  writePacket,
  writeQuickAck,
  writeError: (code, into = intoNew) => writePacket(errorPayload(code), { into }),
}

/** The four raw bytes that confirm a packet, in this framing and in the padded one. */
export function writeQuickAck(token: number, into: Into = intoNew): Uint8Array {
  const ack = into(4)
  write32le(ack, 0, token | QUICK_ACK_BIT)
  return ack
}

/** A frame with room for padding behind the payload, which is left as it is. */
export function writeFrame(
  payload: Uint8Array,
  { paddingBytes = 0, quickAck = false, into = intoNew }: { paddingBytes?: number; quickAck?: boolean; into?: Into },
): Uint8Array {
  assert(payload.length > 0 && payload.length % 4 === 0, 'messages are whole words')
  const length = payload.length + paddingBytes
  const frame = into(4 + length)
  write32le(frame, 0, quickAck ? length | QUICK_ACK_BIT : length)
  frame.set(payload, 4)
  return frame
}

function writePacket(payload: Uint8Array, { quickAck, into }: PacketOptions = {}): Uint8Array {
  return writeFrame(payload, { quickAck, into })
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
