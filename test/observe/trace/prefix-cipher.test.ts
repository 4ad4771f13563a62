import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { formatIp, parseIp } from '../../../src/core/address.ts'
import { PrefixCipher } from '../../../src/observe/trace/prefix-cipher.ts'

/** Of the reference implementation; its sample trace for IPv4, and what other implementations agree on for IPv6. */
const KEY = Uint8Array.of(
  ...[21, 34, 23, 141, 51, 164, 207, 128, 19, 10, 91, 22, 73, 144, 125, 16],
  ...[216, 152, 143, 131, 121, 121, 101, 39, 98, 87, 76, 45, 42, 132, 34, 2],
)
const VECTORS: readonly (readonly [plain: string, encrypted: string])[] = [
  ['128.11.68.132', '135.242.180.132'],
  ['129.118.74.4', '134.136.186.123'],
  ['130.132.252.244', '133.68.164.234'],
  ['141.223.7.43', '141.167.8.160'],
  ['141.233.145.108', '141.129.237.235'],
  ['152.163.225.39', '151.140.114.167'],
  ['156.29.3.236', '147.225.12.42'],
  ['165.247.96.84', '162.9.99.234'],
  ['166.107.77.190', '160.132.178.185'],
  ['192.102.249.13', '252.138.62.131'],
  ['64.39.15.238', '0.219.7.41'],
  ['::1', '78ff:f001:9fc0:20df:8380:b1f1:704:ed'],
  ['::2', '78ff:f001:9fc0:20df:8380:b1f1:704:ef'],
  ['2001:db8::1', '4401:2bc:603f:d91d:27f:ff8e:e6f1:dc1e'],
  ['2001:db8::2', '4401:2bc:603f:d91d:27f:ff8e:e6f1:dc1c'],
]

const bytes = (text: string) => parseIp(text) ?? new Uint8Array(0)
const arbIp = fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }))
const arbKey = fc.uint8Array({ minLength: 32, maxLength: 32 })

/** Bits that both begin with. */
function shared(a: Uint8Array, b: Uint8Array): number {
  for (let bit = 0; bit < 8 * a.length; bit++) if (((a[bit >> 3] ^ b[bit >> 3]) & (0x80 >> (bit & 7))) !== 0) return bit
  return 8 * a.length
}

describe('PrefixCipher', () => {
  it.each(VECTORS)('makes %s into %s, as Crypto-PAn does', (plain, encrypted) => {
    const cipher = new PrefixCipher(KEY)
    expect(formatIp(cipher.encrypt(bytes(plain)))).toBe(encrypted)
    expect(formatIp(cipher.decrypt(bytes(encrypted)))).toBe(plain)
  })

  test.prop([arbKey, arbIp])('tells an address again with its key', (key, ip) => {
    const cipher = new PrefixCipher(key)
    expect(cipher.decrypt(cipher.encrypt(ip))).toEqual(ip)
  })

  test.prop([arbKey, arbIp, fc.nat(127)])('keeps what two addresses share, and no bit more', (key, ip, place) => {
    const cipher = new PrefixCipher(key)
    const other = Uint8Array.from(ip)
    const bit = place % (8 * ip.length)
    other[bit >> 3] ^= 0x80 >> (bit & 7)
    expect(shared(cipher.encrypt(ip), cipher.encrypt(other))).toBe(bit)
  })
})
