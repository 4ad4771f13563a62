import { createHmac } from 'node:crypto'
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { concat, read16, write16, write24 } from '../../../../src/core/protocol/bytes.ts'
import { readClientHello, type ClientHello } from '../../../../src/core/protocol/faketls/client-hello.ts'
import {
  ANSWER_RANDOM_AT,
  FLIGHT_MAX_BYTES,
  FLIGHT_MIN_BYTES,
  makeAnswer,
  readServerFlight,
  type FlightShape,
  type ServerFlight,
} from '../../../../src/core/protocol/faketls/server-hello.ts'
import { KEY, arbBytes, hex, prefixes, scriptedRandom, testRandom, toHex, vectors } from '../arbitrary.ts'

const { fake_tls: vector } = vectors
const SHAPE: FlightShape = { cipherSuite: 0x1301, extensionOrder: [0x33, 0x2b], recordBytes: 1000 }
const SHARE = testRandom(5).fill(new Uint8Array(32))
const ANSWER = hex(vector.server_answer)

function helloOf(wire: Uint8Array): ClientHello {
  const result = readClientHello(wire)
  if (result.state !== 'hello') throw new Error(result.state)
  return result.hello
}
const HELLO = helloOf(hex(vector.client_hello))

const answer = (shape: Partial<FlightShape> = {}, hello: ClientHello = HELLO) =>
  makeAnswer({ hello, share: SHARE, shape: { ...SHAPE, ...shape }, random: testRandom() })

function flightOf(wire: Uint8Array): ServerFlight {
  const flight = readServerFlight(wire)
  if (flight.state !== 'flight') throw new Error(flight.state)
  return flight
}

describe('makeAnswer', () => {
  it('writes the answer of the vectors, whose digest is the HMAC over client random and answer', () => {
    const made = makeAnswer({
      hello: HELLO,
      share: ANSWER.slice(89, 121),
      shape: { ...SHAPE, recordBytes: ANSWER.length - 138 },
      random: scriptedRandom(ANSWER.slice(138)),
    })
    expect(toHex(made)).toBe(vector.server_answer_zeroed_random)
    const mac = createHmac('sha256', KEY).update(HELLO.random).update(made).digest()
    expect(toHex(mac)).toBe(vector.server_random)
    made.set(mac, ANSWER_RANDOM_AT)
    expect(toHex(made)).toBe(vector.server_answer)
  })

  it('is exactly three records', () => {
    const made = answer()
    const lengths: number[] = []
    for (let at = 0; at < made.length; at += 5 + lengths[lengths.length - 1]) lengths.push(read16(made, at + 3))
    expect(lengths).toEqual([0x7a, 1, 1000])
    expect(toHex(made.subarray(0, 11))).toBe('160303007a020000760303')
    expect(toHex(made.subarray(127, 138))).toBe('1403030001011703030' + '3e8')
  })

  test.prop([
    fc.integer({ min: FLIGHT_MIN_BYTES, max: FLIGHT_MAX_BYTES }),
    fc.boolean(),
    fc.constantFrom(0x1301, 0x1302, 0x1303),
  ])('is read as the flight it was shaped after', (recordBytes, isVersionsFirst, cipherSuite) => {
    const extensionOrder = isVersionsFirst ? [0x2b, 0x33] : [0x33, 0x2b]
    expect(readServerFlight(answer({ recordBytes, extensionOrder, cipherSuite }))).toEqual({
      state: 'flight',
      isTls13: true,
      isRetryRequest: false,
      cipherSuite,
      extensionOrder,
      group: 0x001d,
      recordBytes: [recordBytes],
      isMidRecord: false,
    })
  })

  it.each([
    ['the mask host, when the client offers it', 0x1303, [0x4a4a, 0x1301, 0x1303], 0x1303],
    ['the client, when it does not offer that', 0x1303, [0x4a4a, 0x1302, 0x1301], 0x1302],
    ['the client, when the mask host is not known', undefined, [0x1302, 0x1301], 0x1302],
    ['nobody, when no suite is of TLS 1.3', 0x1302, [0xc02b, 0x002f], 0x1301],
  ])('takes the cipher of %s', (_, cipherSuite, cipherSuites, expected) => {
    expect(flightOf(answer({ cipherSuite }, { ...HELLO, cipherSuites })).cipherSuite).toBe(expected)
  })

  it('holds share and session id in their places', () => {
    const made = toHex(answer())
    expect(made.slice(2 * 81, 2 * 127)).toBe(`00330024001d0020${toHex(SHARE)}002b00020304`)
    expect(made.slice(2 * 43, 2 * 76)).toBe(`20${vector.session_id}`)
    const other = toHex(answer({ extensionOrder: [0x2b, 0x33] }))
    expect(other.slice(2 * 81, 2 * 127)).toBe(`002b0002030400330024001d0020${toHex(SHARE)}`)
  })

  it('leaves the random zero, and the encrypted record to the random source', () => {
    const random = testRandom(3)
    const made = makeAnswer({ hello: HELLO, share: SHARE, shape: SHAPE, random })
    expect(toHex(made.subarray(11, 43))).toBe('00'.repeat(32))
    expect(random.drawn).toBe(1000)
    expect(toHex(made.subarray(138))).toBe(toHex(testRandom(3).fill(new Uint8Array(1000))))
  })

  it('takes flights of 64 to 10240 bytes and no others', () => {
    expect(answer({ recordBytes: 64 })).toHaveLength(138 + 64)
    expect(answer({ recordBytes: 10240 })).toHaveLength(138 + 10240)
    expect(() => answer({ recordBytes: 63 })).toThrow('flight')
    expect(() => answer({ recordBytes: 10241 })).toThrow('flight')
    expect(() => makeAnswer({ hello: HELLO, share: new Uint8Array(31), shape: SHAPE, random: testRandom() })).toThrow(
      '32',
    )
  })
})

/** A server's hello record with these extensions. */
function serverHello(extensions: string, random = '11'.repeat(32), sessionId = ''): Uint8Array {
  const list = hex(extensions)
  const body = concat(
    hex(`02000000 0303 ${random}`.replaceAll(' ', '')),
    Uint8Array.of(sessionId.length / 2),
    hex(sessionId),
    hex('1302000000'),
    list,
  )
  write24(body, 1, body.length - 4)
  write16(body, body.length - list.length - 2, list.length)
  return record(0x16, body)
}

function record(type: number, body: Uint8Array): Uint8Array {
  const header = Uint8Array.of(type, 3, 3, 0, 0)
  write16(header, 3, body.length)
  return concat(header, body)
}

const VERSIONS = '002b00020304'
const KEM_SHARE = `0033046411ec0460${'ab'.repeat(0x460)}`
const CCS = record(0x14, Uint8Array.of(1))

describe('readServerFlight', () => {
  it('counts the encrypted records of a real-looking flight as they come', () => {
    const hello = serverHello(KEM_SHARE + VERSIONS, undefined, 'cd'.repeat(32))
    const records = [33, 2700, 281, 69].map((length) => record(0x17, new Uint8Array(length)))
    const wire = concat(hello, CCS, ...records)
    const whole = flightOf(wire)
    expect(whole).toMatchObject({ group: 0x11ec, cipherSuite: 0x1302, extensionOrder: [0x33, 0x2b], isTls13: true })
    expect([whole.recordBytes, whole.isMidRecord]).toEqual([[33, 2700, 281, 69], false])
    const cut = flightOf(wire.slice(0, -1))
    expect([cut.recordBytes, cut.isMidRecord]).toEqual([[33, 2700, 281], true])
    const inHeader = flightOf(concat(hello, hex('170303')))
    expect([inHeader.recordBytes, inHeader.isMidRecord]).toEqual([[], true])
    expect(flightOf(hello).recordBytes).toEqual([])
  })

  it('wants more until the hello is there, whatever the split', () => {
    const hello = serverHello(VERSIONS)
    for (const seen of prefixes(hello).slice(0, -1)) expect(readServerFlight(seen)).toEqual({ state: 'more' })
    expect(readServerFlight(hello).state).toBe('flight')
  })

  it('knows a request for another hello', () => {
    const random = 'cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c'
    expect(flightOf(serverHello(`${VERSIONS}00330002001d`, random))).toMatchObject({
      isRetryRequest: true,
      group: 0x1d,
    })
  })

  it('looks no further in an older version', () => {
    const wire = concat(serverHello('ff01000100'), record(0x16, new Uint8Array(3000)))
    expect(flightOf(wire)).toMatchObject({ isTls13: false, group: undefined, recordBytes: [], isMidRecord: false })
    const bare = hex(`16030300 2a 02000026 0303 ${'11'.repeat(32)} 00 c02f 00`.replaceAll(' ', ''))
    expect(flightOf(bare)).toMatchObject({ isTls13: false, cipherSuite: 0xc02f })
  })

  it.each([
    ['an alert', hex('15030300020228')],
    ['an alert, at its first byte', hex('15')],
    ['HTTP', hex('485454502f312e31')],
    ['a record without a message', hex('16030300020200')],
    ['a record that is too long', hex('1603034101')],
    ['another message', record(0x16, hex(`0b000026${'00'.repeat(38)}`))],
    ['a hello over several records', serverHello(VERSIONS).slice(0, 40).fill(30, 4, 5)],
    ['extensions that do not add up', serverHello(`${VERSIONS}0033`)],
    ['a session id beyond its end', serverHello(VERSIONS).fill(200, 43, 44)],
    ['a hello that ends in its random', record(0x16, hex(`0200000403031111${'00'.repeat(40)}`))],
    ['an alert behind the hello', concat(serverHello(VERSIONS), record(0x15, hex('0228')))],
    ['a record behind it that is too long', concat(serverHello(VERSIONS), hex('1703034101'))],
  ])('is bad for %s', (_, wire) => {
    expect(readServerFlight(wire).state).toBe('bad')
  })

  test.prop([arbBytes(300), fc.nat({ max: 140 })])('garbage: never throws', (bytes, known) => {
    const seen = concat(serverHello(VERSIONS).subarray(0, known), bytes)
    for (const start of prefixes(seen)) expect(['more', 'bad', 'flight']).toContain(readServerFlight(start).state)
  })
})
