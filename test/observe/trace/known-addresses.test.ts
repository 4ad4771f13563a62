import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { formatIp, parseIp } from '../../../src/core/address.ts'
import { KnownAddresses } from '../../../src/observe/trace/known-addresses.ts'
import { PrefixCipher } from '../../../src/observe/trace/prefix-cipher.ts'

const cipher = new PrefixCipher(Uint8Array.from({ length: 32 }, (_, at) => 5 * at + 3))
const addressOf = (at: number) => `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`

/** Counts how often something is encrypted. */
function counting(): { readonly cipher: PrefixCipher; readonly count: () => number } {
  let count = 0
  const encrypt = (ip: Uint8Array) => {
    count++
    return cipher.encrypt(ip)
  }
  return { cipher: { encrypt } as PrefixCipher, count: () => count }
}

describe('addresses that are known', () => {
  const arbIp = fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }))
  test.prop([fc.array(arbIp, { maxLength: 40 })])('become what the cipher makes of them, again too', (ips) => {
    const addresses = new KnownAddresses(cipher)
    for (const ip of [...ips, ...ips]) {
      const text = formatIp(ip)
      expect(addresses.encrypted(text)).toEqual(cipher.encrypt(parseIp(text)!))
    }
  })

  it('are encrypted once while they come again', () => {
    const { cipher: counted, count } = counting()
    const addresses = new KnownAddresses(counted)
    for (let round = 0; round < 5; round++) for (let at = 0; at < 2_000; at++) addresses.encrypted(addressOf(at))
    expect(count()).toBe(2_000)
  })

  it('are forgotten when many others came, and not while they are in use', () => {
    const { cipher: counted, count } = counting()
    const addresses = new KnownAddresses(counted)
    for (let at = 0; at < 10_000; at++) {
      addresses.encrypted(addressOf(at))
      if (at % 1_000 === 0) addresses.encrypted('192.0.2.1')
    }
    expect(count()).toBe(10_001)
    addresses.encrypted(addressOf(0))
    expect(count()).toBe(10_002)
  })

  it('what is none is nothing', () => expect(new KnownAddresses(cipher).encrypted('nobody')).toBeUndefined())
})
