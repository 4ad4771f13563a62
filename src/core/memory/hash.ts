import type { Random } from '../ports.ts'

/**
 * HalfSipHash-2-4 with a 64-bit key drawn at start: who does not know the key can't choose addresses that collide
 * (reference: github.com/veorq/SipHash, halfsiphash.c). Result as two unsigned 32-bit words.
 */
export class KeyedHash {
  readonly #k0: number
  readonly #k1: number
  /** The two words of the last `of`; read before the next call. */
  low = 0
  high = 0

  constructor(random: Random) {
    const key = new DataView(random.fill(new Uint8Array(8)).buffer)
    this.#k0 = key.getUint32(0)
    this.#k1 = key.getUint32(4)
  }

  /** Hashes up to 255 bytes into `low` and `high`. */
  of(bytes: Uint8Array): void {
    let v0 = this.#k0
    let v1 = this.#k1 ^ 0xee
    let v2 = 0x6c796765 ^ this.#k0
    let v3 = 0x74656462 ^ this.#k1
    const round = () => {
      v0 = (v0 + v1) | 0
      v1 = rotate(v1, 5) ^ v0
      v0 = rotate(v0, 16)
      v2 = (v2 + v3) | 0
      v3 = rotate(v3, 8) ^ v2
      v0 = (v0 + v3) | 0
      v3 = rotate(v3, 7) ^ v0
      v2 = (v2 + v1) | 0
      v1 = rotate(v1, 13) ^ v2
      v2 = rotate(v2, 16)
    }
    const whole = bytes.length & ~3
    for (let at = 0; at <= whole; at += 4) {
      let word = at === whole ? bytes.length << 24 : 0
      for (let i = 0; i < 4 && at + i < bytes.length; i++) word |= bytes[at + i] << (8 * i)
      v3 ^= word
      round()
      round()
      v0 ^= word
    }
    v2 ^= 0xee
    for (let i = 0; i < 4; i++) round()
    this.low = (v1 ^ v3) >>> 0
    v1 ^= 0xdd
    for (let i = 0; i < 4; i++) round()
    this.high = (v1 ^ v3) >>> 0
  }
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}
