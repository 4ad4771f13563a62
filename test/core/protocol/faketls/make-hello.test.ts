import { createPublicKey } from 'node:crypto'
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { concat, read16 } from '../../../../src/core/protocol/bytes.ts'
import { readClientHello } from '../../../../src/core/protocol/faketls/client-hello.ts'
import { makeClientHello } from '../../../../src/core/protocol/faketls/make-hello.ts'
import { x25519Public } from '../../../../src/core/protocol/x25519.ts'
import { KEY, hex, testRandom, toHex, vectors } from '../arbitrary.ts'

const CAPTURED = hex(vectors.fake_tls.captured_tdlib_1_8_65_hello.hello)

const isGrease = (value: number) => (value & 0x0f0f) === 0x0a0a

/** Extensions by type, in order; reserved types as `grease`. */
function extensionsOf(hello: Uint8Array): Map<string, Uint8Array> {
  const found = new Map<string, Uint8Array>()
  for (let at = 114; at < hello.length; at += 4 + read16(hello, at + 2)) {
    const type = read16(hello, at)
    const name = isGrease(type) ? `grease ${found.size === 0 ? 'first' : 'last'}` : type.toString(16)
    found.set(name, hello.slice(at + 4, at + 4 + read16(hello, at + 2)))
  }
  return found
}

const make = (seed: number, domain = 'example.com') =>
  makeClientHello({ random: testRandom(seed), domain, secret: KEY, stamp: 1_760_000_000, echBytes: 144 })

/** What is the same in all hellos: reserved and random values replaced by zeros. */
function skeleton(hello: Uint8Array): Record<string, string> {
  const fixed: Record<string, string> = {}
  for (const [name, data] of extensionsOf(hello)) {
    const shown = data.slice()
    if (name === 'a') shown.fill(0, 2, 4)
    if (name === '2b') shown.fill(0, 1, 3)
    if (name === '33')
      shown
        .fill(0, 2, 4)
        .fill(0, 11, 11 + 1216)
        .fill(0, shown.length - 32)
    if (name === 'fe0d') shown.fill(0, 5, 6).fill(0, 8, 40).fill(0, 42)
    fixed[name] = toHex(shown)
  }
  return fixed
}

describe('makeClientHello', () => {
  it('has every extension TDLib sends, with the same content but for what is random', () => {
    expect(skeleton(make(1).record)).toEqual(skeleton(CAPTURED))
  })

  it('has the same fixed part and the same length', () => {
    const { record } = make(1)
    expect(record).toHaveLength(CAPTURED.length)
    expect(toHex(record.subarray(0, 11))).toBe(toHex(CAPTURED.subarray(0, 11)))
    expect(toHex(record.subarray(80, 112))).toBe(toHex(CAPTURED.subarray(80, 112)))
  })

  test.prop([
    fc.stringMatching(/^[a-z0-9.]{1,200}$/),
    fc.constantFrom(144 as const, 176 as const, 208 as const, 240 as const),
  ])('has 1566 bytes, the domain cut to 182, and the ECH payload', (domain, echBytes) => {
    const { record } = makeClientHello({ random: testRandom(), domain, echBytes })
    expect(record).toHaveLength(1566 + Math.min(182, domain.length) + echBytes)
  })

  test.prop([fc.nat(), fc.integer({ min: 0, max: 0xffffffff }), fc.constantFrom('today' as const, 'classic' as const)])(
    'is read as it was made',
    (seed, stamp, size) => {
      const made = makeClientHello({ random: testRandom(seed), domain: 'Host.example', secret: KEY, stamp, size })
      const result = readClientHello(made.record)
      if (result.state !== 'hello') throw new Error(result.state)
      expect(result.hello.sni).toBe('host.example')
      expect([toHex(result.hello.random), toHex(result.hello.sessionId)]).toEqual([
        toHex(made.random),
        toHex(made.sessionId),
      ])
      expect(result.hello.keyShareGroups.slice(1)).toEqual(size === 'today' ? [0x11ec, 0x1d] : [0x1d])
    },
  )

  it('shuffles what lies between the reserved extensions', () => {
    const orders = new Set(Array.from({ length: 20 }, (_, seed) => [...extensionsOf(make(seed).record).keys()].join()))
    expect(orders.size).toBe(20)
    for (const order of orders) expect(order).toMatch(/^grease first,.*,grease last$/)
  })

  it('has reserved values that differ where they stand side by side', () => {
    for (let seed = 0; seed < 200; seed++) {
      const { record } = make(seed)
      const first = read16(record, 114)
      const last = read16(record, record.length - 5)
      expect([isGrease(read16(record, 78)), isGrease(first), isGrease(last)]).toEqual([true, true, true])
      expect(first).not.toBe(last)
    }
  })

  it('has an encapsulation key whose coefficients are all below 3329', () => {
    const share =
      extensionsOf(make(3).record)
        .get('33')
        ?.subarray(11, 11 + 1184) ?? new Uint8Array(0)
    expect(share).toHaveLength(1184)
    const coefficients: number[] = []
    for (let i = 0; i < 1152; i += 3) {
      coefficients.push(share[i] | ((share[i + 1] & 15) << 8), (share[i + 1] >> 4) | (share[i + 2] << 4))
    }
    expect(Math.max(...coefficients)).toBeLessThan(3329)
    expect(Math.max(...coefficients)).toBeGreaterThan(3200)
  })

  it('has an encapsulation key the platform takes, where it knows ML-KEM', () => {
    const share =
      extensionsOf(make(3).record)
        .get('33')
        ?.slice(11, 11 + 1184) ?? new Uint8Array(0)
    const spki = Buffer.from(concat(hex('308204b2300b0609608648016503040402038204a100'), share))
    expect(createPublicKey({ key: spki, format: 'der', type: 'spki' }).asymmetricKeyType).toBe('ml-kem-768')
  })

  it("holds the caller's own share", () => {
    const privateKey = testRandom(8).fill(new Uint8Array(32))
    const { record } = makeClientHello({ random: testRandom(), domain: 'a.example', privateKey })
    const share = extensionsOf(record).get('33') ?? new Uint8Array(0)
    expect(toHex(share.subarray(-36))).toBe(`001d0020${toHex(x25519Public(privateKey))}`)
  })

  it('has a random of its own without a secret', () => {
    const made = [1, 2].map((seed) => makeClientHello({ random: testRandom(seed), domain: 'a.example' }))
    expect(toHex(made[0].random)).not.toBe(toHex(made[1].random))
    expect(toHex(made[0].record.subarray(11, 43))).toBe(toHex(made[0].random))
  })

  it('is the same for the same draws', () => {
    expect(toHex(make(4).record)).toBe(toHex(make(4).record))
  })

  it('is padded to 517 bytes only in the classic size, and not where the domain leaves no room', () => {
    const classic = (domain: string) => makeClientHello({ random: testRandom(), domain, size: 'classic' }).record.length
    expect([classic('a.example'), classic('a'.repeat(100))]).toEqual([517, 517])
    expect(classic('a'.repeat(182))).toBeGreaterThanOrEqual(517)
  })
})
