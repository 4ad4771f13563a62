import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { encodeQuestion, readAnswer, type Question } from '../../../src/runtime/dns/message.ts'
import { readQuestion, writeAnswer, writeName } from '../../contract/dns.server.ts'

const QUESTION: Question = { id: 0x1234, host: 'www.example.com', type: 'A' }
const ASKED = readQuestion(Buffer.from(encodeQuestion(QUESTION)))
const AAAA: Question = { ...QUESTION, type: 'AAAA' }
const OTHER = { kind: 'other' }

/** As a resolver on the internet writes it: an alias, two addresses, every name by a pointer. */
const COMPRESSED = Buffer.from(
  '1234818000010003000000010377777707657861' +
    '6d706c6503636f6d0000010001' +
    'c00c00050001000000c800060363646ec010' +
    'c02d000100010000003c0004c0000207' +
    'c02d000100010000003c0004c0000208' +
    '0000290fa0000080000000',
  'hex',
)

describe('a question', () => {
  it('is written as RFC 1035 has it', () => {
    expect(Buffer.from(encodeQuestion({ ...AAAA, host: 'a.bc' })).toString('hex')).toBe(
      '123401000001000000000000' + '0161026263' + '00001c0001',
    )
  })
})

describe('an answer', () => {
  it('with compressed names, an alias and an option record is read', () => {
    expect(readAnswer(COMPRESSED, QUESTION)).toEqual({ kind: 'addresses', ips: ['192.0.2.7', '192.0.2.8'], ttlSec: 60 })
  })

  it('is for its own name in any case, and for no other', () => {
    expect(readAnswer(COMPRESSED, { ...QUESTION, host: 'WWW.Example.COM' }).kind).toBe('addresses')
    for (const host of ['www.example.org', 'example.com', 'www.example.comm'])
      expect(readAnswer(COMPRESSED, { ...QUESTION, host })).toEqual(OTHER)
    expect(readAnswer(COMPRESSED, { ...QUESTION, id: 0x1235 })).toEqual(OTHER)
    expect(readAnswer(COMPRESSED, AAAA)).toEqual(OTHER)
  })

  it('that is cut anywhere is none', () => {
    const end = COMPRESSED.length - 11
    for (let length = 0; length < end; length++)
      expect(readAnswer(COMPRESSED.subarray(0, length), QUESTION)).toEqual(OTHER)
    expect(readAnswer(COMPRESSED.subarray(0, end), QUESTION).kind).toBe('addresses')
  })

  it.each([
    ['points at itself', 'c021'],
    ['points ahead', 'c0ff'],
    ['points beyond the message', 'ffff'],
    ['has a label of a kind that is none', '4161'],
    ['has a dot in a label', '03612e6200'],
    ['goes in a circle over labels', '0161c021'],
  ])('whose name %s is none', (_, name) => {
    const bytes = Buffer.concat([COMPRESSED.subarray(0, 33), Buffer.from(name, 'hex'), COMPRESSED.subarray(35)])
    expect(readAnswer(bytes, QUESTION)).toEqual(OTHER)
  })

  it.each([253, 254, 255])('holds no name of more than 255 bytes (%i)', (length) => {
    const label = (bytes: number) => 'x'.repeat(bytes)
    const owner = [label(63), label(63), label(63), label(length - 3 * 64 - 2)].join('.')
    expect(writeName(owner)).toHaveLength(length)
    const reading = readAnswer(writeAnswer(ASKED, { a: ['192.0.2.1'], aliases: [{ name: owner, ttl: 9 }] }), QUESTION)
    expect(reading.kind).toBe('addresses')
    const longer = readAnswer(
      writeAnswer(ASKED, { a: ['192.0.2.1'], owner: `${owner}${label(256 - length)}` }),
      QUESTION,
    )
    expect(longer).toEqual(OTHER)
  })

  it('whose address has another length is none', () => {
    const good = writeAnswer(ASKED, { a: ['192.0.2.1'] })
    for (const length of [0, 3, 5, 16]) {
      const bytes = Buffer.concat([good.subarray(0, -4), Buffer.alloc(length)])
      bytes.writeUInt16BE(length, good.length - 6)
      expect(readAnswer(bytes, QUESTION)).toEqual(OTHER)
    }
  })

  const arbOctet = fc.integer({ min: 0, max: 255 })
  const arbIp = fc.tuple(arbOctet, arbOctet, arbOctet, arbOctet).map((octets) => octets.join('.'))
  test.prop([fc.array(arbIp, { maxLength: 16 }), fc.integer({ min: 0, max: 0x7fff_ffff }), fc.nat(8)])(
    'says what was written, over any number of aliases up to eight',
    (a, ttl, count) => {
      const aliases = Array.from({ length: count }, (_, i) => ({ name: `alias${i}.example.net`, ttl: 0x7fff_ffff }))
      const ttlSec = a.length > 0 ? ttl : 0x7fff_ffff
      expect(readAnswer(writeAnswer(ASKED, { a, ttl, aliases }), QUESTION)).toEqual({
        kind: 'addresses',
        ips: a,
        ttlSec,
      })
    },
  )

  test.prop([fc.uint8Array({ maxLength: 600 })])('is never found in garbage', (bytes) => {
    expect(readAnswer(bytes, QUESTION)).toEqual(OTHER)
  })

  test.prop([fc.uint8Array({ maxLength: 200 }), fc.nat(COMPRESSED.length)])(
    'that breaks off into garbage is read or not, and nothing is thrown',
    (bytes, at) => {
      expect(readAnswer(Buffer.concat([COMPRESSED.subarray(0, at), bytes]), QUESTION).kind).toBeTypeOf('string')
    },
  )
})
