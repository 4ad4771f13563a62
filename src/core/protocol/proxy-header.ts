import { formatIp, parseIp } from '../address.ts'
import type { Address } from '../ports.ts'
import { read16, toAscii } from './bytes.ts'

/**
 * The header by which a load balancer tells whose connection it passes on (PROXY protocol by HAProxy).
 *
 *   v1: `PROXY TCP4|TCP6 source destination port port\r\n` or `PROXY UNKNOWN ...\r\n`, ASCII
 *   v2: signature(12) | version and command(1) | family and protocol(1) | length(2, BE) | addresses and more
 */
export type ProxyHeader =
  | { readonly state: 'more' }
  /** The connection begins with something else. */
  | { readonly state: 'none' }
  | { readonly state: 'bad' }
  /** `source` is undefined when the header names nobody (health checks, unknown families): the socket's peer counts. */
  | { readonly state: 'header'; readonly source: Address | undefined; readonly consumed: number }

/** With its line end, by the specification. */
export const V1_MAX_BYTES = 107
/** Whole header: the specification wants it to fit one segment of the smallest kind. */
export const V2_MAX_BYTES = 536

const V1_START = Uint8Array.of(0x50, 0x52, 0x4f, 0x58, 0x59, 0x20) // "PROXY "
const V2_START = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a)
const V2_FIXED = 16
const CR = 0x0d
const LF = 0x0a

/** Reads the header out of everything seen so far; bytes behind it do not matter. */
export function readProxyHeader(seen: Uint8Array): ProxyHeader {
  if (startsAlike(seen, V1_START)) return seen.length < V1_START.length ? { state: 'more' } : readV1(seen)
  if (startsAlike(seen, V2_START)) return seen.length < V2_FIXED ? { state: 'more' } : readV2(seen)
  return { state: 'none' }
}

/** Whether the two agree as far as both go. */
function startsAlike(seen: Uint8Array, start: Uint8Array): boolean {
  for (let i = 0; i < start.length && i < seen.length; i++) if (seen[i] !== start[i]) return false
  return true
}

function readV1(seen: Uint8Array): ProxyHeader {
  const window = seen.subarray(0, V1_MAX_BYTES)
  const end = window.indexOf(LF)
  if (end < 0) return { state: window.length < V1_MAX_BYTES ? 'more' : 'bad' }
  if (window[end - 1] !== CR) return { state: 'bad' }
  const fields = toAscii(window.subarray(V1_START.length, end - 1)).split(' ')
  const consumed = end + 1
  if (fields[0] === 'UNKNOWN') return { state: 'header', source: undefined, consumed }
  const [family, from, to, fromPort, toPort] = fields
  const isIpv6 = family === 'TCP6'
  if (fields.length !== 5 || (!isIpv6 && family !== 'TCP4')) return { state: 'bad' }
  const source = readV1Address(from, fromPort, isIpv6)
  if (source === undefined || readV1Address(to, toPort, isIpv6) === undefined) return { state: 'bad' }
  return { state: 'header', source, consumed }
}

function readV1Address(ip: string, port: string, isIpv6: boolean): Address | undefined {
  const bytes = ip.includes(':') === isIpv6 ? parseIp(ip) : undefined
  if (bytes === undefined || !/^(0|[1-9][0-9]{0,4})$/.test(port) || Number(port) > 65535) return undefined
  return { ip: formatIp(bytes), port: Number(port) }
}

function readV2(seen: Uint8Array): ProxyHeader {
  const [version, command] = [seen[12] >> 4, seen[12] & 15]
  const [family, transport] = [seen[13] >> 4, seen[13] & 15]
  const length = read16(seen, 14)
  const consumed = V2_FIXED + length
  if (version !== 2 || command > 1 || family > 3 || transport > 2 || consumed > V2_MAX_BYTES) return { state: 'bad' }
  // Of what a TCP listener can be told, only TCP over IP names a source; everything else is skipped by its length.
  const ipLength = command === 0 || transport !== 1 ? 0 : family === 1 ? 4 : family === 2 ? 16 : 0
  if (ipLength > 0 && length < 2 * ipLength + 4) return { state: 'bad' }
  if (seen.length < consumed) return { state: 'more' }
  if (ipLength === 0) return { state: 'header', source: undefined, consumed }
  const ip = formatIp(seen.subarray(V2_FIXED, V2_FIXED + ipLength))
  return { state: 'header', source: { ip, port: read16(seen, V2_FIXED + 2 * ipLength) }, consumed }
}
