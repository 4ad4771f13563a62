import { BlockList } from 'node:net'
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { formatIp, isPrivate, parseIp, type Cidr } from '../../../../src/core/address.ts'
import { ListReader, readList } from '../../../../src/core/guard/access/list-reader.ts'
import type { Prefixes } from '../../../../src/core/guard/access/prefixes.ts'
import { prefixesOfRange } from '../../../../src/core/guard/access/range.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const read = (text: string, max = 1000) => readList(bytes(text), max)

function written({ v4, v6 }: Prefixes): string[] {
  return [v4, v6].flatMap((family) =>
    Array.from({ length: family.count }, (_, at) => {
      const words = Array.from({ length: family.words }, (_, word) => family.base(at, word))
      const ip = words.flatMap((word) => [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255])
      return `${formatIp(Uint8Array.from(ip))}/${family.bits(at)}`
    }),
  )
}
const names = (text: string, max?: number) => {
  const result = read(text, max)
  return 'fault' in result ? result : written(result.prefixes)
}

describe('the reader of lists', () => {
  it('reads what FireHOL publishes: comments, addresses, CIDRs, IPv6', () => {
    const file =
      '#\n# firehol_level1\n# Category: attacks\n\n1.2.3.4\n5.6.0.0/16\r\n  2001:db8::/32 ; a comment\n; another\n8.8.8.8#x'
    expect(names(file)).toEqual(['1.2.3.4/32', '5.6.0.0/16', '8.8.8.8/32', '2001:db8::/32'])
  })

  it('reads ranges, and a file that begins with a byte order mark', () => {
    expect(names('\ufeff1.0.0.0-1.0.0.255\n1.0.2.1 - 1.0.2.2\n2a00::-2a00::1')).toEqual([
      '1.0.0.0/24',
      '1.0.2.1/32',
      '1.0.2.2/32',
      '2a00::/127',
    ])
  })

  it('ignores private and reserved ranges, and what is too wide, and counts them', () => {
    const file =
      '10.0.0.0/8\n192.168.1.1\n224.0.0.0/3\n172.0.0.0/8\n8.0.0.0/7\n2000::/3\nfc00::/7\n9.9.9.9\n8.0.0.0/8\n2a00::/16\n'
    const result = read(file)
    expect(result).toMatchObject({ ignoredPrivate: 5, ignoredWide: 2, badLines: 0 })
    expect(names(file)).toEqual(['9.9.9.9/32', '8.0.0.0/8', '2a00::/16'])
  })

  it('passes over one bad line in twenty, and refuses a list with more', () => {
    const good = '1.1.1.1\n'.repeat(19)
    expect(read(`${good}what\n`)).toMatchObject({ badLines: 1 })
    expect(read(`${good}what\n1.2.3\n`)).toEqual({
      fault: '2 of 21 lines; line 20: "what" is no address, CIDR or range',
    })
    expect(read('<html>\n<p>Not \u00ff found\n')).toMatchObject({ fault: /^2 of 2 lines; line 1: "<html>"/ })
  })

  it('refuses a list that names nobody', () => {
    for (const file of ['', '\n\n', '# nothing\n', '10.0.0.0/8\n'])
      expect(read(file)).toEqual({ fault: 'it names no address that counts' })
  })

  it('has a limit of prefixes, and of the length of a line', () => {
    expect(names('1.1.1.1\n1.1.1.2', 2)).toHaveLength(2)
    expect(read('1.1.1.1\n1.1.1.2', 1)).toEqual({ fault: 'more than 1 prefixes' })
    expect(names(`${' '.repeat(93)}1.1.1.1`)).toEqual(['1.1.1.1/32'])
    expect(read(`${' '.repeat(95)}1.1.1.1`)).toMatchObject({ fault: /^/ })
    expect(names(`1.1.1.1 # ${'x'.repeat(10_000)}`)).toEqual(['1.1.1.1/32'])
  })

  it('shows of a bad line what a log may show', () => {
    const result = read(`\x1b[31m${'x'.repeat(60)}\n`)
    expect(result).toEqual({ fault: `1 of 1 lines; line 1: "?[31m${'x'.repeat(35)}..." is no address, CIDR or range` })
  })

  test.prop([fc.uint8Array({ maxLength: 400 }), fc.integer({ min: 1, max: 5 })])(
    'never throws, and says the same for every size of step',
    (file, lines) => {
      const reader = new ListReader(file, 10)
      let stepwise
      do stepwise = reader.step(lines)
      while (stepwise === undefined)
      expect(stepwise).toEqual(readList(file, 10))
    },
  )

  test.prop([
    fc.array(
      fc
        .oneof(fc.ipV4(), fc.ipV6())
        .map((text) => parseIp(text)!)
        .filter((ip) => !isPrivate(ip)),
      { minLength: 1, maxLength: 30 },
    ),
    fc.constantFrom('\n', '\r\n', ' # x\n', '\n\n;y\n'),
  ])('reads what was written', (ips, lineEnd) => {
    const texts = ips.map((ip) => `${formatIp(ip)}/${8 * ip.length}`)
    expect(names(texts.join(lineEnd))).toEqual([
      ...texts.filter((text) => !text.includes(':')),
      ...texts.filter((text) => text.includes(':')),
    ])
  })
})

describe('prefixes of a range', () => {
  const arbPair = fc
    .constantFrom(4, 16)
    .chain((length) =>
      fc.array(fc.uint8Array({ minLength: length, maxLength: length }), { minLength: 2, maxLength: 2 }),
    )
    .map((pair) => pair.sort((a, b) => Buffer.compare(a, b)))

  test.prop([arbPair])('hold what is in it and nothing else, in the fewest prefixes', ([first, last]) => {
    const prefixes = prefixesOfRange(first, last)!
    const family = first.length === 4 ? 'ipv4' : 'ipv6'
    const oracle = new BlockList()
    const list = new BlockList()
    oracle.addRange(formatIp(first), formatIp(last), family)
    for (const { base, bits } of prefixes) list.addSubnet(formatIp(base), bits, family)
    for (const ip of [first, last, ...prefixes.flatMap(ends)])
      expect(list.check(formatIp(ip), family)).toBe(oracle.check(formatIp(ip), family))
    expect(prefixes.length).toBeLessThanOrEqual(first.length === 4 ? 62 : 254)
    expect([...ends(prefixes[0])[0]]).toEqual([...first])
    expect([...ends(prefixes.at(-1)!)[1]]).toEqual([...last])
  })

  it('has no answer where the range is none', () => {
    expect(prefixesOfRange(parseIp('1.1.1.2')!, parseIp('1.1.1.1')!)).toBeUndefined()
    expect(prefixesOfRange(parseIp('1.1.1.2')!, parseIp('::2')!)).toBeUndefined()
    expect(prefixesOfRange(new Uint8Array(4), new Uint8Array(4).fill(255))).toEqual([
      { base: new Uint8Array(4), bits: 0 },
    ])
  })
})

function ends({ base, bits }: Cidr): [first: Uint8Array, last: Uint8Array] {
  return [base, base.map((byte, at) => byte | (0xff >> Math.min(8, Math.max(0, bits - 8 * at))))]
}
