import { parseCidr, parseIp, formatIp } from '../../core/address.ts'
import type { Address } from '../../core/ports.ts'
import { DOMAIN_MAX } from '../../core/protocol/secret.ts'
import { text, type Kind } from './value.ts'

const HOST_MAX = 253
const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i

/** `ip:port`, IPv6 in brackets; the address in canonical text. Undefined for anything else. */
export function readAddress(found: string, portMin = 1): Address | undefined {
  const parts = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(found)
  if (parts === null) return undefined
  const [, bracketed, bare] = parts
  const ip = parseIp(bracketed ?? bare)
  const port = Number(parts[3])
  if (ip === undefined || (bracketed !== undefined && !bracketed.includes(':'))) return undefined
  return port < portMin || port > 65535 ? undefined : { ip: formatIp(ip), port }
}

/** `ip:port`, IPv6 in brackets. */
export function formatAddress({ ip, port }: Address): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`
}

/** Where to listen: port 0 lets the system choose. */
export function listenAddress(): Kind<Address> {
  return text(
    'an IP address and a port such as "0.0.0.0:443" or "[::]:443"',
    (found) => readAddress(found, 0),
    (found) => {
      if (typeof found === 'number') return `did you mean "0.0.0.0:${found}"?`
      if (typeof found === 'string' && /^:?\d{1,5}$/.test(found))
        return `did you mean "0.0.0.0:${found.replace(':', '')}"?`
      return found === '*' || (typeof found === 'string' && found.startsWith('localhost'))
        ? 'names are not looked up here'
        : undefined
    },
  )
}

export function ipPort(): Kind<Address> {
  return text('an IP address and a port such as "149.154.167.50:443" or "[2001:67c:4e8:f002::a]:443"', (found) =>
    readAddress(found),
  )
}

/** A range of addresses; kept as text, in the form it was written. */
export function cidr(): Kind<string> {
  return text(
    'a range such as "192.0.2.0/24" or "2001:db8::/32"',
    (found) => (parseCidr(found) === undefined ? undefined : found),
    rangeHint,
  )
}

function rangeHint(found: unknown): string | undefined {
  if (typeof found !== 'string') return undefined
  const [written, bits] = found.split('/')
  const ip = parseIp(written)
  if (ip !== undefined && /^\d+$/.test(bits ?? ''))
    return `an IPv${ip.length === 4 ? '4 prefix has 0 to 32' : '6 prefix has 0 to 128'} bits`
  return /^[0-9a-f.:]+ *- *[0-9a-f.:]+$/i.test(found) ? 'write a range as prefixes' : undefined
}

export function ip(): Kind<string> {
  return text('an IP address', (found) => {
    const bytes = parseIp(found)
    return bytes === undefined ? undefined : formatIp(bytes)
  })
}

/** Whether it is a host name in ASCII: labels of 1 to 63 letters, digits and hyphens. */
export function isHostName(found: string): boolean {
  const labels = found.split('.')
  // A name whose last label is a number is an IPv4 address written wrong (WHATWG URL, "ends in a number").
  return found.length <= HOST_MAX && labels.every((label) => LABEL.test(label)) && !/^\d+$/.test(labels.at(-1) ?? '')
}

/** A fake-TLS host name: lower case, at most what a secret has room for. */
export function domain(): Kind<string> {
  return text(
    `a host name of at most ${DOMAIN_MAX} ASCII characters such as "www.example.com"`,
    (found) => (found.length <= DOMAIN_MAX && isHostName(found) ? found.toLowerCase() : undefined),
    nameHint,
  )
}

/** A host name or an IP address, IPv6 without brackets. */
export function host(): Kind<string> {
  return text(
    'a host name or an IP address such as "www.example.com" or "192.0.2.1"',
    (found) => {
      const bytes = parseIp(found.replace(/^\[(.*)\]$/, '$1'))
      if (bytes !== undefined) return formatIp(bytes)
      return isHostName(found) ? found.toLowerCase() : undefined
    },
    nameHint,
  )
}

/** `host:port` of a server found by name or address, IPv6 in brackets; kept as text, names in lower case. */
export function hostPort(): Kind<string> {
  return text('a server and its port such as "stun.example.com:3478" or "192.0.2.1:3478"', (found) => {
    const address = readAddress(found)
    if (address !== undefined) return formatAddress(address)
    const { host, port } = splitHostPort(found)
    return isHostName(host) && port >= 1 && port <= 65535 ? `${host.toLowerCase()}:${port}` : undefined
  })
}

/** The parts of `host:port`, brackets taken off; the port is NaN where none is written. */
export function splitHostPort(found: string): { readonly host: string; readonly port: number } {
  const [, host = found, port = ''] = /^(.*):(\d{1,5})$/.exec(found) ?? []
  return { host: host.replace(/^\[(.*)\]$/, '$1'), port: port === '' ? NaN : Number(port) }
}

function nameHint(found: unknown): string | undefined {
  if (typeof found !== 'string') return undefined
  const bare = /^https?:\/\/([^/:]+)/i.exec(found)?.[1]
  if (bare !== undefined) return `did you mean "${bare}"?`
  if (/[^\x20-\x7e]/.test(found)) return 'write international names in their xn-- form'
  return found.includes(':') && !found.includes('::') ? 'the port is a key of its own' : undefined
}

export interface Socks5 {
  readonly server: Address
  readonly user: string
  readonly password: string
}

/** `socks5://[user:password@]ip:port`; user and password at most 255 bytes each (RFC 1929), percent-encoded. */
export function socks5(): Kind<Socks5> {
  return text('a SOCKS5 server such as "socks5://user:password@192.0.2.1:1080", by IP address', (found) => {
    const parts = /^socks5:\/\/(?:([^@/]*)@)?([^@/]+)\/?$/.exec(found)
    const server = parts === null ? undefined : readAddress(parts[2])
    const [user, password] = (parts?.[1] ?? '').split(':').map(decoded)
    if (server === undefined || user === undefined) return undefined
    if ((parts?.[1] ?? '') !== '' && (user === '' || password === undefined || password === '')) return undefined
    return { server, user, password: password ?? '' }
  })
}

function decoded(part: string): string | undefined {
  try {
    const plain = decodeURIComponent(part)
    return Buffer.byteLength(plain) <= 255 ? plain : undefined
  } catch {
    return undefined
  }
}
