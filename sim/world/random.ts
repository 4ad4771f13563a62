import type { Random } from '../../src/core/ports.ts'

/**
 * A seeded stream of integers: xoshiro128** (prng.di.unimi.it), state from the seed and the stream's name. Integers only,
 * so every runtime draws the same.
 */
export class SeededRandom implements Random {
  #a: number
  #b: number
  #c: number
  #d: number

  constructor(seed: number, name: string) {
    let mixed = splitMix(seed | 0)
    for (let at = 0; at < name.length; at++) mixed = splitMix(mixed ^ name.charCodeAt(at))
    this.#a = mixed = splitMix(mixed)
    this.#b = mixed = splitMix(mixed)
    this.#c = mixed = splitMix(mixed)
    this.#d = splitMix(mixed) | 1
  }

  /** 0..2^32-1. */
  word(): number {
    const result = Math.imul(rotate(Math.imul(this.#b, 5), 7), 9) >>> 0
    const shifted = this.#b << 9
    this.#c ^= this.#a
    this.#d ^= this.#b
    this.#b ^= this.#c
    this.#a ^= this.#d
    this.#c ^= shifted
    this.#d = rotate(this.#d, 11)
    return result
  }

  fill<T extends Uint8Array>(target: T): T {
    for (let at = 0; at < target.length; at += 4) {
      const word = this.word()
      for (let i = 0; i < 4 && at + i < target.length; i++) target[at + i] = word >>> (8 * i)
    }
    return target
  }

  below(limit: number): number {
    return Math.floor((this.word() / 0x100000000) * limit)
  }

  /** From `low` up to and including `high`. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1)
  }

  /** True `numerator` times in `denominator`: an exact ratio, never a float. */
  chance(numerator: number, denominator: number): boolean {
    return this.below(denominator) < numerator
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]
  }

  bytes(length: number): Uint8Array {
    return this.fill(new Uint8Array(length))
  }
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}

/** One step of a 32-bit SplitMix. */
function splitMix(state: number): number {
  let z = (state + 0x9e3779b9) | 0
  z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
  return z ^ (z >>> 16)
}
