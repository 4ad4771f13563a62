import { isIP } from 'node:net'
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { cidrContains, formatIp, isPrivate, parseCidr, parseIp, unmapped, type Cidr } from '../../src/core/address.ts'

function ip(text: string): Uint8Array {
  const bytes = parseIp(text)
  if (bytes === undefined) throw new Error(text)
  return bytes
}

function cidr(text: string): Cidr {
  const parsed = parseCidr(text)
  if (parsed === undefined) throw new Error(text)
  return parsed
}

const arbIp = fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }))
/** Addresses with long runs of zeros, which random ones never have. */
const arbSparse = fc.array(fc.constantFrom(0, 0, 0, 1, 0xffff), { minLength: 8, maxLength: 8 }).map((groups) => {
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]))
})

describe('parseIp and formatIp', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['0.0.0.0', '0.0.0.0'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:0201', '192.0.2.1'],
    ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
    ['::192.0.2.1', '::c000:201'],
    ['0000:0000:0000:0000:0000:ffff:255.255.255.255', '255.255.255.255'],
  ])('%s is %s', (text, canonical) => {
    expect(formatIp(ip(text))).toBe(canonical)
  })

  it.each([
    '',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.4 ',
    '0x1.2.3.4',
    '1..2.3',
    ':',
    ':::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    '1:2:3:4:5:6:7::8',
    '12345::',
    'g::',
    ':1::',
    '1:',
    'fe80::1%eth0',
    '[::1]',
    '1.2.3.4::',
    '::1.2.3.4:5',
    'example.com',
    `${'0'.repeat(40)}::1.2.3.4`,
  ])('%s is no address', (text) => {
    expect(parseIp(text)).toBeUndefined()
  })

  test.prop([fc.oneof(arbIp, arbSparse)])('are the inverse of each other', (bytes) => {
    const plain = unmapped(bytes)
    expect([...ip(formatIp(bytes))]).toEqual([...plain])
    expect(isIP(formatIp(bytes))).toBe(plain.length === 4 ? 4 : 6)
  })

  test.prop([fc.oneof(fc.ipV4(), fc.ipV6(), fc.stringMatching(/^[0-9a-f:.]{0,20}$/))])(
    'take what the platform takes',
    (text) => {
      expect(parseIp(text) !== undefined).toBe(isIP(text) !== 0)
    },
  )

  test.prop([arbSparse])('write IPv6 as the platform does', (bytes) => {
    const plain = unmapped(bytes)
    if (plain.length === 4) return
    const long = Array.from({ length: 8 }, (_, i) => ((plain[2 * i] << 8) | plain[2 * i + 1]).toString(16)).join(':')
    const written = new URL(`http://[${long}]`).hostname
    expect(`[${formatIp(plain)}]`).toBe(written)
  })
})

describe('ranges', () => {
  it.each([
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['192.0.2.77/30', '192.0.2.79', true],
    ['192.0.2.77/30', '192.0.2.80', false],
    ['192.0.2.1', '192.0.2.1', true],
    ['192.0.2.1', '192.0.2.2', false],
    ['0.0.0.0/0', '255.1.2.3', true],
    ['0.0.0.0/0', '::1', false],
    ['::/0', '2001:db8::', true],
    ['::/0', '10.0.0.1', false],
    ['2001:db8::/33', '2001:db8:7fff::1', true],
    ['2001:db8::/33', '2001:db8:8000::1', false],
    ['::ffff:10.0.0.0/104', '10.9.9.9', true],
    ['::ffff:10.0.0.0/104', '11.0.0.0', false],
  ])('%s and %s: %s', (range, address, isInside) => {
    expect(cidrContains(cidr(range), ip(address))).toBe(isInside)
  })

  it('hold an IPv4-mapped address as the IPv4 it is', () => {
    const mapped = Uint8Array.from([...new Array<number>(10).fill(0), 0xff, 0xff, 10, 0, 0, 1])
    expect(cidrContains(cidr('10.0.0.0/8'), mapped)).toBe(true)
    expect(isPrivate(mapped)).toBe(true)
  })

  it.each([
    '',
    '/8',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    '::/129',
    '::ffff:10.0.0.0/95',
    'a/8',
    '10.0.0.0/8/8',
  ])('%s is no range', (text) => {
    expect(parseCidr(text)).toBeUndefined()
  })

  test.prop([arbIp, arbIp, fc.nat({ max: 128 })])('agree with a bit by bit model', (base, address, n) => {
    const plain = [unmapped(base), unmapped(address)] as const
    const bits = Math.min(n, plain[0].length * 8)
    const asBits = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('')
    const near = Uint8Array.from(plain[0], (byte, i) => (i < plain[0].length - 1 ? byte : byte ^ 1))
    for (const candidate of [plain[1], plain[0], near]) {
      const expected =
        candidate.length === plain[0].length && asBits(candidate).slice(0, bits) === asBits(plain[0]).slice(0, bits)
      expect(cidrContains(cidr(`${formatIp(plain[0])}/${bits}`), candidate)).toBe(expected)
    }
  })
})

describe('isPrivate', () => {
  it.each([
    '0.0.0.0',
    '0.1.2.3',
    '10.0.0.1',
    '100.64.0.0',
    '100.127.255.255',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.8',
    '192.168.0.1',
    '198.18.0.1',
    '198.19.255.255',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:10.0.0.1',
    '64:ff9b::10.0.0.1',
    '64:ff9b:1::1',
    '100::1',
    '2002:a00:1::',
    'fc00::1',
    'fdff::1',
    'fe80::1',
    'febf::1',
    'fec0::1',
    'ff02::1',
  ])('%s is', (text) => {
    expect(isPrivate(ip(text))).toBe(true)
  })

  it.each([
    '1.1.1.1',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '126.255.255.255',
    '128.0.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '192.0.2.1',
    '192.167.255.255',
    '192.169.0.0',
    '198.17.255.255',
    '198.20.0.0',
    '223.255.255.255',
    '149.154.167.51',
    '2001:db8::1',
    '2001:67c:4e8:f002::a',
    '64:ff9b::1.1.1.1',
    '2002:101:101::',
    'fbff::1',
    'fe00::1',
  ])('%s is not', (text) => {
    expect(isPrivate(ip(text))).toBe(false)
  })
})
