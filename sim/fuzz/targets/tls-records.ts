import { concat, read16 } from '../../../src/core/protocol/bytes.ts'
import { RecordReader, wrapRecords, wrappedLength } from '../../../src/core/protocol/faketls/records.ts'
import { pieces } from '../cuts.ts'
import { must, type Target } from '../target.ts'
import { hex } from './vectors.ts'

const PAYLOAD_MAX = 33_000

/**
 * First byte: bit 0 says whose records these are; bit 1 that the two bytes behind it are the length of a payload, made of the
 * rest over and over, to be wrapped and read back.
 */
export const target: Target = {
  bytesMax: 1024,
  seeds: () => [
    hex('00140303000101170303000161'),
    hex('0114030300010117'),
    hex('01170303000261621703030003636465'),
    hex('001403030001011703030003616263170303000164'),
    hex('01170303410001'),
    hex('011703034101'),
    hex('02000301'),
    hex('0340000102'),
    hex('0280010102'),
  ],
  tokens: [hex('170303'), hex('140303000101'), hex('4000'), hex('4100'), hex('4101')],
  run(input) {
    const isClient = ((input[0] ?? 0) & 1) === 1
    if (((input[0] ?? 0) & 2) === 0) return readAll(input.subarray(1), isClient)
    const rest = repeated(input.subarray(3), Math.min(PAYLOAD_MAX, read16(input, 1)))
    const wrapped = new Uint8Array(wrappedLength(rest.length))
    must(wrapRecords(rest, wrapped) === wrapped.length, 'records of another length than was said')
    const read = readAll(isClient ? wrapped : concat(hex('140303000101'), wrapped), isClient)
    must(read !== undefined && Buffer.compare(read, rest) === 0, 'a payload is not what was wrapped')
    return wrapped.length
  },
}

function repeated(bytes: Uint8Array, length: number): Uint8Array {
  const all = new Uint8Array(length)
  all.set(bytes.subarray(0, length))
  for (let at = bytes.length; at > 0 && at < length; at *= 2) all.copyWithin(at, 0, at)
  return all
}

/** The payloads of a stream, cut into pieces; undefined where it is none. */
function readAll(stream: Uint8Array, isClient: boolean): Uint8Array | undefined {
  const reader = new RecordReader({ isClient })
  const read: Uint8Array[] = []
  let isViolated = false
  for (const piece of pieces(stream)) {
    const { buffer, byteOffset, length } = piece
    const payload = reader.push(piece)
    must(payload !== undefined || !isViolated || reader.push(Uint8Array.of(0x17)) === undefined, 'it mended')
    must(!(isViolated && payload !== undefined), 'a broken stream became a good one')
    isViolated = payload === undefined
    if (payload === undefined) continue
    const isInside = payload.byteOffset >= byteOffset && payload.byteOffset + payload.length <= byteOffset + length
    must(payload.length === 0 || (payload.buffer === buffer && isInside), 'a payload that is no part of its chunk')
    read.push(payload.slice())
  }
  const model = modelOf(stream, isClient)
  if (model === undefined) {
    must(isViolated, 'a stream that is none was taken')
    return undefined
  }
  must(!isViolated, 'a good stream was refused')
  const all = concat(...read)
  must(Buffer.compare(all, model) === 0, 'the payloads are others')
  return all
}

/** One byte after the other, by the words of protocol.md, 4.6. */
function modelOf(stream: Uint8Array, isClient: boolean): Uint8Array | undefined {
  const payload: Uint8Array[] = []
  let at = 0
  for (const byte of isClient ? [] : [0x14, 3, 3, 0, 1, 1]) {
    if (at >= stream.length) return concat(...payload)
    if (stream[at++] !== byte) return undefined
  }
  while (at < stream.length) {
    for (const byte of [0x17, 3, 3]) {
      if (at >= stream.length) return concat(...payload)
      if (stream[at++] !== byte) return undefined
    }
    if (at + 2 > stream.length) return concat(...payload)
    const length = stream[at] * 256 + stream[at + 1]
    if (length < 1 || length > 16_640) return undefined
    payload.push(stream.subarray(at + 2, at + 2 + length))
    at += 2 + length
  }
  return concat(...payload)
}
