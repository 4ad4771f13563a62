import { cidrContains, formatIp, parseCidr, parseIp, type Cidr } from '../../../src/core/address.ts'
import { ListReader, readList, type AddressList, type ListFault } from '../../../src/core/guard/access/list-reader.ts'
import { PrefixTable } from '../../../src/core/guard/access/prefix-table.ts'
import type { FamilyPrefixes, Prefixes } from '../../../src/core/guard/access/prefixes.ts'
import { fromAscii } from '../../../src/core/protocol/bytes.ts'
import { mixed } from '../cuts.ts'
import { must, mustBeSame, type Target } from '../target.ts'

const ENTRIES_MAX = 300
const TABLE_ONE_IN = 8

/** Lists of addresses in the form of FireHOL, cut at the first NUL into one and another; and the table of both. */
export const target: Target = {
  bytesMax: 768,
  // The index over the leading bits and the digits of a radix sort cost the same for one prefix as for 10,000.
  work: { perByte: 2_000, fixed: 4_000_000 },
  seeds: () =>
    [
      '192.0.2.0/24\n198.51.100.7\n2001:db8::/32 # us\n',
      '; all\r\n198.51.100.3 - 198.51.100.77\r\n\r\n203.0.113.0/24;x\n',
      '\xef\xbb\xbf1.2.0.0/16\n1.2.3.0/24\n1.2.3.4\n\0' + '1.2.3.0/24\n1.2.3.4/31\n',
      '2001:db8::1-2001:db8::ffff\n2001:db8:1::/48\0' + '2001:db8::/31',
      '10.0.0.0/8\n8.8.8.8\n0.0.0.0/0\n1.0.0.0/7\n',
      '223.255.255.255\n1.0.0.0\n::2:0/112\n2a00::/16\n',
    ].map(fromAscii),
  tokens: ['/24', '/32', '/128', '/16', ' - ', '-', '\n', '#', ';', '1.2.3.4', '2001:db8::', '::ffff:', '255'],
  run(input) {
    const cut = input.indexOf(0)
    const files = cut < 0 ? [input] : [input.subarray(0, cut), input.subarray(cut + 1)]
    const lists = files.map((file) => readList(file, ENTRIES_MAX))
    files.forEach((file, at) => mustBeSame(countsOf(inSteps(file)), countsOf(lists[at]), 'a list read in steps'))
    const good = lists.filter((list) => 'prefixes' in list)
    // Making the table costs as much as reading a hundred lists.
    if (good.length > 0 && mixed(input) % TABLE_ONE_IN === 0) mustMatch(good.map(({ prefixes }) => prefixes))
    return lists.map(countsOf)
  },
}

function inSteps(file: Uint8Array): AddressList | ListFault {
  const reader = new ListReader(file, ENTRIES_MAX)
  for (let steps = 0; ; steps++) {
    must(steps <= file.length + 1, 'a list without an end')
    const list = reader.step(1)
    if (list !== undefined) return list
  }
}

function countsOf(list: AddressList | ListFault): unknown {
  if ('fault' in list) {
    must(/^[\x20-\x7e]{1,200}$/.test(list.fault), 'a fault that is no line')
    return list
  }
  const { prefixes, ignoredPrivate, ignoredWide, badLines } = list
  must(prefixes.count > 0 && prefixes.count <= ENTRIES_MAX, 'more prefixes than allowed')
  return { cidrs: cidrsOf(prefixes).map(textOf), ignoredPrivate, ignoredWide, badLines }
}

/** The flattened table says the same as going through all prefixes; at the edges of each, and beside. */
function mustMatch(lists: readonly Prefixes[]): void {
  const table = finished(PrefixTable.make(lists.map((prefixes, value) => ({ prefixes, value }))))
  const cidrs = lists.flatMap((prefixes, value) => cidrsOf(prefixes).map((cidr) => ({ cidr, value })))
  // All of some, some of many: the model is slow.
  const step = Math.ceil(cidrs.length / 24)
  for (let at = 0; at < cidrs.length; at += step)
    for (const ip of edgesOf(cidrs[at].cidr)) {
      let best: { readonly cidr: Cidr; readonly value: number } | undefined
      for (const each of cidrs) {
        const isLonger = best === undefined || each.cidr.bits > best.cidr.bits
        const isSame = best !== undefined && each.cidr.bits === best.cidr.bits && each.value > best.value
        if ((isLonger || isSame) && cidrContains(each.cidr, ip)) best = each
      }
      const found = table.find(ip)
      must(found === (best?.value ?? -1), `${formatIp(ip)} has value ${found} and not ${best?.value ?? -1}`)
    }
}

function finished<T>(steps: Generator<number, T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

function cidrsOf({ v4, v6 }: Prefixes): Cidr[] {
  const of = (family: FamilyPrefixes) =>
    Array.from({ length: family.count }, (_, at): Cidr => {
      const base = new Uint8Array(4 * family.words)
      const view = new DataView(base.buffer)
      for (let word = 0; word < family.words; word++) view.setUint32(4 * word, family.base(at, word))
      return { base, bits: family.bits(at) }
    })
  return [...of(v4), ...of(v6)]
}

function textOf({ base, bits }: Cidr): string {
  const text = `${formatIp(base)}/${bits}`
  mustBeSame(parseCidr(text), { base, bits }, 'a prefix with bits behind its length')
  must(parseIp(formatIp(base))?.length === base.length, 'an address that changed its family')
  return text
}

/** First, last, the one before and the one behind. */
function edgesOf({ base, bits }: Cidr): Uint8Array[] {
  const last = base.map((byte, at) => byte | (0xff >> Math.min(8, Math.max(0, bits - 8 * at))))
  return [base, last, moved(base, -1), moved(last, 1)]
}

function moved(ip: Uint8Array, by: 1 | -1): Uint8Array {
  const next = ip.slice()
  for (let at = next.length - 1; at >= 0; at--) {
    next[at] += by
    if (next[at] !== (by > 0 ? 0 : 0xff)) break
  }
  return next
}
