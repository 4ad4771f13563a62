import { createHmac } from 'node:crypto'
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { concat, fromAscii, read16, write16, write24 } from '../../../../src/core/protocol/bytes.ts'
import {
  HELLO_MAX_BYTES,
  HELLO_MIN_BYTES,
  HELLO_RECORDS_MAX,
  readClientHello,
  readStamp,
  type ClientHello,
} from '../../../../src/core/protocol/faketls/client-hello.ts'
import { makeClientHello } from '../../../../src/core/protocol/faketls/make-hello.ts'
import { KEY, arbBytes, hex, prefixes, split, testRandom, toHex, vectors } from '../arbitrary.ts'

const { fake_tls: vector } = vectors
const HELLO = hex(vector.client_hello)
const captured = vector.captured_tdlib_1_8_65_hello
const CAPTURED = hex(captured.hello)

function read(seen: Uint8Array): { hello: ClientHello; consumed: number } {
  const result = readClientHello(seen)
  if (result.state !== 'hello') throw new Error(result.state)
  return result
}

const stampOf = (hello: ClientHello, key = KEY) =>
  readStamp(createHmac('sha256', key).update(hello.record).digest(), hello.random)

/** The handshake bytes of a one-record hello, cut into records of these lengths. */
function inRecords(hello: Uint8Array, lengths: readonly number[]): Uint8Array {
  const pieces = split(hello.subarray(5), lengths).map((piece) => {
    const header = hex('1603010000')
    write16(header, 3, piece.length)
    return concat(header, piece)
  })
  return concat(...pieces)
}

/** A hello of exactly `length` bytes (record header included), by one extension of zeros. */
function ofLength(length: number): Uint8Array {
  const fixed = concat(
    hex('160301000001000000'),
    hex('0303'),
    new Uint8Array(32).fill(1),
    hex('20'),
    new Uint8Array(32).fill(2),
    hex('000213010100'),
  )
  const hello = concat(fixed, new Uint8Array(Math.max(6, length - fixed.length))).subarray(0, length)
  write16(hello, 3, length - 5)
  write24(hello, 6, length - 9)
  write16(hello, fixed.length, length - fixed.length - 2)
  write16(hello, fixed.length + 4, length - fixed.length - 6)
  return hello
}

/** The captured hello with its extension of that type replaced, padding behind it, lengths corrected. */
function withExtension(type: number, data: Uint8Array): Uint8Array {
  const extensionsAt = 112
  const parts: Uint8Array[] = []
  for (let at = extensionsAt + 2; at < CAPTURED.length; at += 4 + read16(CAPTURED, at + 2)) {
    const extension = CAPTURED.slice(at, at + 4 + read16(CAPTURED, at + 2))
    if (read16(extension, 0) === type) {
      write16(extension, 2, data.length)
      parts.push(extension.subarray(0, 4), data)
    } else parts.push(extension)
  }
  // So that no replacement makes the hello too short.
  const all = concat(...parts, hex('00150400'), new Uint8Array(1024))
  const hello = concat(CAPTURED.subarray(0, extensionsAt + 2), all)
  write16(hello, extensionsAt, all.length)
  write16(hello, 3, hello.length - 5)
  write24(hello, 6, hello.length - 9)
  return hello
}

describe('readClientHello', () => {
  it('reads the hello of the vectors', () => {
    const { hello, consumed } = read(HELLO)
    expect(consumed).toBe(HELLO.length)
    expect(hello.sni).toBe(vector.domain)
    expect(toHex(hello.random)).toBe(vector.client_random_on_wire)
    expect(toHex(hello.sessionId)).toBe(vector.session_id)
    expect(hello.cipherSuites.slice(1, 4)).toEqual([0x1301, 0x1302, 0x1303])
    expect(hello.keyShareGroups.slice(1)).toEqual([0x11ec, 0x001d])
    expect(toHex(createHmac('sha256', KEY).update(hello.record).digest())).toBe(vector.hmac_over_zeroed_hello)
    expect(stampOf(hello)).toBe(vector.timestamp)
  })

  it('reads what TDLib 1.8.65 sent', () => {
    const { hello } = read(CAPTURED)
    expect([hello.sni, stampOf(hello, hex(captured.secret))]).toEqual([captured.sni, captured.timestamp])
  })

  it('reads the 517 bytes of older clients', () => {
    const made = makeClientHello({ random: testRandom(), domain: 'a.example', secret: KEY, stamp: 99, size: 'classic' })
    expect(made.record).toHaveLength(517)
    expect(toHex(made.record.subarray(0, 11))).toBe('1603010200010001fc0303')
    const { hello } = read(made.record)
    expect([hello.sni, hello.keyShareGroups.slice(1), stampOf(hello)]).toEqual(['a.example', [0x001d], 99])
  })

  it('wants more for every shorter start, and is not moved by what follows', () => {
    for (const seen of prefixes(CAPTURED).slice(0, -1)) expect(readClientHello(seen)).toEqual({ state: 'more' })
    expect(readClientHello(concat(CAPTURED, hex('160301ffff')))).toEqual(readClientHello(CAPTURED))
  })

  test.prop([fc.array(fc.integer({ min: 40, max: 2000 }), { minLength: 1, maxLength: 8 })])(
    'reads a hello cut into several records as if it were one',
    (lengths) => {
      const wire = inRecords(CAPTURED, lengths)
      const { hello, consumed } = read(concat(wire, hex('1403')))
      expect([toHex(hello.record), consumed]).toEqual([toHex(read(CAPTURED).hello.record), wire.length])
      for (const seen of prefixes(wire).slice(0, -1)) expect(readClientHello(seen).state).toBe('more')
    },
  )

  it('reads a handshake header that is cut over records', () => {
    for (const first of [1, 2, 3, 4]) expect(read(inRecords(CAPTURED, [first, 1600])).hello.sni).toBe(captured.sni)
  })

  it('looks at so many records and no more', () => {
    const body = CAPTURED.length - 5
    const most = inRecords(CAPTURED, [...new Array<number>(HELLO_RECORDS_MAX - 1).fill(1), body])
    const tooMany = inRecords(CAPTURED, [...new Array<number>(HELLO_RECORDS_MAX).fill(1), body])
    expect(readClientHello(most).state).toBe('hello')
    expect(readClientHello(tooMany).state).toBe('bad')
  })

  it.each([
    [HELLO_MIN_BYTES + 4, 'bad'],
    [HELLO_MIN_BYTES + 5, 'hello'],
    [HELLO_MAX_BYTES, 'hello'],
    [HELLO_MAX_BYTES + 1, 'bad'],
  ])('a hello of %i bytes: %s', (length, state) => {
    expect(readClientHello(ofLength(length)).state).toBe(state)
    // The headers alone say it, so that nobody waits for what would be refused.
    if (state === 'bad') expect(readClientHello(ofLength(length).subarray(0, 9)).state).toBe('bad')
  })

  it('counts the headers of all records against the limit', () => {
    expect(readClientHello(inRecords(ofLength(HELLO_MAX_BYTES - 9), [8000])).state).toBe('bad')
    expect(readClientHello(inRecords(ofLength(HELLO_MAX_BYTES - 10), [8000])).state).toBe('hello')
  })

  it('tells from the first byte that differs that this is no TLS', () => {
    expect(readClientHello(new Uint8Array(0))).toEqual({ state: 'more' })
    for (const start of ['16', '1603', '160301', '16030102']) expect(readClientHello(hex(start)).state).toBe('more')
    for (const start of ['15', '1703', '160300', '160303020001', 'ee', '47']) {
      expect(readClientHello(hex(start)).state).toBe('not-tls')
    }
  })

  it.each([
    ['an empty record', '1603010000'],
    ['another handshake message', '160301020002'],
    ['a handshake that is too short', '1603010200010001fb'],
    ['a handshake that is too long', '160301020001003ffd'],
    ['a record longer than its handshake', '160301020101 0001fc'.replace(' ', '')],
    ['a second record of another kind', `1603010001 01 1703`.replaceAll(' ', '')],
  ])('refuses %s', (_, start) => {
    expect(readClientHello(hex(start)).state).toBe('bad')
  })

  const patched = (at: number, ...bytes: number[]) => {
    const hello = CAPTURED.slice()
    hello.set(bytes, at)
    return hello
  }

  it.each([
    ['another version', patched(9, 3, 1)],
    ['a session id of 31 bytes', patched(43, 31)],
    ['no cipher suites', patched(76, 0, 0)],
    ['half a cipher suite', patched(76, 0, 31)],
    ['cipher suites beyond the end', patched(76, 0xff, 0xfe)],
    ['no compression method', patched(110, 0)],
  ])('refuses %s', (_, hello) => {
    expect(readClientHello(hello).state).toBe('bad')
  })

  it('ends at the compression methods at the latest', () => {
    const hello = ofLength(600)
    // 255 bytes of compression methods and extensions that do not add up: still a hello.
    hello[80] = 255
    expect(readClientHello(hello).state).toBe('hello')
    write16(hello, 76, 600 - 78 - 2)
    expect(readClientHello(hello).state).toBe('bad')
  })
})

describe('the server name', () => {
  const sniOf = (data: string | Uint8Array) =>
    read(withExtension(0, typeof data === 'string' ? hex(data) : data)).hello.sni
  const named = (name: string) => {
    const data = concat(hex('0000000000'), fromAscii(name))
    write16(data, 0, name.length + 3)
    write16(data, 3, name.length)
    return data
  }

  it('is lower case', () => {
    expect(sniOf(named('WWW.Example.COM'))).toBe('www.example.com')
  })

  it.each([
    ['empty', named('')],
    ['with a space', named('a b')],
    ['beyond ASCII', '0006000003c3a9c3'],
    ['of another kind', '000401000161'],
    ['shorter than its list', '000500000161'],
    ['longer than its list', '000300000161'],
    ['cut', '0004000002'],
    ['nothing', ''],
  ])('is not there when it is %s', (_, data) => {
    expect(sniOf(data)).toBeUndefined()
  })

  it('is not there without its extension', () => {
    const made = makeClientHello({ random: testRandom(), domain: '', secret: KEY, stamp: 5 })
    const { hello } = read(made.record)
    expect([hello.sni, stampOf(hello)]).toEqual([undefined, 5])
  })

  it('is not there when the extensions cannot be walked; the hello is', () => {
    for (const at of [112, 116]) {
      const broken = CAPTURED.slice()
      broken[at] = 0x7f
      const { hello } = read(broken)
      expect([hello.sni, hello.keyShareGroups]).toEqual([undefined, []])
    }
  })

  it('costs nobody their key share groups', () => {
    expect(read(withExtension(0, hex('00'))).hello.keyShareGroups.slice(1)).toEqual([0x11ec, 0x001d])
  })

  it.each(['', '00', '0001', '0005001d0002', '0004001d0001'])('is read beside a key share of %j', (data) => {
    expect(read(withExtension(0x33, hex(data))).hello).toMatchObject({ sni: captured.sni, keyShareGroups: [] })
  })
})

describe('readStamp', () => {
  const { hello } = read(HELLO)
  const mac = createHmac('sha256', KEY).update(hello.record).digest()

  it('is undefined when any of the first 28 bytes differs', () => {
    for (let i = 0; i < 28; i++) {
      const random = hello.random.slice()
      random[i] ^= 1
      expect(readStamp(mac, random)).toBeUndefined()
    }
  })

  it('is read little-endian from the last four, up to 2^32-1', () => {
    const random = concat(
      mac.subarray(0, 28),
      Uint8Array.from(mac.subarray(28), (byte) => byte ^ 0xff),
    )
    expect(readStamp(mac, random)).toBe(0xffffffff)
    random[28] ^= 1
    expect(readStamp(mac, random)).toBe(0xfffffffe)
  })

  it('is undefined for another secret', () => {
    expect(stampOf(hello, new Uint8Array(16))).toBeUndefined()
  })
})

describe('garbage', () => {
  const arbHello = fc.constantFrom(HELLO, CAPTURED)

  test.prop([arbBytes(600), fc.nat({ max: 12 })])(
    'of any content is answered, for each start alike or "more"',
    (bytes, known) => {
      const seen = concat(CAPTURED.subarray(0, known), bytes)
      const whole = readClientHello(seen)
      for (const start of prefixes(seen)) {
        const { state } = readClientHello(start)
        expect(state === 'more' || state === whole.state).toBe(true)
      }
    },
  )

  test.prop([arbHello, fc.array(fc.tuple(fc.nat({ max: 1800 }), fc.nat({ max: 255 })), { maxLength: 6 })])(
    'in a hello never throws and never makes it read beyond its end',
    (hello, changes) => {
      const seen = hello.slice()
      for (const [at, byte] of changes) if (at < seen.length) seen[at] = byte
      const buffer = concat(seen, new Uint8Array(64).fill(0x41))
      expect(readClientHello(buffer.subarray(0, seen.length))).toEqual(readClientHello(seen))
    },
  )
})

it('what is read shares no memory with what was seen', () => {
  const seen = HELLO.slice()
  const { hello } = read(seen)
  const before = [toHex(hello.record), toHex(hello.random), toHex(hello.sessionId)]
  expect(toHex(seen)).toBe(vector.client_hello)
  seen.fill(0xdb)
  expect([toHex(hello.record), toHex(hello.random), toHex(hello.sessionId)]).toEqual(before)
})
