import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { fileHead } from '../../../src/observe/trace/encoder.ts'
import { BLOCK_HEAD_BYTES, HEAD_BYTES, type TraceRecord } from '../../../src/observe/trace/layout.ts'
import { read32le } from '../../../src/core/protocol/bytes.ts'
import { arbRecords, fileOf, readAll, START } from './records.ts'

const FIRST: TraceRecord = { kind: 'start', atMs: 0, start: START }
const perBlock = fc.integer({ min: 1, max: 20 })

describe('a trace', () => {
  it('says in few bytes what a connection did', () => {
    const story: TraceRecord[] = [
      { kind: 'judged', atMs: 5, connection: 9, ip: Uint8Array.of(1, 2, 3, 4), level: 'standard', refusal: undefined },
      { kind: 'greeted', atMs: 25, connection: 9, refusal: undefined },
      { kind: 'entered', atMs: 25, connection: 9, user: 1 },
      { kind: 'authenticated', atMs: 40, connection: 9, mode: 'fake-tls', dc: -2 },
      { kind: 'relaying', atMs: 60, connection: 9, way: 'ahead', dc: -2, waitMs: 12 },
      {
        ...{ kind: 'closed', atMs: 90_000, connection: 9, reason: 'eof', outcome: 'relayed' },
        ...{ fromClientBytes: 2_000, toClientBytes: 5_000_000, ageMs: 89_995 },
      },
    ]
    const bytes = fileOf([FIRST, ...story]).length - fileOf([FIRST]).length
    expect(bytes).toBe(43)
    expect(readAll([fileOf([FIRST, ...story])])).toEqual({ records: [FIRST, ...story], state: { kind: 'whole' } })
  })

  test.prop([arbRecords, perBlock])('is read as it was written, however it was flushed', (records, each) => {
    const read = readAll([fileOf(records, each)])
    expect(read.state).toEqual({ kind: 'whole' })
    expect(read.records).toEqual(records)
  })

  test.prop([arbRecords, perBlock, fc.array(fc.nat(400), { maxLength: 40 })])(
    'is the same for every split',
    (records, each, lengths) => {
      const file = fileOf(records, each)
      const chunks: Uint8Array[] = []
      let at = 0
      for (const length of lengths) chunks.push(file.subarray(at, (at += length)))
      expect(readAll([...chunks, file.subarray(at)])).toEqual(readAll([file]))
    },
  )

  test.prop([arbRecords, perBlock, fc.nat()])(
    'that is torn is read up to its last whole block',
    (records, each, cut) => {
      const file = fileOf(records, each)
      const length = cut % file.length
      const { records: read, state } = readAll([file.subarray(0, length)])
      expect(records.slice(0, read.length)).toEqual(read)
      if (length < HEAD_BYTES) expect(state.kind).toBe('no-trace')
      else if (state.kind === 'cut') expect(state.wholeBytes).toBeLessThanOrEqual(length)
      else expect(state).toEqual({ kind: 'whole' })
    },
  )

  test.prop([arbRecords, perBlock, fc.nat(), fc.integer({ min: 1, max: 255 })])(
    'tells nothing of a block in which one bit is wrong',
    (records, each, where, flip) => {
      const file = fileOf(records, each)
      const at = HEAD_BYTES + (where % (file.length - HEAD_BYTES))
      const before = readAll([file.subarray(0, blockAt(file, at))]).records
      file[at] ^= flip
      const { records: read, state } = readAll([file])
      expect(state.kind).toBe('cut')
      expect(read).toEqual(before)
    },
  )

  test.prop([fc.uint8Array({ maxLength: 300 })])('of garbage is none, or is cut', (garbage) => {
    expect(readAll([garbage]).state.kind).toBe('no-trace')
    const { records, state } = readAll([fileHead(), garbage])
    expect(records).toEqual([])
    expect(state.kind).toBe('cut')
  })

  it('of another version is named as such', () => {
    const file = fileOf([FIRST])
    file[HEAD_BYTES - 1] = 2
    expect(readAll([file]).state).toEqual({ kind: 'other-version', version: 2 })
  })

  it('begins with its start, once', () => {
    expect(readAll([fileOf([{ kind: 'end', atMs: 0 }])]).state.kind).toBe('cut')
    expect(readAll([fileOf([FIRST, FIRST])]).state.kind).toBe('cut')
  })
})

/** Where the block begins that holds the byte at `at`. */
function blockAt(file: Uint8Array, at: number): number {
  let from = HEAD_BYTES
  while (from + BLOCK_HEAD_BYTES + read32le(file, from) <= at) from += BLOCK_HEAD_BYTES + read32le(file, from)
  return from
}
