import { concat, read32le } from '../../../src/core/protocol/bytes.ts'
import { FRAMINGS, readShort, type Frame, type FrameReader } from '../../../src/core/protocol/framing/index.ts'
import type { Framing } from '../../../src/core/protocol/obfuscated2.ts'
import { pieces } from '../cuts.ts'
import { must, type Target } from '../target.ts'
import { bytesIn, vectors } from './vectors.ts'

const NAMES: readonly Framing[] = ['abridged', 'intermediate', 'padded']
const LIMITS = [64, 1024, 65_536]

/** First byte: which framing (by 3), who reads it (bit 4), and the longest frame (bits 5 and 6). The rest is the stream. */
export const target: Target = {
  bytesMax: 4096,
  seeds: () => {
    const streams = bytesIn(vectors.transports, 1024).filter(({ length }) => length > 0)
    const heads = [0, 1, 2, 16, 17, 18, 32, 49, 66].map((head) => Uint8Array.of(head))
    return heads.flatMap((head) => streams.map((stream) => concat(head, stream, stream)))
  },
  run(input) {
    const head = input[0] ?? 0
    const name = NAMES[(head & 15) % 3]
    const isClient = (head & 16) !== 0
    const limitBytes = LIMITS[(head >> 5) % 3]
    const stream = input.subarray(1)
    const reader = FRAMINGS[name].reader({ side: isClient ? 'client' : 'dc', limitBytes })
    const read = readAll(reader, pieces(stream))
    const model = modelOf(stream, { name, isClient, limitBytes })
    must(read.verdict === model.verdict, `the verdict is ${read.verdict} and not ${model.verdict}`)
    must(read.frames.length === model.frames.length, `${read.frames.length} frames and not ${model.frames.length}`)
    read.frames.forEach((frame, at) => mustBeFrame(frame, model.frames[at]))
    if (name !== 'padded') mustWriteAlike(name, read.frames, stream)
    return read
  },
}

interface Read {
  readonly frames: readonly Frame[]
  readonly verdict: string
}

interface Reading {
  readonly name: Framing
  readonly isClient: boolean
  readonly limitBytes: number
}

function readAll(reader: FrameReader, chunks: readonly Uint8Array[]): Read {
  const frames: Frame[] = []
  let verdict = 'ok'
  for (const chunk of chunks) {
    const before = frames.length
    const next = reader.push(chunk, (frame) =>
      frames.push(frame.kind === 'packet' ? { ...frame, payload: frame.payload.slice() } : frame),
    )
    must(verdict === 'ok' || (next === verdict && frames.length === before), 'a broken stream went on')
    verdict = next
    chunk.fill(0xdb)
  }
  return { frames, verdict }
}

/** The whole stream at once, by the words of protocol.md, 2. */
function modelOf(stream: Uint8Array, reading: Reading): Read {
  const frames: Frame[] = []
  for (let rest = stream; rest.length > 0;) {
    const head = headOf(rest, reading)
    if (head === 'more') break
    if (head === 'bad') return { frames, verdict: 'bad' }
    if ('token' in head) {
      frames.push({ kind: 'quick-ack', token: head.token })
      rest = rest.subarray(4)
      continue
    }
    if (rest.length < head.at + head.length) break
    const payload = rest.slice(head.at, head.at + head.length - (head.length % 4))
    const short = reading.name === 'padded' && reading.isClient ? readShort(payload) : undefined
    if (short?.kind === 'quick-ack') frames.push({ kind: 'quick-ack', token: short.token })
    else if (short?.kind !== 'no-op') frames.push({ kind: 'packet', payload, quickAck: head.isAsked })
    rest = rest.subarray(head.at + head.length)
  }
  return { frames, verdict: 'ok' }
}

type Head =
  | 'more'
  | 'bad'
  | { readonly token: number }
  | { readonly at: number; readonly length: number; readonly isAsked: boolean }

function headOf(bytes: Uint8Array, { name, isClient, limitBytes }: Reading): Head {
  const isShort = name === 'abridged' && (bytes[0] & 0x7f) !== 0x7f
  const isMarked = name === 'abridged' ? bytes[0] >= 0x80 : bytes.length >= 4 && bytes[3] >= 0x80
  if (isClient && isMarked) {
    if (bytes.length < 4) return 'more'
    const word = Buffer.from(bytes.subarray(0, 4))
    return { token: name === 'abridged' ? word.readUInt32BE() : word.readUInt32LE() }
  }
  if (!isShort && bytes.length < 4) return 'more'
  const words = isShort ? bytes[0] & 0x7f : bytes[1] + bytes[2] * 256 + bytes[3] * 65536
  const length = name === 'abridged' ? words * 4 : read32le(bytes, 0) % 0x80000000
  const isCanonical = isShort || name !== 'abridged' || words >= 0x7f
  const isWhole = name === 'padded' ? length >= 4 : length > 0 && length % 4 === 0
  if (!isCanonical || !isWhole || length > limitBytes) return 'bad'
  return { at: isShort ? 1 : 4, length, isAsked: isMarked }
}

function mustBeFrame(found: Frame, model: Frame): void {
  if (found.kind === 'quick-ack')
    return must(model.kind === 'quick-ack' && model.token === found.token, 'another quick ack')
  must(model.kind === 'packet' && found.quickAck === model.quickAck, 'a packet that is to be confirmed, or is not')
  must(Buffer.compare(found.payload, model.payload) === 0, 'a packet of other bytes')
}

/** Frames without padding have one writing each: written again they are what came. */
function mustWriteAlike(name: Framing, frames: readonly Frame[], stream: Uint8Array): void {
  const { writePacket, writeQuickAck } = FRAMINGS[name]
  const written = frames.map((frame) =>
    frame.kind === 'packet' ? writePacket(frame.payload, { quickAck: frame.quickAck }) : writeQuickAck(frame.token),
  )
  const all = concat(...written)
  must(Buffer.compare(all, stream.subarray(0, all.length)) === 0, 'frames written again are others')
}
