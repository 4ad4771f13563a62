import { assert } from '../core/assert.ts'
import { formatIp, parseIp } from '../core/address.ts'
import type { Address } from '../core/ports.ts'

/** Numbers and layouts of Linux (socket(2), ip(7), ipv6(7)). */

export const AF_INET = 2
export const AF_INET6 = 10
export const SOCK_STREAM = 1
export const SOCK_NONBLOCK = 0o4000
export const SOCK_CLOEXEC = 0o2000000

// sockaddr_in:  family(2) | port(2, BE) | address(4) | zero(8)
// sockaddr_in6: family(2) | port(2, BE) | flow(4) | address(16) | scope(4)
const PORT_AT = 2
const IPV4_AT = 4
const IPV4_LENGTH = 16
const IPV6_AT = 8
const IPV6_LENGTH = 28
export const SOCKADDR_MAX = IPV6_LENGTH

const buffer = new Uint8Array(SOCKADDR_MAX)

/** The sockaddr of an IP address and its family; valid until the next call. */
export function encodeSockaddr({ ip, port }: Address): { readonly family: number; readonly bytes: Uint8Array } {
  const address = parseIp(ip)
  assert(address !== undefined, 'an address to dial or to listen on is an IP address')
  const isIpv4 = address.length === 4
  const family = isIpv4 ? AF_INET : AF_INET6
  buffer.fill(0)
  // The family is in the order of the machine, which is little-endian wherever Bun and Node 24 run.
  buffer[0] = family
  buffer[PORT_AT] = port >> 8
  buffer[PORT_AT + 1] = port & 0xff
  buffer.set(address, isIpv4 ? IPV4_AT : IPV6_AT)
  return { family, bytes: buffer.subarray(0, isIpv4 ? IPV4_LENGTH : IPV6_LENGTH) }
}

/** Undefined for what is neither IPv4 nor IPv6. */
export function decodeSockaddr(bytes: Uint8Array): Address | undefined {
  const port = (bytes[PORT_AT] << 8) | bytes[PORT_AT + 1]
  if (bytes[0] === AF_INET && bytes.length >= IPV4_LENGTH)
    return { ip: formatIp(bytes.slice(IPV4_AT, IPV4_AT + 4)), port }
  if (bytes[0] === AF_INET6 && bytes.length >= IPV6_LENGTH)
    return { ip: formatIp(bytes.slice(IPV6_AT, IPV6_AT + 16)), port }
  return undefined
}
