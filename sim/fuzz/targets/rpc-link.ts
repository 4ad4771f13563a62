import { crc32 } from 'node:zlib'
import { concat, read32le, write32le } from '../../../src/core/protocol/bytes.ts'
import { cbcEncipher } from '../../../src/core/protocol/rpc/cbc.ts'
import { RpcReader } from '../../../src/core/protocol/rpc/index.ts'
import { pieces } from '../cuts.ts'
import { must, type Target } from '../target.ts'

const KEY = { key: new Uint8Array(32).fill(0x4b), iv: new Uint8Array(16).fill(0x17) }
const LIMIT = 512
/** What the nonce and the handshake may have. */
const HANDSHAKE_LIMIT = 256
const BROKEN = 0xe0

/**
 * First byte: bit 0, whether all behind the first frame is enciphered. Then a script, as no change of bytes makes a checksum
 * right: words(1) and so many words of payload make a frame, 0 a filler; from e0 on the frame has a length, sequence or checksum
 * that is given, or is cut off.
 */
export const target: Target = {
  bytesMax: 1024,
  seeds: () => [
    Uint8Array.of(0, ...frame(8), ...frame(8)),
    Uint8Array.of(1, ...frame(8), 0, 0, ...frame(8), ...frame(1), ...frame(3)),
    Uint8Array.of(0, ...frame(2), 0xe0, 16, 0, 0, 0, 1, 2, 3, 4),
    Uint8Array.of(0, ...frame(2), 0xe1, 1, 2, 3, 4, 5, 6, 7, 8),
    Uint8Array.of(0, ...frame(2), 0xe2, 0, 0, 0, 0, 0, 0, 0, 0, 0xe3, 5, 2, 0, 0, 0, 0, 0, 0),
    Uint8Array.of(1, ...frame(8), 0, 0xff, 5, 2, 0, 0, 0, 0, 0, 0, ...frame(100)),
  ],
  run(input) {
    const plain = written(input.subarray(1))
    const first = modelOf(plain).ends[0]
    const isEnciphered = ((input[0] ?? 0) & 1) === 1 && first !== undefined
    const whole = isEnciphered ? concat(plain.subarray(0, first), filledUp(plain.subarray(first))) : plain
    const sent = isEnciphered ? concat(whole.subarray(0, first), cbcEncipher(KEY).update(whole.subarray(first))) : plain
    const read: Uint8Array[] = []
    let verdict = 'ok'
    const reader = new RpcReader(LIMIT)
    for (const chunk of pieces(sent)) {
      const before = read.length
      const next = reader.push(chunk, (payload) => {
        read.push(payload.slice())
        if (isEnciphered && read.length === 1) reader.decipherFromHere(KEY)
      })
      must(verdict === 'ok' || (next === verdict && read.length === before), 'a broken link went on')
      verdict = next
      chunk.fill(0xdb)
    }
    const model = modelOf(whole)
    must(read.length === model.payloads.length, `${read.length} frames and not ${model.payloads.length}`)
    read.forEach((payload, at) => must(Buffer.compare(payload, model.payloads[at]) === 0, 'a frame of other bytes'))
    must(verdict === model.verdict, `the verdict is ${verdict} and not ${model.verdict}`)
    must(reader.isBetweenFrames === (verdict === 'ok' && model.isBetween), 'it does not know whether it is in a frame')
    return { read, verdict }
  },
}

function frame(words: number): number[] {
  return [words, ...Array.from({ length: 4 * words }, (_, at) => at)]
}

/** The bytes that a script stands for. */
function written(script: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = []
  let sequence = -2
  for (let at = 0; at < script.length;) {
    const count = script[at++]
    const kind = count < BROKEN ? 'whole' : (['length', 'sequence', 'checksum', 'cut'] as const)[count % 4]
    const payload = new Uint8Array(4 * (count < BROKEN ? count : 2))
    payload.set(script.subarray(at, at + payload.length))
    at += payload.length
    parts.push(count === 0 ? Uint8Array.of(4, 0, 0, 0) : frameOf(payload, sequence++, kind))
  }
  return concat(...parts)
}

function frameOf(payload: Uint8Array, sequence: number, kind: string): Uint8Array {
  const given = read32le(payload, 0)
  const bytes = new Uint8Array(payload.length + 12)
  write32le(bytes, 0, kind === 'length' ? given : bytes.length)
  write32le(bytes, 4, kind === 'sequence' ? given : sequence)
  bytes.set(payload, 8)
  const checksum = crc32(bytes.subarray(0, -4))
  write32le(bytes, bytes.length - 4, kind === 'checksum' ? given : checksum)
  return kind === 'cut' ? bytes.subarray(0, given % bytes.length) : bytes
}

/** To whole blocks: what is left of a word is zeros, and words are fillers. */
function filledUp(bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array(Math.ceil(bytes.length / 16) * 16)
  for (let at = 0; at < whole.length; at += 4) whole[at] = 4
  whole.fill(0, bytes.length, Math.ceil(bytes.length / 4) * 4)
  whole.set(bytes)
  return whole
}

/** The whole stream at once, by the words of protocol.md, 5.2. `ends`: where frames end. */
function modelOf(stream: Uint8Array) {
  const payloads: Uint8Array[] = []
  const ends: number[] = []
  const view = Buffer.from(stream)
  const is = (verdict: string, isBetween = false) => ({ payloads, ends, verdict, isBetween })
  let at = 0
  while (at + 4 <= view.length) {
    const length = view.readUInt32LE(at)
    if (length === 4) {
      at += 4
      continue
    }
    const most = payloads.length < 2 ? HANDSHAKE_LIMIT : LIMIT
    if (length % 4 !== 0 || length < 16 || length > most) return is('bad-length')
    const end = at + length
    if (end > view.length) return is('ok')
    if (crc32(view.subarray(at, end - 4)) !== view.readUInt32LE(end - 4)) return is('bad-checksum')
    if (view.readInt32LE(at + 4) !== payloads.length - 2) return is('bad-sequence')
    payloads.push(stream.slice(at + 8, end - 4))
    ends.push(end)
    at = end
  }
  return is('ok', at === view.length)
}
