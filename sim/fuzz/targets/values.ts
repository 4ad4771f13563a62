import { bandwidth, formatSize, quota, rate, readSize } from '../../../src/config/values/amount.ts'
import { dnsServer, formatDnsServer } from '../../../src/config/values/dns-server.ts'
import { host, hostPort, socks5 } from '../../../src/config/values/net.ts'
import { keySource } from '../../../src/config/values/secret-key.ts'
import { formatDuration, readDuration, readInstant } from '../../../src/config/values/time.ts'
import type { Kind } from '../../../src/config/values/value.ts'
import { fromAscii, toAscii } from '../../../src/core/protocol/bytes.ts'
import { readDigest } from '../../../src/trust/pins.ts'
import { must, mustBeSame, type Target } from '../target.ts'

const DIGEST = 'Z8Cl6S0TLPxOZLUNWDv9ZbD8jQ8WeBp2WUYRqH6x8Wk='
const KINDS = [quota(), rate(), bandwidth(), hostPort(), host(), keySource()]
const DNS = dnsServer()
const SOCKS5 = socks5()

/** Texts of the configuration: durations, sizes, times, digests, hosts, and what is made of several of them. */
export const target: Target = {
  bytesMax: 96,
  seeds: () =>
    [
      ...['10s', '500ms', '30d', '0s', '64 MB', '1.5 GiB', '100B', '2027-01-01T00:00:00Z', '2024-02-29'],
      ...['1999-12-31 23:59:59.25+01:30', '50 GB / month', '30/s, burst 120', '20 Mbit/s', '1.1.1.1'],
      ...['[2606:4700::1111]:53', 'https://dns.example/dns-query{?dns}', 'socks5://me:p%20w@192.0.2.1:1080'],
      ...[
        'www.example.com:3478',
        `sha256/${DIGEST}`,
        '00:11:'.repeat(15) + '00:11',
        'file:/k',
        'hsm:label',
        'ab'.repeat(16),
      ],
    ].map(fromAscii),
  tokens: [
    'ms',
    's',
    'm',
    'h',
    'd',
    'KB',
    'MiB',
    ' / day',
    '/s, burst ',
    'kbit/s',
    'T',
    'Z',
    '+00:00',
    '%40',
    ':',
    '@',
    '9999-12-31',
  ],
  run(input) {
    const text = toAscii(input)
    const ms = readDuration(text)
    if (ms !== undefined) mustBeSame(readDuration(formatDuration(ms)), ms, 'a duration printed and read again')
    const bytes = readSize(text)
    if (bytes !== undefined) {
      must(Number.isSafeInteger(bytes) && bytes >= 0, 'a size that is no number')
      if (bytes < 1_000_000) mustBeSame(readSize(formatSize(bytes)), bytes, 'a size printed and read again')
    }
    const instant = readInstant(text)
    if (instant !== undefined) mustBeInstant(text, instant)
    const digest = readDigest(text)
    if (digest !== undefined) {
      must(Buffer.from(digest, 'base64').length === 32, 'a digest of another length')
      mustBeSame(readDigest(digest), digest, 'a digest read again')
    }
    const dns = valueOf(DNS, text)
    if (dns !== undefined) mustBeSame(valueOf(DNS, formatDnsServer(dns)), dns, 'a server printed and read again')
    const proxy = valueOf(SOCKS5, text)
    if (proxy !== undefined) must((proxy.user === '') === (proxy.password === ''), 'a user without a password')
    return [ms, bytes, instant, digest, dns, proxy, ...KINDS.map((kind) => valueOf(kind as Kind<unknown>, text))]
  },
}

function valueOf<T>(kind: Kind<T>, text: string): T | undefined {
  const read = kind.safeParse(text)
  if (read.success) return read.data
  must(read.error.issues.length === 1 && read.error.issues[0].message !== '', 'refused, and not said why')
  return undefined
}

/** The platform reads the same out of RFC 3339 in full; what lacks a zone is UTC. */
function mustBeInstant(text: string, instant: number): void {
  const [date, time = '00:00:00Z'] = text.toUpperCase().replace(' ', 'T').split('T')
  const zoned = /(Z|[+-]\d\d:\d\d)$/.test(time) ? time : `${time}Z`
  must(instant === Math.floor(Date.parse(`${date}T${zoned}`) / 1000), 'another time than the platform reads')
  must(instant >= 0 && instant < 253_402_300_800 + 86_400, 'a time out of bounds')
}
