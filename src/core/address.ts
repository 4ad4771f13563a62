/**
 * IP addresses as bytes: 4 for IPv4, 16 for IPv6. An IPv4-mapped IPv6 address (::ffff:a.b.c.d) is always the IPv4 one, or
 * a client would have two names. A leaf like `assert.ts`: everything in core may use it.
 */

export interface Cidr {
  /** 4 or 16 bytes; bits beyond the prefix are zero. */
  readonly base: Uint8Array
  /** 0..32 or 0..128. */
  readonly bits: number
}

const GROUPS = 8
/** Longest text of an IPv6 address, with the last 32 bits in dotted form. */
const TEXT_MAX = 45

/** 4 or 16 bytes, or undefined for what is no address. No brackets, no zone; IPv4 in four decimal parts without leading zeros. */
export function parseIp(text: string): Uint8Array | undefined {
  if (text.length > TEXT_MAX) return undefined
  const bytes = text.includes(':') ? parseIpv6(text) : parseIpv4(text)
  return bytes === undefined ? undefined : unmapped(bytes)
}

/** Canonical text (RFC 5952) of 4 or 16 bytes; IPv4-mapped is written as IPv4. */
export function formatIp(bytes: Uint8Array): string {
  const plain = unmapped(bytes)
  if (plain.length === 4) return plain.join('.')
  const groups: number[] = []
  for (let i = 0; i < GROUPS; i++) groups.push((plain[2 * i] << 8) | plain[2 * i + 1])
  const [from, length] = longestZeros(groups)
  const hex = groups.map((group) => group.toString(16))
  if (length < 2) return hex.join(':')
  return `${hex.slice(0, from).join(':')}::${hex.slice(from + length).join(':')}`
}

/** IPv4-mapped IPv6 becomes the IPv4 address it stands for; everything else stays. */
export function unmapped(bytes: Uint8Array): Uint8Array {
  if (bytes.length !== 16) return bytes
  for (let i = 0; i < 10; i++) if (bytes[i] !== 0) return bytes
  return bytes[10] === 0xff && bytes[11] === 0xff ? bytes.slice(12) : bytes
}

/** `address/bits`, or an address alone for exactly that one. Bits beyond the prefix are dropped. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/')
  const written = slash < 0 ? text : text.slice(0, slash)
  const base = parseIp(written)
  if (base === undefined) return undefined
  const bitsMax = base.length * 8
  if (slash < 0) return { base, bits: bitsMax }
  const suffix = text.slice(slash + 1)
  if (!/^(0|[1-9][0-9]{0,2})$/.test(suffix)) return undefined
  // A prefix of a mapped address counts from the 128 bits it was written with.
  const bits = Number(suffix) - (base.length === 4 && written.includes(':') ? 96 : 0)
  if (bits < 0 || bits > bitsMax) return undefined
  return { base: masked(base, bits), bits }
}

/** Whether `ip` (4 or 16 bytes) lies in the range. IPv4 and IPv6 never contain each other. */
export function cidrContains(cidr: Cidr, ip: Uint8Array): boolean {
  const plain = unmapped(ip)
  if (plain.length !== cidr.base.length) return false
  const whole = cidr.bits >> 3
  for (let i = 0; i < whole; i++) if (plain[i] !== cidr.base[i]) return false
  const rest = cidr.bits & 7
  return rest === 0 || (plain[whole] & (0xff00 >> rest)) === cidr.base[whole]
}

/**
 * Ranges that are not the public internet (RFC 6890 and its successors): a name from outside must not lead us there.
 * IPv6 forms that carry an IPv4 address (NAT64, 6to4) are judged by that address. Documentation ranges (192.0.2.0/24,
 * 2001:db8::/32, ...) count as public: nothing answers there, and examples use them.
 */
const PRIVATE: readonly Cidr[] = [
  '0.0.0.0/8', // this network, unspecified
  '10.0.0.0/8', // RFC 1918
  '100.64.0.0/10', // carrier-grade NAT
  '127.0.0.0/8', // loopback
  '169.254.0.0/16', // link-local, cloud metadata
  '172.16.0.0/12', // RFC 1918
  '192.0.0.0/24', // IETF protocol assignments
  '192.168.0.0/16', // RFC 1918
  '198.18.0.0/15', // benchmarking
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, broadcast
  '::/127', // unspecified, loopback
  '64:ff9b:1::/48', // local NAT64
  '100::/64', // discard
  'fc00::/7', // unique local
  'fe80::/10', // link-local
  'fec0::/10', // site-local, withdrawn
  'ff00::/8', // multicast
].flatMap((text) => parseCidr(text) ?? [])

const NAT64: Cidr = { base: Uint8Array.of(0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), bits: 96 }
const SIX_TO_FOUR: Cidr = { base: Uint8Array.of(0x20, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), bits: 16 }

/** Loopback, private, link-local, carrier-grade NAT, multicast, reserved: see `PRIVATE`. */
export function isPrivate(ip: Uint8Array): boolean {
  const plain = unmapped(ip)
  if (cidrContains(NAT64, plain)) return isPrivate(plain.subarray(12))
  if (cidrContains(SIX_TO_FOUR, plain)) return isPrivate(plain.subarray(2, 6))
  return PRIVATE.some((cidr) => cidrContains(cidr, plain))
}

/** Whether any address of the range is private in the sense of `isPrivate`, but for those inside NAT64 and 6to4. */
export function overlapsPrivate(range: Cidr): boolean {
  return isPrivate(range.base) || PRIVATE.some(({ base, bits }) => bits > range.bits && cidrContains(range, base))
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  const bytes = new Uint8Array(4)
  for (let i = 0; i < 4; i++) {
    if (!/^(0|[1-9][0-9]{0,2})$/.test(parts[i]) || Number(parts[i]) > 255) return undefined
    bytes[i] = Number(parts[i])
  }
  return bytes
}

function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const head = parseGroups(halves[0], halves.length === 1)
  const tail = halves.length === 2 ? parseGroups(halves[1], true) : []
  if (head === undefined || tail === undefined) return undefined
  const missing = GROUPS - head.length - tail.length
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined
  const bytes = new Uint8Array(16)
  head.forEach((group, i) => put16(bytes, i, group))
  tail.forEach((group, i) => put16(bytes, head.length + missing + i, group))
  return bytes
}

/** 16-bit groups of one side of `::`; the last may be a dotted IPv4 address where the text ends. */
function parseGroups(text: string, mayEndDotted: boolean): number[] | undefined {
  if (text === '') return []
  const groups: number[] = []
  const parts = text.split(':')
  for (const [i, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(parseInt(part, 16))
    else {
      const v4 = mayEndDotted && i === parts.length - 1 ? parseIpv4(part) : undefined
      if (v4 === undefined) return undefined
      groups.push((v4[0] << 8) | v4[1], (v4[2] << 8) | v4[3])
    }
  }
  return groups
}

function put16(bytes: Uint8Array, index: number, value: number): void {
  bytes[2 * index] = value >> 8
  bytes[2 * index + 1] = value
}

/** Start and length of the longest run of zero groups, the first of equals (RFC 5952, 4.2.3). */
function longestZeros(groups: readonly number[]): [from: number, length: number] {
  let best: [number, number] = [0, 0]
  for (let from = 0; from < groups.length; from++) {
    let end = from
    while (end < groups.length && groups[end] === 0) end++
    if (end - from > best[1]) best = [from, end - from]
    from = Math.max(from, end - 1)
  }
  return best
}

function masked(bytes: Uint8Array, bits: number): Uint8Array {
  return bytes.map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, bits - 8 * i))))
}
