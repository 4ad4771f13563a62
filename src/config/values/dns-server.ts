import { formatIp, parseIp } from '../../core/address.ts'
import type { Address } from '../../core/ports.ts'
import { formatAddress, isHostName, readAddress } from './net.ts'
import { text, type Kind } from './value.ts'

const DNS_PORT = 53
const URL_MAX = 512

/** Whom to ask for names: by plain DNS, or by DNS over HTTPS. */
export type DnsServer =
  { readonly kind: 'plain'; readonly address: Address } | { readonly kind: 'https'; readonly url: string }

/** An IP address, with a port where it is not 53 (IPv6 in brackets then), or an https URL. */
export function dnsServer(): Kind<DnsServer> {
  return text(
    'a DNS server such as "192.0.2.53", "[2001:db8::53]:53" or "https://dns.example/dns-query"',
    (found) => (/^https:/i.test(found) ? readUrl(found) : readPlain(found)),
    (found) => {
      if (typeof found !== 'string') return undefined
      if (/^(tls|quic|http|udp|tcp|sdns):/i.test(found)) return 'plain DNS is written as an IP address alone'
      return isHostName(found)
        ? `a plain server is named by its IP address; did you mean "https://${found}/dns-query"?`
        : undefined
    },
  )
}

export function formatDnsServer(server: DnsServer): string {
  return server.kind === 'https' ? server.url : formatAddress(server.address)
}

function readPlain(found: string): DnsServer | undefined {
  const ip = parseIp(found.replace(/^\[(.*)\]$/, '$1'))
  const address = ip === undefined ? readAddress(found) : { ip: formatIp(ip), port: DNS_PORT }
  return address === undefined ? undefined : { kind: 'plain', address }
}

/** Without the variable of RFC 8484's URI templates, which is added to each question. */
function readUrl(found: string): DnsServer | undefined {
  const url = URL.parse(found.replace(/\{[?&]dns\}$/, ''))
  if (url === null || found.length > URL_MAX || url.protocol !== 'https:') return undefined
  const isPlain = url.username === '' && url.password === '' && url.hash === '' && !url.searchParams.has('dns')
  return isPlain ? { kind: 'https', url: url.href } : undefined
}
