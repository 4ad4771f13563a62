import { BlockList } from 'node:net'
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { cidrContains, formatIp, parseCidr, type Cidr } from '../../../../src/core/address.ts'
import type { Steps } from '../../../../src/core/guard/access/flatten.ts'
import { PrefixTable } from '../../../../src/core/guard/access/prefix-table.ts'
import { Prefixes } from '../../../../src/core/guard/access/prefixes.ts'
import { seeded } from '../../seeded.ts'

interface Entry {
  readonly cidr: Cidr
  readonly value: number
}

const masked = (base: Uint8Array, bits: number): Cidr => ({
  base: base.map((byte, at) => byte & (0xff00 >> Math.min(8, Math.max(0, bits - 8 * at)))),
  bits,
})

/** Few leading bytes, so that prefixes lie within and beside each other. */
const arbBase = (length: 4 | 16) =>
  fc
    .tuple(
      fc.uint8Array({ minLength: length, maxLength: length }),
      fc.array(fc.constantFrom(0, 0x7f, 0x80, 0xff), { minLength: length - 1, maxLength: length - 1 }),
      fc.boolean(),
    )
    .map(([bytes, steps, isNarrow]) => (isNarrow ? Uint8Array.of(...steps, bytes[0]) : bytes))
const arbCidr = fc
  .constantFrom(4, 16)
  .chain((length) => fc.tuple(arbBase(length), fc.integer({ min: 0, max: 8 * length })))
  .map(([base, bits]) => masked(base, bits))
const arbEntries = fc.array(fc.record({ cidr: arbCidr, value: fc.integer({ min: 0, max: 255 }) }), { maxLength: 40 })

function tableOf(entries: readonly Entry[]): PrefixTable {
  const sources = entries.map(({ cidr, value }) => {
    const prefixes = new Prefixes()
    prefixes.add(cidr)
    return { prefixes, value }
  })
  return finish(PrefixTable.make(sources))
}

function finish<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

/** First and last address of each prefix, and those just outside: where a range that is off by one shows. */
function boundaries({ base, bits }: Cidr): Uint8Array[] {
  const last = base.map((byte, at) => byte | (0xff >> Math.min(8, Math.max(0, bits - 8 * at))))
  return [base, last, stepped(base, -1), stepped(last, 1)]
}

function stepped(address: Uint8Array, by: 1 | -1): Uint8Array {
  const bits = BigInt(8 * address.length)
  const number = BigInt(`0x${Buffer.from(address).toString('hex')}`) + BigInt(by)
  const hex = BigInt.asUintN(Number(bits), number).toString(16)
  return Uint8Array.from(Buffer.from(hex.padStart(2 * address.length, '0'), 'hex'))
}

const isMapped = (ip: Uint8Array) => ip.length === 16 && !formatIp(ip).includes(':')

/** All prefixes, one by one. */
function slowFind(entries: readonly Entry[], ip: Uint8Array): number {
  let best = { bits: -1, value: -1 }
  for (const { cidr, value } of entries) {
    if (!cidrContains(cidr, ip)) continue
    if (cidr.bits > best.bits || (cidr.bits === best.bits && value > best.value)) best = { bits: cidr.bits, value }
  }
  return best.value
}

describe('the table of prefixes', () => {
  it('finds the longest prefix, and of equal ones the higher value', () => {
    const entry = (text: string, value: number) => ({ cidr: parseCidr(text)!, value })
    const table = tableOf([
      entry('10.0.0.0/8', 9),
      entry('10.1.0.0/16', 1),
      entry('10.1.0.0/16', 5),
      entry('10.1.2.3', 0),
      entry('2001:db8::/32', 7),
    ])
    const find = (ip: string) => table.find(parseCidr(ip)!.base)
    expect(['9.255.255.255', '10.0.0.0', '10.1.0.0', '10.1.2.3', '10.1.2.4', '11.0.0.0'].map(find)).toEqual([
      -1, 9, 5, 0, 5, -1,
    ])
    expect(['2001:db7:ffff::', '2001:db8::', '2001:db8:ffff::1', '2001:db9::'].map(find)).toEqual([-1, 7, 7, -1])
  })

  it('takes an IPv4-mapped address for the IPv4 one', () => {
    const table = tableOf([
      { cidr: parseCidr('192.0.2.0/24')!, value: 3 },
      { cidr: parseCidr('::/0')!, value: 4 },
    ])
    const mapped = Uint8Array.of(...new Uint8Array(10), 0xff, 0xff, 192, 0, 2, 1)
    expect(table.find(mapped)).toBe(3)
    expect(table.find(new Uint8Array(16))).toBe(4)
  })

  it('knows nothing when it is empty', () => {
    const table = tableOf([])
    expect([table.find(new Uint8Array(4)), table.find(new Uint8Array(16).fill(255))]).toEqual([-1, -1])
  })

  test.prop([arbEntries, fc.array(fc.oneof(arbBase(4), arbBase(16)), { maxLength: 20 })])(
    'says what looking through all prefixes says, at every boundary',
    (entries, others) => {
      const table = tableOf(entries)
      for (const ip of [...entries.flatMap(({ cidr }) => boundaries(cidr)), ...others])
        expect(table.find(ip), formatIp(ip)).toBe(slowFind(entries, ip))
    },
  )

  test.prop([fc.array(arbCidr, { minLength: 1, maxLength: 40 }), fc.array(arbBase(4)), fc.array(arbBase(16))])(
    "holds the addresses that the platform's own block list holds",
    (cidrs, v4, v6) => {
      const table = tableOf(cidrs.map((cidr) => ({ cidr, value: 0 })))
      // One a family: the platform holds ::/0 to hold all of IPv4 too.
      const oracles = { ipv4: new BlockList(), ipv6: new BlockList() }
      const familyOf = (ip: Uint8Array) => (ip.length === 4 ? 'ipv4' : 'ipv6')
      for (const { base, bits } of cidrs) oracles[familyOf(base)].addSubnet(textOf(base), bits, familyOf(base))
      for (const ip of [...cidrs.flatMap(boundaries), ...v4, ...v6]) {
        // That rule of ours the platform does not have.
        if (isMapped(ip)) continue
        expect(table.find(ip) === 0, textOf(ip)).toBe(oracles[familyOf(ip)].check(textOf(ip), familyOf(ip)))
      }
    },
  )

  it.each([4, 16] as const)('holds 200,000 prefixes of %s bytes in 16 MB, made in short steps', (length) => {
    const random = seeded(1)
    const prefixes = new Prefixes()
    for (let i = 0; i < 200_000; i++) {
      const base = random.fill(new Uint8Array(length))
      prefixes.add(masked(base, length === 4 ? 16 + random.below(17) : 16 + random.below(113)))
    }
    prefixes.trim()
    const steps = PrefixTable.make([{ prefixes, value: 1 }])
    let step = steps.next()
    for (; step.done !== true; step = steps.next()) expect(step.value).toBeLessThanOrEqual(200_000)
    expect(step.value.byteLength + prefixes.byteLength).toBeLessThan(16 << 20)
    for (let i = 0; i < 100; i++) {
      const [at, family] = [random.below(200_000), length === 4 ? prefixes.v4 : prefixes.v6]
      const words = Array.from({ length: family.words }, (_, word) => family.base(at, word))
      const ip = Uint8Array.from(
        words.flatMap((word) => [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255]),
      )
      expect(step.value.find(ip)).toBe(1)
    }
  })
})

/** Without the rule that a mapped address is written as IPv4. */
function textOf(ip: Uint8Array): string {
  if (!isMapped(ip)) return formatIp(ip)
  return `::ffff:${ip.subarray(12).join('.')}`
}
