import { createCipheriv } from 'node:crypto'
import { assert } from '../../core/assert.ts'

/** AES-128 key, and what becomes the padding. */
export const PREFIX_KEY_BYTES = 32
const AES_BYTES = 16
const IPV4_BITS = 32
const IPV6_BITS = 128

/**
 * Crypto-PAn (Xu, Fan, Ammar, Moon: "Prefix-Preserving IP Address Anonymization", ICNP 2002): two addresses that share their first
 * n bits share exactly n bits of what they become, so that networks stay networks, and with the key each can be told again. A bit is
 * turned over where the first bit of AES over the bits before it, padded, is one. IPv4 and IPv6 are worlds of their own.
 */
export class PrefixCipher {
  readonly #aes: { update(bytes: Uint8Array): Uint8Array }
  readonly #pad: Uint8Array
  readonly #ipv4: Uint8Array
  readonly #ipv6: Uint8Array

  /** 32 bytes. */
  constructor(key: Uint8Array) {
    assert(key.length === PREFIX_KEY_BYTES, 'a key of addresses has 32 bytes')
    this.#aes = createCipheriv('aes-128-ecb', key.subarray(0, AES_BYTES), null).setAutoPadding(false)
    this.#pad = Uint8Array.from(this.#aes.update(key.subarray(AES_BYTES)))
    this.#ipv4 = blocksOf(IPV4_BITS, this.#pad)
    this.#ipv6 = blocksOf(IPV6_BITS, this.#pad)
  }

  /** Of 4 or 16 bytes; the result is as long, and new memory. */
  encrypt(ip: Uint8Array): Uint8Array {
    const blocks = ip.length === 4 ? this.#ipv4 : this.#ipv6
    for (let bit = 0; bit < 8 * ip.length; bit++) this.#writeHead(blocks, AES_BYTES * bit, ip, bit)
    const turned = this.#aes.update(blocks)
    return ip.map((byte, at) => byte ^ firstBits(turned, 8 * at))
  }

  /** What `encrypt` made this. A bit at a time, since each needs the ones before it. */
  decrypt(ip: Uint8Array): Uint8Array {
    const plain = new Uint8Array(ip.length)
    const block = new Uint8Array(AES_BYTES)
    for (let bit = 0; bit < 8 * ip.length; bit++) {
      block.set(this.#pad)
      this.#writeHead(block, 0, plain, bit)
      const turned = this.#aes.update(block)[0] >> 7
      const place = 7 - (bit & 7)
      plain[bit >> 3] |= (((ip[bit >> 3] >> place) & 1) ^ turned) << place
    }
    return plain
  }

  /** The first `bits` bits of the address, then the padding's: the byte they share, and those before it. */
  #writeHead(blocks: Uint8Array, block: number, ip: Uint8Array, bits: number): void {
    const whole = bits >> 3
    for (let at = 0; at < whole; at++) blocks[block + at] = ip[at]
    const ours = 0xff00 >> (bits & 7)
    blocks[block + whole] = (ip[whole] & ours) | (this.#pad[whole] & ~ours)
  }
}

/** One block for each bit of an address, padding alone: what stands behind its head never changes. */
function blocksOf(bits: number, pad: Uint8Array): Uint8Array {
  const blocks = new Uint8Array(AES_BYTES * bits)
  for (let bit = 0; bit < bits; bit++) blocks.set(pad, AES_BYTES * bit)
  return blocks
}

/** The first bits of eight blocks, the first block's foremost. */
function firstBits(blocks: Uint8Array, from: number): number {
  let bits = 0
  for (let block = from; block < from + 8; block++) bits = (bits << 1) | (blocks[AES_BYTES * block] >> 7)
  return bits
}
