import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { concat, write16 } from '../../../../src/core/protocol/bytes.ts'
import { RecordReader, wrapRecords, wrappedLength } from '../../../../src/core/protocol/faketls/records.ts'
import { arbBytes, arbCuts, hex, split, testRandom, toHex, vectors } from '../arbitrary.ts'

const CCS = hex('140303000101')

function record(payload: Uint8Array): Uint8Array {
  const header = hex('1703030000')
  write16(header, 3, payload.length)
  return concat(header, payload)
}

function wrap(payload: Uint8Array): Uint8Array {
  const out = new Uint8Array(wrappedLength(payload.length))
  expect(wrapRecords(payload, out)).toBe(out.length)
  return out
}

/** Joined payload, or undefined from a violation on. */
function unwrap(reader: RecordReader, pieces: readonly Uint8Array[]): string | undefined {
  let payload = ''
  for (const piece of pieces) {
    const part = reader.push(piece)
    if (part === undefined) return undefined
    payload += toHex(part)
    piece.fill(0xdb)
  }
  return payload
}

describe('RecordReader', () => {
  it("takes the records off a client's first flight of the vectors", () => {
    const flight = hex(vectors.fake_tls.client_first_flight)
    const payload = unwrap(new RecordReader(), [flight.slice()])
    expect(payload).toBe(toHex(flight.subarray(11)))
    expect(payload).toContain(vectors.obfuscated2.cases.dd_secret_dc2.wire_init)
  })

  test.prop([fc.array(arbBytes(300, 1), { maxLength: 12 }), arbCuts, fc.boolean()])(
    'gives the same payload for any split',
    (payloads, cuts, isClient) => {
      const wire = concat(isClient ? new Uint8Array(0) : CCS, ...payloads.map(record))
      const reader = new RecordReader({ isClient })
      expect(unwrap(reader, split(wire, cuts))).toBe(payloads.map(toHex).join(''))
    },
  )

  it('gives many small records of a chunk as one piece of that chunk', () => {
    const chunk = concat(CCS, ...Array.from({ length: 50 }, (_, i) => record(Uint8Array.of(i, i, i))))
    const payload = new RecordReader().push(chunk)
    expect(payload?.buffer).toBe(chunk.buffer)
    expect(payload && toHex(payload)).toBe(Array.from({ length: 50 }, (_, i) => toHex(Uint8Array.of(i, i, i))).join(''))
  })

  it('leaves the payload of a single record where it is', () => {
    const chunk = record(new Uint8Array(1000).fill(7))
    expect(new RecordReader({ isClient: true }).push(chunk)?.byteOffset).toBe(5)
  })

  it('does not look beside its chunk in a larger buffer', () => {
    const buffer = new Uint8Array(64).fill(0xee)
    const wire = concat(CCS, record(hex('0102')), record(hex('03')))
    buffer.set(wire, 10)
    expect(unwrap(new RecordReader(), [buffer.subarray(10, 10 + wire.length)])).toBe('010203')
    expect(toHex(buffer.subarray(0, 10)) + toHex(buffer.subarray(10 + wire.length))).toMatch(/^(ee)+$/)
  })

  it('is empty, not violated, while a change-cipher-spec or a header is on its way', () => {
    const reader = new RecordReader()
    for (const byte of concat(CCS, record(hex('aa')).subarray(0, 5))) {
      expect(reader.push(Uint8Array.of(byte))).toHaveLength(0)
    }
    expect(reader.push(hex('aa'))).toEqual(hex('aa'))
    expect(reader.push(new Uint8Array(0))).toHaveLength(0)
  })

  it.each([
    [1, true],
    [16639, true],
    [16640, true],
    [16641, false],
    [65535, false],
    [0, false],
  ])('a record of %i bytes: %s', (length, isTaken) => {
    const payload = testRandom().fill(new Uint8Array(length))
    const result = unwrap(new RecordReader(), [concat(CCS, record(payload), record(hex('aa')))])
    expect(result).toBe(isTaken ? `${toHex(payload)}aa` : undefined)
  })

  it.each([
    ['data before the change-cipher-spec', '170303000101'],
    ['another change-cipher-spec', '140303000102'],
    ['a second change-cipher-spec', '140303000101140303000101'],
    ['an alert', '14030300010115030300020100'],
    ['another version', '1403030001011703010001aa'],
    ['another minor version', '1403030001011703040001aa'],
  ])('is violated by %s, and stays so', (_, wire) => {
    const reader = new RecordReader()
    expect(unwrap(reader, split(hex(wire), [1]))).toBeUndefined()
    expect(reader.push(concat(CCS, record(hex('aa'))))).toBeUndefined()
    expect(reader.push(new Uint8Array(0))).toBeUndefined()
  })

  it('as a client takes no change-cipher-spec', () => {
    expect(unwrap(new RecordReader({ isClient: true }), [CCS.slice()])).toBeUndefined()
  })

  test.prop([arbBytes(400), arbCuts, fc.boolean()])(
    'garbage: any split is violated or not alike',
    (tail, cuts, isClient) => {
      const wire = concat(isClient ? new Uint8Array(0) : CCS, record(hex('01')), tail)
      const whole = unwrap(new RecordReader({ isClient }), [wire.slice()])
      expect(unwrap(new RecordReader({ isClient }), split(wire, cuts))).toBe(whole)
    },
  )
})

describe('wrapRecords', () => {
  it.each([
    [1, [1]],
    [16383, [16383]],
    [16384, [16384]],
    [16385, [16384, 1]],
    [32768, [16384, 16384]],
    [40000, [16384, 16384, 7232]],
  ])('cuts %i bytes into records of %j', (length, expected) => {
    const payload = testRandom().fill(new Uint8Array(length))
    const wire = wrap(payload)
    const lengths: number[] = []
    for (let at = 0; at < wire.length; at += 5 + lengths[lengths.length - 1]) {
      expect(toHex(wire.subarray(at, at + 3))).toBe('170303')
      lengths.push((wire[at + 3] << 8) | wire[at + 4])
    }
    expect(lengths).toEqual(expected)
    expect(unwrap(new RecordReader({ isClient: true }), [wire])).toBe(toHex(payload))
  })

  it('writes no record for no payload', () => {
    expect([wrappedLength(0), wrapRecords(new Uint8Array(0), new Uint8Array(0))]).toEqual([0, 0])
  })

  test.prop([fc.integer({ min: 0, max: 70_000 })])('writes as much as it says and nothing behind', (length) => {
    const out = new Uint8Array(wrappedLength(length) + 3).fill(0xee)
    expect(wrapRecords(new Uint8Array(length), out)).toBe(wrappedLength(length))
    expect(toHex(out.subarray(wrappedLength(length)))).toBe('eeeeee')
  })
})
