import type { Cidr } from '../../address.ts'

/**
 * The fewest prefixes that make up `first` to `last`, both included, in order: at most 62 of IPv4, 254 of IPv6. Undefined
 * when the two are of different families or `last` is before `first`.
 */
export function prefixesOfRange(first: Uint8Array, last: Uint8Array): readonly Cidr[] | undefined {
  if (first.length !== last.length || compare(first, last) > 0) return undefined
  const bitsMax = first.length * 8
  const prefixes: Cidr[] = []
  const base = first.slice()
  for (;;) {
    // As wide as its own zeros allow, and no wider than the range.
    let bits = bitsMax - trailingZeros(base)
    while (compare(lastOf(base, bits), last) > 0) bits++
    prefixes.push({ base: base.slice(), bits })
    const end = lastOf(base, bits)
    if (compare(end, last) === 0) return prefixes
    base.set(end)
    increment(base)
  }
}

function lastOf(base: Uint8Array, bits: number): Uint8Array {
  return base.map((byte, at) => byte | (0xff >> Math.min(8, Math.max(0, bits - 8 * at))))
}

function trailingZeros(bytes: Uint8Array): number {
  let zeros = 0
  for (let at = bytes.length - 1; at >= 0; at--) {
    if (bytes[at] !== 0) return zeros + 31 - Math.clz32(bytes[at] & -bytes[at])
    zeros += 8
  }
  return zeros
}

function increment(bytes: Uint8Array): void {
  for (let at = bytes.length - 1; at >= 0; at--) {
    bytes[at]++
    if (bytes[at] !== 0) return
  }
}

function compare(a: Uint8Array, b: Uint8Array): number {
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return a[at] - b[at]
  return 0
}
