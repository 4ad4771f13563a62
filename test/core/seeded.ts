import type { Random } from '../../src/core/ports.ts'

/** A small seeded source (xorshift32) for unit tests. */
export function seeded(seed: number): Random {
  let state = seed | 1
  const next = () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
  return {
    fill(target) {
      for (let at = 0; at < target.length; at++) target[at] = next() >>> 11
      return target
    },
    below: (limit) => next() % limit,
  }
}
