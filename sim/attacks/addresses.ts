import { formatIp, parseCidr, type Cidr } from '../../src/core/address.ts'
import { assert } from '../../src/core/assert.ts'
import type { SeededRandom } from '../world/random.ts'

/** Odd, so that it meets every number of a power of two once before it comes back. */
const STRIDE = 0x9e3779b1

/** What one source comes from: the same address every time, or another one of its own prefix each time. */
export type Source = () => string

/**
 * `count` sources spread over the ranges in turn, each with a prefix of `bits` of its own for as long as a range has as many;
 * an address by default. Within its prefix a source takes any address each time.
 */
export function drawSources(
  { from, count, bits }: { readonly from: readonly string[]; readonly count: number; readonly bits?: number },
  random: SeededRandom,
): readonly Source[] {
  const ranges = from.map((text) => {
    const cidr = parseCidr(text)
    assert(cidr !== undefined, 'the schema has let it pass')
    return { cidr, offset: random.word() }
  })
  return Array.from({ length: count }, (_, at) => {
    const { cidr, offset } = ranges[at % ranges.length]
    return sourceIn(cidr, Math.floor(at / ranges.length), offset, bits, random)
  })
}

function sourceIn(cidr: Cidr, at: number, offset: number, bits: number | undefined, random: SeededRandom): Source {
  const bytes = cidr.base.slice()
  const whole = 8 * bytes.length
  // An IPv6 address without more said is one of a /64 of its own, as a home has it.
  const own = Math.min(whole, Math.max(cidr.bits, bits ?? (bytes.length === 16 ? 64 : whole)))
  writeBits(bytes, cidr.bits, own, Math.imul(at + offset, STRIDE) >>> 0)
  random.fill(bytes.subarray(Math.ceil(own / 8)))
  if (bits === undefined || own === whole) {
    const ip = formatIp(bytes)
    return () => ip
  }
  return () => {
    const next = bytes.slice()
    random.fill(next.subarray(Math.ceil(own / 8)))
    return formatIp(next)
  }
}

/** The lowest bits of `value` into bits `from`..`to` of the address; there are at most 32 of them, others stay. */
function writeBits(bytes: Uint8Array, from: number, to: number, value: number): void {
  for (let bit = to - 1, at = 0; bit >= from && at < 32; bit--, at++) {
    const mask = 0x80 >> (bit & 7)
    bytes[bit >> 3] = (value >>> at) & 1 ? bytes[bit >> 3] | mask : bytes[bit >> 3] & ~mask
  }
}
