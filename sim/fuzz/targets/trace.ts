import { crc32 } from 'node:zlib'
import { concat, write32le } from '../../../src/core/protocol/bytes.ts'
import { fileHead, TraceEncoder } from '../../../src/observe/trace/encoder.ts'
import { BLOCK_HEAD_BYTES, WORDS, type TraceRecord, type TraceStart } from '../../../src/observe/trace/layout.ts'
import { TraceReader } from '../../../src/observe/trace/reader.ts'
import { pieces } from '../cuts.ts'
import { must, mustBeSame, type Target } from '../target.ts'

const START: TraceStart = {
  ...{ version: '0.1.0', worker: 0, run: '0123456789abcdef', sequence: 0, keyId: 'fedcba9876543210' },
  ...{ wallSec: 1_764_201_600, monoMs: 5_000, words: WORDS },
}
const WHOLE_START = blockOf((encoder) => encoder.start(0, { start: START }))

/** A recording from another host, or from a disk that broke: what its blocks hold, and the file as it lies there. */
export const target: Target = {
  bytesMax: 400,
  seeds: () =>
    [connection, ban, rest].map((write) => blockOf(write).subarray(BLOCK_HEAD_BYTES)).concat([blockOf(connection)]),
  run: (input) => [readAlike([fileHead(), WHOLE_START, sealed(input)]), readAlike([fileHead(), WHOLE_START, input])],
}

/** Whole and in pieces; the state and what was told are the same. */
function readAlike(parts: readonly Uint8Array[]): unknown {
  const file = concat(...parts)
  const whole = read([file])
  mustBeSame(read(pieces(file)), whole, 'a file in pieces')
  whole.records.forEach(mustHold)
  must(whole.state.kind !== 'cut' || whole.state.wholeBytes <= file.length, 'more is whole than there is')
  return whole
}

function read(chunks: readonly Uint8Array[]) {
  const records: TraceRecord[] = []
  const reader = new TraceReader((record) => void records.push(record))
  for (const chunk of chunks) reader.push(chunk)
  return { records, state: reader.end() }
}

function mustHold(record: TraceRecord, at: number): void {
  must((record.kind === 'start') === (at === 0), 'a start that is not the first')
  for (const [name, value] of Object.entries(record)) {
    if (typeof value === 'number') must(Number.isSafeInteger(value), `${name} is no number that can be counted`)
    if (value instanceof Uint8Array) must(value.length === 4 || value.length === 16, `${name} is no address`)
  }
  if ('bits' in record) must(record.bits <= 8 * record.ip.length, 'a prefix longer than its address')
}

/** A block with that payload, and the checksum of it. */
function sealed(payload: Uint8Array): Uint8Array {
  const head = new Uint8Array(BLOCK_HEAD_BYTES)
  write32le(head, 0, payload.length)
  write32le(head, 4, crc32(payload))
  return concat(head, payload)
}

function blockOf(write: (encoder: TraceEncoder) => void): Uint8Array {
  const encoder = new TraceEncoder()
  write(encoder)
  return encoder.take()!
}

function connection(encoder: TraceEncoder): void {
  const ip = Uint8Array.of(192, 0, 2, 1)
  encoder.judged(10, { connection: 1, ip, level: 'standard', refusal: undefined })
  encoder.judged(11, { connection: 2, ip: new Uint8Array(16).fill(0x20), level: 'full', refusal: 'banned' })
  encoder.greeted(20, { connection: 1, refusal: undefined })
  encoder.entered(30, { connection: 1, user: 300 })
  encoder.keptOut(31, { connection: 2, user: 0, reason: 'quota' })
  encoder.authenticated(32, { connection: 1, mode: 'fake-tls', dc: -2 })
  encoder.rejected(33, { connection: 2, reason: 'replay', trials: 3 })
  encoder.relaying(40, { connection: 1, way: 'ahead', dc: -2, waitMs: 7 })
  encoder.closed(90_000, {
    ...{ connection: 1, reason: 'eof', outcome: 'relayed', fromClientBytes: 700 },
    ...{ toClientBytes: 5_000_000_000, ageMs: 89_000 },
  })
}

function ban(encoder: TraceEncoder): void {
  const ip = Uint8Array.of(192, 0, 2, 0)
  encoder.banned(5, { ip, bits: 24, reason: 'failures', forMs: 600_000, times: 2, score: 31 })
  encoder.unbanned(6, { ip, bits: 24 })
}

function rest(encoder: TraceEncoder): void {
  encoder.config(1, { config: { guard: null } })
  encoder.attack(2, { detector: 'arrivals', state: 'begun', isAnswered: true })
  encoder.overload(3, { resource: 'memory', level: 2 })
  encoder.lost(4, { records: 9 })
  encoder.end(5)
}
