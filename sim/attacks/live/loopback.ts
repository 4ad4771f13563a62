import { cidrContains, parseCidr, parseIp, type Cidr } from '../../../src/core/address.ts'
import { assert } from '../../../src/core/assert.ts'

/** 127.0.0.0/16 is left out: proxies and their web sites are there. 127.255.0.0/16 holds the address of a broadcast. */
const FIRST_BYTE = 1
const NETWORKS_MAX = 254 * 256
/** What a proxy takes for one network: as many bits of IPv4, and of IPv6. */
const NETWORK_BITS = { 4: 24, 16: 48 } as const

interface Block {
  readonly range: Cidr
  /** Bits of an address up to its network. */
  readonly networkBits: number
  /** Networks of the loopback that it has, a power of two. */
  size: number
  start: number
}

/**
 * Gives the addresses of a scenario places in 127.0.0.0/8, always the same ones. Who shares a network (/24, or /48 of IPv6) shares
 * a /24 there, and nobody else as long as the scenario has no more networks than there are places; a /64 of IPv6 is one address.
 */
export class LoopbackMap {
  readonly #blocks: readonly Block[]

  /** All ranges that people of the scenario come from. */
  constructor(ranges: readonly string[]) {
    const blocks = ranges.map(blockOf)
    const isWithin = (one: Block, other: Block) =>
      other.range.bits <= one.range.bits && cidrContains(other.range, one.range.base)
    // Ranges lie within one another, or apart.
    const widest = blocks.filter(
      (block, at) =>
        !blocks.some((other, i) => i !== at && isWithin(block, other) && (i < at || !isWithin(other, block))),
    )
    fit(widest)
    this.#blocks = widest
  }

  of(ip: string): string {
    const bytes = parseIp(ip)
    assert(bytes !== undefined, 'sources are addresses')
    const block = this.#blocks.find(({ range }) => cidrContains(range, bytes))
    assert(block !== undefined, 'every source is of a range of the scenario')
    const { networkBits, size, start } = block
    const at = networkBits >> 3
    const network = start + (((bytes[at - 2] << 8) | bytes[at - 1]) & (size - 1))
    const host = bytes.length === 4 ? bytes[3] : bytes[at] ^ bytes[at + 1]
    return `127.${FIRST_BYTE + (network >> 8)}.${network & 0xff}.${host}`
  }
}

function blockOf(text: string): Block {
  const found = parseCidr(text)
  assert(found !== undefined, 'the schema has let it pass')
  const networkBits = NETWORK_BITS[found.base.length as keyof typeof NETWORK_BITS]
  const bits = Math.min(found.bits, networkBits)
  const range = parseCidr(`${text.split('/')[0]}/${bits}`)
  assert(range !== undefined, 'it is as wide or wider')
  return { range, networkBits, size: 1 << Math.min(16, networkBits - bits), start: 0 }
}

/** Side by side, the widest ones folded until there is room for all. */
function fit(blocks: readonly Block[]): void {
  while (blocks.reduce((sum, { size }) => sum + size, 0) > NETWORKS_MAX) {
    const widest = blocks.reduce((most, block) => (block.size > most.size ? block : most))
    widest.size /= 2
  }
  let start = 0
  for (const block of blocks) {
    block.start = start
    start += block.size
  }
}
