import { fc } from '@fast-check/vitest'
import { CLOSE_REASONS, MODES, OVERLOAD_RESOURCES, REJECT_REASONS, WAYS } from '../../../src/core/events.ts'
import { ACCESS_LEVELS } from '../../../src/core/guard/access/levels.ts'
import { BAN_REASONS } from '../../../src/core/guard/sources/bans.ts'
import { concat } from '../../../src/core/protocol/bytes.ts'
import { fileHead, TraceEncoder } from '../../../src/observe/trace/encoder.ts'
import { OUTCOMES, WORDS, type TraceRecord, type TraceStart } from '../../../src/observe/trace/layout.ts'
import { maskPrefix } from '../../../src/observe/trace/prefixes.ts'
import { TraceReader, type TraceState } from '../../../src/observe/trace/reader.ts'

export const START: TraceStart = {
  ...{ version: '0.1.0', worker: 2, run: '0011223344556677', sequence: 3, keyId: '8899aabbccddeeff' },
  ...{ wallSec: 1_700_000_000, monoMs: 5_000.25, words: WORDS },
}

const big = fc.maxSafeNat()
const connection = fc.oneof(
  fc.nat(100),
  fc.maxSafeNat().map((id) => Math.floor(id / 4)),
)
const user = fc.nat(1000)
const dc = fc.integer({ min: -32_768, max: 32_767 })
const ip = fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }))
const reason = fc.constantFrom(...REJECT_REASONS)
const refusal = fc.option(reason, { nil: undefined })
const prefix = fc.tuple(ip, fc.nat(128)).map(([bytes, wanted]) => {
  const bits = wanted % (8 * bytes.length + 1)
  return { ip: maskPrefix(bytes, bits), bits }
})

type Body = TraceRecord extends infer R ? (R extends TraceRecord ? Omit<R, 'atMs'> : never) : never

/** Any record but `start`, which is always the first. */
export const arbBody: fc.Arbitrary<Body> = fc.oneof(
  fc.record({ kind: fc.constant('config' as const), config: fc.json().map((text): unknown => JSON.parse(text)) }),
  fc.record({
    ...{ kind: fc.constant('judged' as const), connection, ip, level: fc.constantFrom(...ACCESS_LEVELS), refusal },
  }),
  fc.record({ kind: fc.constant('greeted' as const), connection, refusal }),
  fc.record({ kind: fc.constant('kept-out' as const), connection, user, reason }),
  fc.record({ kind: fc.constant('entered' as const), connection, user }),
  fc.record({ kind: fc.constant('authenticated' as const), connection, mode: fc.constantFrom(...MODES), dc }),
  fc.record({ kind: fc.constant('rejected' as const), connection, reason, trials: user }),
  fc.record({ kind: fc.constant('relaying' as const), connection, way: fc.constantFrom(...WAYS), dc, waitMs: user }),
  fc.record({
    ...{ kind: fc.constant('closed' as const), connection, reason: fc.constantFrom(...CLOSE_REASONS) },
    ...{ outcome: fc.constantFrom(...OUTCOMES), fromClientBytes: big, toClientBytes: big, ageMs: big },
  }),
  fc
    .tuple(
      prefix,
      fc.record({
        ...{ kind: fc.constant('banned' as const), reason: fc.constantFrom(...BAN_REASONS) },
        ...{ forMs: big, times: user, score: user },
      }),
    )
    .map(([where, ban]) => ({ ...where, ...ban })),
  prefix.map((where) => ({ kind: 'unbanned' as const, ...where })),
  fc.record({
    ...{ kind: fc.constant('attack' as const), detector: fc.string(), isAnswered: fc.boolean() },
    state: fc.constantFrom('begun' as const, 'over' as const),
  }),
  fc.record({
    ...{ kind: fc.constant('overload' as const), resource: fc.constantFrom(...OVERLOAD_RESOURCES) },
    level: fc.constantFrom(0 as const, 1 as const, 2 as const),
  }),
  fc.record({ kind: fc.constant('lost' as const), records: big }),
  fc.record({ kind: fc.constant('end' as const) }),
)

/** Records with times that do not go back, the first of them the start. */
export const arbRecords: fc.Arbitrary<TraceRecord[]> = fc
  .array(fc.tuple(fc.nat(100_000), arbBody), { maxLength: 60 })
  .map((steps) => {
    let atMs = 0
    const first: TraceRecord = { kind: 'start', atMs, start: START }
    return [first, ...steps.map(([ms, body]) => ({ ...body, atMs: (atMs += ms) }))]
  })

/** A whole file; `perBlock` records in each block. */
export function fileOf(records: readonly TraceRecord[], perBlock = Infinity): Uint8Array {
  const encoder = new TraceEncoder()
  const blocks = [fileHead()]
  const flush = () => blocks.push(encoder.take() ?? new Uint8Array(0))
  for (const record of records) {
    encode(encoder, record)
    if (encoder.isFull || encoder.records >= perBlock) flush()
  }
  flush()
  return concat(...blocks)
}

export function encode(encoder: TraceEncoder, record: TraceRecord): void {
  if (record.kind === 'kept-out') encoder.keptOut(record.atMs, record)
  else encoder[record.kind](record.atMs, record as never)
}

export function readAll(chunks: readonly Uint8Array[]): { records: TraceRecord[]; state: TraceState } {
  const records: TraceRecord[] = []
  const reader = new TraceReader((record) => records.push(record))
  for (const chunk of chunks) reader.push(chunk)
  return { records, state: reader.end() }
}
