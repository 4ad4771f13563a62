import { isIP } from 'node:net'
import { cidrContains, formatIp, parseCidr, parseIp } from '../../../src/core/address.ts'
import { formatAddress, isHostName, readAddress } from '../../../src/config/values/net.ts'
import { formatPrefix, parsePrefix } from '../../../src/core/guard/sources/prefix.ts'
import { SourceKey } from '../../../src/core/guard/sources/source-key.ts'
import { fromAscii, toAscii } from '../../../src/core/protocol/bytes.ts'
import { must, mustBeSame, type Target } from '../target.ts'

/** Addresses, prefixes and places with ports, as texts of all kinds have them. */
export const target: Target = {
  bytesMax: 64,
  seeds: () =>
    [
      ...['1.2.3.4', '255.255.255.255', '10.0.0.0/8', '0.0.0.0/0', '192.0.2.1:443', '[2001:db8::1]:80'],
      ...['::', '::1', '2001:db8::', '1:2:3:4:5:6:7:8', '::ffff:1.2.3.4', '1::8/64', 'fe80::/10', '::ffff:1.2.3.0/120'],
      ...['www.example.com', 'a-b.c_d', '1:2:3:4:5:6:1.2.3.4', '64:ff9b::192.0.2.1'],
    ].map(fromAscii),
  tokens: ['::', ':', '.', '/', '[', ']', '0', 'ffff', '255', '128', '::ffff:'],
  run(input) {
    const text = toAscii(input)
    const ip = parseIp(text)
    // The platform also takes zones, as in fe80::1%eth0.
    must((ip !== undefined) === (isIP(text) !== 0 && !text.includes('%')), 'an address to one of us only')
    if (ip !== undefined) mustBeCanonical(text, ip)
    const cidr = parseCidr(text)
    if (cidr !== undefined) {
      must(cidrContains(cidr, cidr.base), 'a prefix without its first address')
      mustBeSame(parseCidr(`${formatIp(cidr.base)}/${cidr.bits}`), cidr, 'a prefix printed and read again')
      const prefix = parsePrefix(text)
      must(prefix !== undefined, 'a prefix to one of us only')
      mustBeSame(parsePrefix(formatPrefix(prefix)), prefix, 'a prefix of the tables printed and read again')
    }
    const address = readAddress(text)
    if (address !== undefined) mustBeSame(readAddress(formatAddress(address)), address, 'printed and read again')
    must(!(isHostName(text) && ip !== undefined), 'an address taken for a name')
    return [ip, cidr, address, isHostName(text)]
  },
}

function mustBeCanonical(text: string, ip: Uint8Array): void {
  const printed = formatIp(ip)
  mustBeSame(parseIp(printed), ip, 'an address printed and read again')
  if (ip.length === 16) must(new URL(`http://[${text}]`).hostname === `[${printed}]`, 'not the text of RFC 5952')
  else must(new URL(`http://${printed}`).hostname === printed, 'not four numbers')
  const source = new SourceKey()
  must(source.read(printed), 'an address that is no source')
  const words = Array.from({ length: ip.length / 4 }, (_, at) => Buffer.from(ip).readUInt32BE(4 * at))
  mustBeSame([...source.words.slice(0, words.length)], words, 'a source')
}
