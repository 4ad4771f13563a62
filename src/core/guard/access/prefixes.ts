import type { Cidr } from '../../address.ts'

const START_CAPACITY = 16

/** Prefixes of one family: `words` 32-bit words each (1: IPv4, 4: IPv6), most significant first. */
export class FamilyPrefixes {
  readonly words: 1 | 4
  #count = 0
  #bases: Uint32Array
  #bits = new Uint8Array(START_CAPACITY)

  constructor(words: 1 | 4) {
    this.words = words
    this.#bases = new Uint32Array(START_CAPACITY * words)
  }

  get count(): number {
    return this.#count
  }
  /** Bytes held, room that is not used yet included. */
  get byteLength(): number {
    return this.#bases.byteLength + this.#bits.byteLength
  }

  /** Word `word` of the base of prefix `at`. */
  base(at: number, word: number): number {
    return this.#bases[at * this.words + word]
  }
  bits(at: number): number {
    return this.#bits[at]
  }

  add(base: Uint8Array, bits: number): void {
    if (this.#count === this.#bits.length) this.#resize(2 * this.#count)
    for (let word = 0; word < this.words; word++) this.#bases[this.#count * this.words + word] = wordAt(base, 4 * word)
    this.#bits[this.#count++] = bits
  }

  /** Gives back the room that was kept for more. */
  trim(): void {
    this.#resize(this.#count)
  }

  #resize(capacity: number): void {
    const [bases, bits] = [this.#bases.subarray(0, this.#count * this.words), this.#bits.subarray(0, this.#count)]
    this.#bases = new Uint32Array(capacity * this.words)
    this.#bits = new Uint8Array(capacity)
    this.#bases.set(bases)
    this.#bits.set(bits)
  }
}

/** Prefixes of both families in typed arrays: 5 bytes for one of IPv4, 17 for one of IPv6. */
export class Prefixes {
  readonly v4 = new FamilyPrefixes(1)
  readonly v6 = new FamilyPrefixes(4)

  get count(): number {
    return this.v4.count + this.v6.count
  }
  get byteLength(): number {
    return this.v4.byteLength + this.v6.byteLength
  }

  /** Bits of the base beyond the prefix must be zero, as those of `parseCidr` are. */
  add({ base, bits }: Cidr): void {
    if (base.length === 4) this.v4.add(base, bits)
    else this.v6.add(base, bits)
  }

  trim(): void {
    this.v4.trim()
    this.v6.trim()
  }
}

/** Four bytes, big-endian, as an unsigned number. */
export function wordAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0
}
