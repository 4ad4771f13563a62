import { createDecipheriv } from 'node:crypto'
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { ctr } from '../../../src/core/protocol/ctr.ts'
import { concat } from '../../../src/core/protocol/bytes.ts'
import { arbBytes, arbCuts, hex, split, toHex } from './arbitrary.ts'

const arbKey = fc.record({ key: arbBytes(32, 32), iv: arbBytes(16, 16) })

describe('ctr', () => {
  it('is AES-256-CTR: the example of NIST SP 800-38A, F.5.5', () => {
    const key = hex('603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4')
    const iv = hex('f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff')
    const plain = hex('6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51')
    const wire = '601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5'
    expect(toHex(ctr({ key, iv }).update(plain))).toBe(wire)
  })

  test.prop([arbKey, arbBytes(400), arbCuts])(
    'gives the same for any split, and the platform reads it',
    (key, plain, cuts) => {
      const cipher = ctr(key)
      const wire = concat(...split(plain, cuts).map((piece) => cipher.update(piece)))
      expect(toHex(wire)).toBe(toHex(ctr(key).update(plain)))
      expect(toHex(createDecipheriv('aes-256-ctr', key.key, key.iv).update(wire))).toBe(toHex(plain))
    },
  )

  test.prop([arbKey, fc.nat({ max: 300 }), arbBytes(64)])('skips what it is told to', (key, skipBytes, plain) => {
    const all = ctr(key).update(concat(new Uint8Array(skipBytes), plain))
    expect(toHex(ctr(key, skipBytes).update(plain))).toBe(toHex(all.subarray(skipBytes)))
  })

  it('carries over every byte of the counter when it skips', () => {
    const key = new Uint8Array(32)
    for (const iv of ['ff'.repeat(16), '00ff'.repeat(8), `${'00'.repeat(8)}${'ff'.repeat(8)}`]) {
      const all = ctr({ key, iv: hex(iv) }).update(new Uint8Array(96))
      expect(toHex(ctr({ key, iv: hex(iv) }, 64).update(new Uint8Array(32)))).toBe(toHex(all.subarray(64)))
    }
  })

  it('takes no bytes, and leaves its input and iv alone', () => {
    const iv = hex('ff'.repeat(16))
    const cipher = ctr({ key: new Uint8Array(32), iv }, 64)
    const input = new Uint8Array(5)
    expect(cipher.update(new Uint8Array(0))).toHaveLength(0)
    cipher.update(input)
    expect([toHex(input), toHex(iv)]).toEqual(['0000000000', 'ff'.repeat(16)])
  })
})
