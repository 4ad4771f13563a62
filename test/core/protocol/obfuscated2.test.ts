import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { concat } from '../../../src/core/protocol/bytes.ts'
import { ctr } from '../../../src/core/protocol/ctr.ts'
import {
  INIT_LENGTH,
  decryptInit,
  isForbidden,
  makeInit,
  rawKeys,
  readInit,
  withSecret,
  type Framing,
} from '../../../src/core/protocol/obfuscated2.ts'
import type { CipherKey } from '../../../src/core/ports.ts'
import { KEY, arbBytes, hex, scriptedRandom, testRandom, toHex, vectors } from './arbitrary.ts'

const FRAMINGS: Record<string, Framing> = { efefefef: 'abridged', eeeeeeee: 'intermediate', dddddddd: 'padded' }
const cases = [
  ...Object.entries(vectors.obfuscated2.cases).map(([name, vector]) => ({ name, ...vector })),
  { name: 'fast_mode dc side', ...vectors.obfuscated2.fast_mode.dc_side },
]
const arbFraming = fc.constantFrom(...Object.values(FRAMINGS))
const arbDc = fc.integer({ min: -32768, max: 32767 })
const shown = ({ key, iv }: CipherKey) => ({ key: toHex(key), iv: toHex(iv) })

/** What a proxy or DC makes of an init. */
function answer(wire: Uint8Array, secret?: Uint8Array) {
  const raw = rawKeys(wire)
  const up = secret === undefined ? raw.up : withSecret(raw.up, secret)
  const down = secret === undefined ? raw.down : withSecret(raw.down, secret)
  const plain = decryptInit(wire, up)
  return { up, down, plain, init: readInit(plain) }
}

describe('an init of the vectors', () => {
  it.each(cases)('$name is read', (vector) => {
    const secret = vector.secret === null ? undefined : hex(vector.secret)
    const read = answer(hex(vector.wire_init), secret)
    expect(shown(read.up)).toEqual(vector.client_to_server)
    expect(shown(read.down)).toEqual(vector.server_to_client)
    expect(toHex(read.plain)).toBe(vector.decrypted_init_full)
    expect(read.init).toEqual({ framing: FRAMINGS[vector.tag], dc: vector.dc_id })
    const down = ctr(read.down).update(hex(vector.downlink_plain_first))
    expect(toHex(down)).toBe(vector.downlink_wire_first)
  })

  it.each(cases)('$name is written', (vector) => {
    const plain = hex(vector.plain_init)
    const made = makeInit({
      random: scriptedRandom(plain),
      framing: FRAMINGS[vector.tag],
      dc: vector.dc_id,
      ...(vector.secret === null ? {} : { secret: hex(vector.secret) }),
    })
    expect(toHex(made.wire)).toBe(vector.wire_init)
    expect([shown(made.up), shown(made.down)]).toEqual([vector.client_to_server, vector.server_to_client])
    const uplink = ctr(made.up, INIT_LENGTH).update(hex(vector.uplink_plain_after_init))
    expect(toHex(uplink)).toBe(vector.uplink_wire_after_init)
  })
})

describe('the pass-through key', () => {
  const { fast_mode: fast } = vectors.obfuscated2
  const client = vectors.obfuscated2.cases.dd_secret_dc2

  it('makes the DC encrypt as the client expects, by the vector', () => {
    const downlink = answer(hex(client.wire_init), hex(client.secret)).down
    const drawn = hex(fast.dc_side.plain_init)
    const made = makeInit({ random: scriptedRandom(drawn), framing: 'padded', dc: 2, downlink })
    // Bytes 0..7 are drawn, 8..55 follow from the client's key.
    expect(toHex(made.wire.subarray(8, 56))).toBe(toHex(concat(downlink.key, downlink.iv).reverse()))
    expect(shown(made.down)).toEqual(client.server_to_client)
    expect(shown(made.down)).toEqual(fast.dc_side.server_to_client)
  })

  test.prop([arbFraming, arbDc, arbBytes(64)])('lets DC bytes pass unread', (framing, dc, plain) => {
    const toProxy = makeInit({ random: testRandom(2), framing, dc, secret: KEY })
    const client = answer(toProxy.wire, KEY)
    const toDc = makeInit({ random: testRandom(3), framing, dc, downlink: client.down })
    const wire = ctr(answer(toDc.wire).down).update(plain)
    expect(toHex(ctr(toProxy.down).update(wire))).toBe(toHex(plain))
    expect(answer(toDc.wire).init).toEqual({ framing, dc })
  })

  it('is not mixed with a secret', () => {
    const downlink = { key: new Uint8Array(32), iv: new Uint8Array(16) }
    expect(() => makeInit({ random: testRandom(), framing: 'padded', dc: 2, secret: KEY, downlink })).toThrow('secret')
  })
})

describe('makeInit', () => {
  test.prop([arbFraming, arbDc, fc.boolean(), fc.nat()])(
    'is read as it was written',
    (framing, dc, hasSecret, seed) => {
      const secret = hasSecret ? KEY : undefined
      const made = makeInit({ random: testRandom(seed), framing, dc, ...(secret === undefined ? {} : { secret }) })
      const read = answer(made.wire, secret)
      expect(read.init).toEqual({ framing, dc })
      expect([shown(read.up), shown(read.down)]).toEqual([shown(made.up), shown(made.down)])
    },
  )

  const forbidden = [
    ...vectors.obfuscated2.forbidden_first_u32_le.map((word) => {
      const bytes = new Uint8Array(8).fill(1)
      new DataView(bytes.buffer).setUint32(0, Number(word), true)
      return [word, bytes] as const
    }),
    ['first byte ef', hex('ef02030405060708')] as const,
    ['second word 0', hex('0102030400000000')] as const,
  ]

  it.each(forbidden)('draws again for %s', (_, start) => {
    const random = scriptedRandom(concat(start, new Uint8Array(56).fill(7)), start, hex('0102030405060708'))
    const made = makeInit({ random, framing: 'padded', dc: 2 })
    expect(random.left).toBe(0)
    expect(toHex(made.wire.subarray(0, 8))).toBe('0102030405060708')
  })

  it.each(forbidden)('sends %s inside TLS as clients do', (_, start) => {
    const random = scriptedRandom(concat(start, new Uint8Array(56).fill(7)))
    const made = makeInit({ random, framing: 'padded', dc: 2, isInsideTls: true })
    expect(toHex(made.wire.subarray(0, 8))).toBe(toHex(start))
  })

  it.each(forbidden)('has words beside %s that are allowed', (_, start) => {
    expect(isForbidden(start)).toBe(true)
    // Any other bit set in both words leaves the list.
    expect(isForbidden(start.map((byte) => byte ^ 0x40))).toBe(false)
  })

  it('draws 64 bytes when the first draw will do', () => {
    const random = testRandom(9)
    makeInit({ random, framing: 'abridged', dc: -3 })
    expect(random.drawn).toBe(INIT_LENGTH)
  })

  it('ends even when the random source is broken', () => {
    const random = { fill: <T extends Uint8Array>(target: T) => target, below: () => 0 }
    expect(() => makeInit({ random, framing: 'padded', dc: 2 })).toThrow('differ')
  })
})

describe('readInit', () => {
  test.prop([arbBytes(64, 64)])('takes nothing but the three tags', (plain) => {
    const tag = toHex(plain.subarray(56, 60))
    expect(readInit(plain)?.framing).toBe(FRAMINGS[tag])
  })

  it('does not take a tag that is wrong in one byte', () => {
    for (const tag of Object.keys(FRAMINGS)) {
      for (let at = 56; at < 60; at++) {
        const plain = new Uint8Array(64)
        plain.set(hex(tag), 56)
        expect(readInit(plain)?.framing).toBe(FRAMINGS[tag])
        plain[at] ^= 1
        expect(readInit(plain)).toBeUndefined()
      }
    }
  })

  it('reads no tag with the wrong secret', () => {
    const { wire } = makeInit({ random: testRandom(), framing: 'padded', dc: 2, secret: KEY })
    expect(
      answer(
        wire,
        KEY.map((byte) => byte ^ 1),
      ).init,
    ).toBeUndefined()
    expect(answer(wire).init).toBeUndefined()
  })
})

it('keys share no memory with the wire', () => {
  const wire = hex(vectors.obfuscated2.cases.to_dc_no_secret_dc2.wire_init)
  const { up, down } = rawKeys(wire)
  const before = [shown(up), shown(down)]
  wire.fill(0)
  expect([shown(up), shown(down)]).toEqual(before)
})
