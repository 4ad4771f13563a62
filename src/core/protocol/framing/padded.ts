import { read32le } from '../bytes.ts'
import {
  CLIENT_FRAME_MAX,
  DC_FRAME_MAX,
  QUICK_ACK_BIT,
  errorPayload,
  readShort,
  type FramingCodec,
  type PacketOptions,
} from './frame.ts'
import { writeFrame, writeQuickAck } from './intermediate.ts'
import { PrefixReader, deliverPacket, type Deliver, type Head } from './reader.ts'

/**
 * Padded intermediate framing: length(4, LE) | payload | random padding, both counted by the length; bit 31 as in the
 * intermediate framing. What a reader gives is cut to whole words, so 0, 4, 8 or 12 bytes of a client's padding stay: the
 * message inside says where it ends. Whole words of padding towards a client break some clients, hence 0..3 there.
 */
const PADDING_LIMIT = { client: 16, dc: 4 } as const

export const padded: FramingCodec = {
  reader({ side = 'dc', limitBytes = side === 'client' ? DC_FRAME_MAX : CLIENT_FRAME_MAX, assembly } = {}) {
    const isClient = side === 'client'
    return new PrefixReader(
      (head, length) => readHead(head, length, isClient, limitBytes),
      isClient ? deliverToClient : deliverPacket,
      assembly,
    )
  },
  writePacket(payload, { side = 'dc', quickAck, random, into }: PacketOptions = {}) {
    const paddingBytes = random === undefined ? 0 : random.below(PADDING_LIMIT[side])
    const frame = writeFrame(payload, { paddingBytes, quickAck, into })
    if (paddingBytes > 0) random?.fill(frame.subarray(frame.length - paddingBytes))
    return frame
  },
  writeQuickAck,
  writeError: (code, into) => writeFrame(errorPayload(code), { into }),
}

/** The official proxy may also confirm by a short frame, and send frames that mean nothing. */
const deliverToClient: Deliver = (payload, quickAck, sink) => {
  const short = readShort(payload)
  if (short?.kind === 'quick-ack') sink({ kind: 'quick-ack', token: short.token })
  else if (short?.kind !== 'no-op') deliverPacket(payload, quickAck, sink)
}

function readHead(head: Uint8Array, length: number, isClient: boolean, limitBytes: number): Head {
  if (length < 4) return { kind: 'more' }
  const word = read32le(head, 0)
  const isMarked = word >= QUICK_ACK_BIT
  if (isClient && isMarked) return { kind: 'quick-ack', token: word }
  const bytes = isMarked ? word - QUICK_ACK_BIT : word
  if (bytes < 4 || bytes > limitBytes) return { kind: 'bad' }
  return { kind: 'packet', length: bytes, keep: bytes - (bytes % 4), quickAck: isMarked }
}
