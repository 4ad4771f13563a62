/**
 * HalfSipHash-2-4 over four words and a tag, for look-ups that must not cost much: as `KeyedHash`, with a key that processes can
 * share. Who does not know the key cannot choose addresses that collide.
 */
export class WordHash {
  readonly #k0: number
  readonly #k1: number
  /** The two words of the last `of`. */
  low = 0
  high = 0

  constructor(k0: number, k1: number) {
    this.#k0 = k0
    this.#k1 = k1
  }

  /** `words` has four; `tag` is in 0..2^24-1. */
  of(words: Uint32Array, tag: number): void {
    let v0 = this.#k0
    let v1 = this.#k1 ^ 0xee
    let v2 = 0x6c796765 ^ this.#k0
    let v3 = 0x74656462 ^ this.#k1
    for (let at = 0; at < 7; at++) {
      // Four words, the tag with the length, and twice the finish: the last of them for the second half of the result.
      const word = at < 4 ? words[at] : at === 4 ? (17 << 24) | tag : 0
      if (at < 5) v3 ^= word
      else if (at === 5) v2 ^= 0xee
      else {
        this.low = (v1 ^ v3) >>> 0
        v1 ^= 0xdd
      }
      for (let rounds = at < 5 ? 2 : 4; rounds > 0; rounds--) {
        v0 = (v0 + v1) | 0
        v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
        v0 = (v0 << 16) | (v0 >>> 16)
        v2 = (v2 + v3) | 0
        v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
        v0 = (v0 + v3) | 0
        v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
        v2 = (v2 + v1) | 0
        v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
        v2 = (v2 << 16) | (v2 >>> 16)
      }
      if (at < 5) v0 ^= word
    }
    this.high = (v1 ^ v3) >>> 0
  }
}
