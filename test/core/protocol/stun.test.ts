import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { readStunAnswer, stunRequest, STUN_ANSWER_MAX } from '../../../src/core/protocol/stun.ts'

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'))

/** RFC 5769, 2.2 and 2.3: answers over IPv4 and IPv6. */
const TRANSACTION = hex('b7e7a701 bc34d686 fa87dfae')
const IPV4 = hex(`0101003c 2112a442 b7e7a701bc34d686fa87dfae
  8022000b 7465737420766563746f7220 00200008 0001a147e112a643
  00080014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7 80280004 c07d4c96`)
const IPV6 = hex(`01010048 2112a442 b7e7a701bc34d686fa87dfae
  8022000b 7465737420766563746f7220 00200014 0002a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9
  00080014 a382954e4be67bf11784c97c8292c275bfe3ed41 80280004 c8fb0b4c`)
const HEADER = 20
const XOR_MAPPED_AT = 36

/** A copy with these bytes put in from `at` on. */
function changed(message: Uint8Array, at: number, bytes: readonly number[]): Uint8Array {
  const copy = Uint8Array.from(message)
  copy.set(bytes, at)
  return copy
}

describe('STUN', () => {
  it('asks with nothing but a header', () => {
    expect(Buffer.from(stunRequest(TRANSACTION)).toString('hex')).toBe('000100002112a442b7e7a701bc34d686fa87dfae')
  })

  it('reads the answers of RFC 5769', () => {
    expect(readStunAnswer(IPV4, TRANSACTION)).toEqual({ ip: '192.0.2.1', port: 32853 })
    expect(readStunAnswer(IPV6, TRANSACTION)).toEqual({
      ip: '2001:db8:1234:5678:11:2233:4455:6677',
      port: 32853,
    })
  })

  it('reads an answer with nothing but the address, and takes the first of two', () => {
    const attribute = IPV4.subarray(XOR_MAPPED_AT, XOR_MAPPED_AT + 12)
    const once = Uint8Array.of(...IPV4.subarray(0, HEADER), ...attribute)
    once[3] = 12
    expect(readStunAnswer(once, TRANSACTION)).toEqual({ ip: '192.0.2.1', port: 32853 })
    const twice = Uint8Array.of(...once, ...changed(attribute, 8, [0, 0, 0, 0]))
    twice[3] = 24
    expect(readStunAnswer(twice, TRANSACTION)).toEqual({ ip: '192.0.2.1', port: 32853 })
  })

  it.each([
    ['a request', changed(IPV4, 0, [0, 1])],
    ['an error', changed(IPV4, 0, [1, 0x11])],
    ['another cookie', changed(IPV4, 4, [0])],
    ['another length', changed(IPV4, 3, [0x38])],
    ['an attribute over the end', changed(IPV4, XOR_MAPPED_AT + 2, [0xff])],
    ['no such family', changed(IPV4, XOR_MAPPED_AT + 5, [3])],
    ['an IPv6 address of four bytes', changed(IPV4, XOR_MAPPED_AT + 5, [2])],
    ['no address', changed(IPV4, XOR_MAPPED_AT, [0x80, 0x20])],
    ['too much', new Uint8Array(STUN_ANSWER_MAX + 4)],
    ['nothing', new Uint8Array(0)],
  ])('takes no address from %s', (_what, answer) => {
    expect(readStunAnswer(answer, TRANSACTION)).toBeUndefined()
  })

  it('takes no address from an answer to another request', () => {
    for (let at = 0; at < TRANSACTION.length; at++)
      expect(readStunAnswer(IPV4, changed(TRANSACTION, at, [TRANSACTION[at] ^ 1]))).toBeUndefined()
  })

  it('takes no address from a part of an answer', () => {
    for (let length = 0; length < IPV4.length; length++)
      expect(readStunAnswer(IPV4.subarray(0, length), TRANSACTION)).toBeUndefined()
  })

  test.prop([fc.uint8Array({ maxLength: 80 })])('reads any attributes without a fault', (attributes) => {
    const answer = Uint8Array.of(...IPV4.subarray(0, HEADER), ...attributes)
    answer[3] = attributes.length
    const found = readStunAnswer(answer, TRANSACTION)
    expect(found === undefined || found.port <= 65535).toBe(true)
  })
})
