import { formatIp, parseCidr, parseIp } from '../core/address.ts'
import type { Address } from '../core/ports.ts'

export type AddressPrivacy = 'full' | 'prefix' | 'none'

const IPV4_BYTES = 3
const IPV6_BYTES = 6

/** A prefix as a log may hold it: one that is longer than a network only as that network. */
export function redactPrefix(prefix: string, privacy: AddressPrivacy): string | undefined {
  if (privacy === 'full') return prefix
  const cidr = parseCidr(prefix)
  if (cidr === undefined || privacy === 'none') return undefined
  const isShort = cidr.bits <= (cidr.base.length === 4 ? IPV4_BYTES : IPV6_BYTES) * 8
  return isShort ? prefix : redact({ ip: formatIp(cidr.base), port: 0 }, privacy)
}

/**
 * A client's address as a log may hold it: whole with its port, as its network of 24 (IPv4) or 48 bits (IPv6), or not at all.
 */
export function redact(client: Address, privacy: AddressPrivacy): string | undefined {
  if (privacy === 'none') return undefined
  const bytes = parseIp(client.ip)
  if (bytes === undefined) return undefined
  if (privacy === 'full') return bytes.length === 4 ? `${client.ip}:${client.port}` : `[${client.ip}]:${client.port}`
  const kept = bytes.length === 4 ? IPV4_BYTES : IPV6_BYTES
  const network = new Uint8Array(bytes.length)
  network.set(bytes.subarray(0, kept))
  return `${formatIp(network)}/${kept * 8}`
}
