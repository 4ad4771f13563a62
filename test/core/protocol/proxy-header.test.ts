import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { concat, fromAscii, write16 } from '../../../src/core/protocol/bytes.ts'
import { V1_MAX_BYTES, V2_MAX_BYTES, readProxyHeader } from '../../../src/core/protocol/proxy-header.ts'
import { arbBytes, hex, prefixes, vectors } from './arbitrary.ts'

const SIGNATURE = '0d0a0d0a000d0a515549540a'
const cases = Object.entries(vectors.proxy_protocol).map(([name, vector]) => ({ name, sport: 0, ...vector }))
const v1 = (line: string) => readProxyHeader(fromAscii(`PROXY ${line}\r\n`))

function v2(start: string, body: Uint8Array, length = body.length): Uint8Array {
  const header = concat(hex(SIGNATURE), hex(start), hex('0000'), body)
  write16(header, 14, length)
  return header
}

describe('readProxyHeader', () => {
  it.each(cases)('reads $name of the vectors, at any split', ({ hex: text, src, sport }) => {
    const header = hex(text)
    const source = src === null ? undefined : { ip: src, port: sport }
    const expected = { state: 'header', source, consumed: header.length }
    expect(readProxyHeader(header)).toEqual(expected)
    expect(readProxyHeader(concat(header, hex('160301')))).toEqual(expected)
    for (const seen of prefixes(header).slice(0, -1)) expect(readProxyHeader(seen)).toEqual({ state: 'more' })
  })

  it('tells from the first byte that differs that there is none', () => {
    expect(readProxyHeader(new Uint8Array(0))).toEqual({ state: 'more' })
    for (const start of ['16', 'ee', '50524f585a', '0d0a0d0a000d0a51554954ff', '474554']) {
      expect(readProxyHeader(hex(start))).toEqual({ state: 'none' })
    }
  })
})

describe('version 1', () => {
  it('writes IPv4-mapped sources as IPv4 and IPv6 in canonical form', () => {
    expect(v1('TCP6 ::ffff:192.0.2.7 ::1 5 6')).toMatchObject({ source: { ip: '192.0.2.7', port: 5 } })
    expect(v1('TCP6 2001:0DB8:0:0:0:0:0:1 ::1 65535 0')).toMatchObject({ source: { ip: '2001:db8::1', port: 65535 } })
  })

  it.each([
    'TCP4 192.0.2.1 192.0.2.2 1',
    'TCP4 192.0.2.1 192.0.2.2 1 2 3',
    'TCP4  192.0.2.1 192.0.2.2 1 2',
    'TCP4 192.0.2.1 192.0.2.2 1 65536',
    'TCP4 192.0.2.1 192.0.2.2 01 2',
    'TCP4 192.0.2.1 192.0.2.2 -1 2',
    'TCP4 192.0.2.1 192.0.2.2  2',
    'TCP4 192.0.2.256 192.0.2.2 1 2',
    'TCP4 2001:db8::1 192.0.2.2 1 2',
    'TCP4 192.0.2.1 2001:db8::1 1 2',
    'TCP6 192.0.2.1 ::1 1 2',
    'TCP6 fe80::1%eth0 ::1 1 2',
    'tcp4 192.0.2.1 192.0.2.2 1 2',
    'UDP4 192.0.2.1 192.0.2.2 1 2',
    'UNKNOWNS',
    '',
  ])('is bad: PROXY %s', (line) => {
    expect(v1(line)).toEqual({ state: 'bad' })
  })

  it('is bad without the carriage return', () => {
    expect(readProxyHeader(fromAscii('PROXY UNKNOWN\n'))).toEqual({ state: 'bad' })
    expect(readProxyHeader(fromAscii('PROXY \n'))).toEqual({ state: 'bad' })
    expect(readProxyHeader(fromAscii('PROXY UNKNOWN and more\n'))).toEqual({ state: 'bad' })
  })

  it('has at most 107 bytes', () => {
    const ofLength = (length: number) => fromAscii(`PROXY UNKNOWN ${'x'.repeat(length - 16)}\r\n`)
    expect(readProxyHeader(ofLength(V1_MAX_BYTES - 1)).state).toBe('header')
    expect(readProxyHeader(ofLength(V1_MAX_BYTES)).state).toBe('header')
    expect(readProxyHeader(ofLength(V1_MAX_BYTES).subarray(0, V1_MAX_BYTES - 1)).state).toBe('more')
    expect(readProxyHeader(ofLength(V1_MAX_BYTES + 1)).state).toBe('bad')
    expect(readProxyHeader(ofLength(V1_MAX_BYTES + 1).subarray(0, V1_MAX_BYTES)).state).toBe('bad')
  })
})

describe('version 2', () => {
  const v4 = hex('c6336417cb007107c1f201bb')
  const mapped = concat(hex(`${'00'.repeat(10)}ffffc0000207`), new Uint8Array(16), hex('000901bb'))

  it('writes IPv4-mapped sources as IPv4', () => {
    expect(readProxyHeader(v2('2121', mapped))).toMatchObject({ source: { ip: '192.0.2.7', port: 9 } })
  })

  it.each([
    ['a local connection that names addresses', '2011', v4],
    ['unspecified', '2100', new Uint8Array(7)],
    ['a datagram', '2112', v4],
    ['a Unix socket', '2131', new Uint8Array(216)],
  ])('keeps the peer for %s', (_, start, body) => {
    const header = v2(start, body)
    expect(readProxyHeader(header)).toEqual({ state: 'header', source: undefined, consumed: header.length })
  })

  it.each([
    ['version 1', '1111', v4],
    ['version 3', '3111', v4],
    ['an unknown command', '2211', v4],
    ['an unknown family', '2141', v4],
    ['an unknown transport', '2113', v4],
    ['too few bytes for IPv4', '2111', v4.subarray(0, 11)],
    ['too few bytes for IPv6', '2121', mapped.subarray(0, 35)],
  ])('is bad with %s, which the first 16 bytes say', (_, start, body) => {
    expect(readProxyHeader(v2(start, body))).toEqual({ state: 'bad' })
    expect(readProxyHeader(v2(start, body).subarray(0, 16))).toEqual({ state: 'bad' })
  })

  it('has at most 536 bytes', () => {
    const ofLength = (length: number) => v2('2111', concat(v4, new Uint8Array(length - 28)))
    expect(readProxyHeader(ofLength(V2_MAX_BYTES - 1)).state).toBe('header')
    expect(readProxyHeader(ofLength(V2_MAX_BYTES)).state).toBe('header')
    expect(readProxyHeader(ofLength(V2_MAX_BYTES).subarray(0, V2_MAX_BYTES - 1)).state).toBe('more')
    expect(readProxyHeader(ofLength(V2_MAX_BYTES + 1)).state).toBe('bad')
    expect(readProxyHeader(ofLength(65551).subarray(0, 16)).state).toBe('bad')
  })
})

describe('garbage', () => {
  test.prop([fc.constantFrom(...cases), fc.nat({ max: 60 }), arbBytes(600)])(
    'is answered for any content, by every start alike or "more"',
    ({ hex: text }, known, tail) => {
      const seen = concat(hex(text).subarray(0, known), tail)
      const whole = readProxyHeader(seen)
      for (const start of prefixes(seen)) {
        const result = readProxyHeader(start)
        expect(result.state === 'more' || JSON.stringify(result) === JSON.stringify(whole)).toBe(true)
      }
      if (seen.length > V2_MAX_BYTES) expect(whole.state).not.toBe('more')
    },
  )
})
