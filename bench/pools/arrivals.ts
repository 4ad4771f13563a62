import type { SeededRandom } from '../../sim/world/random.ts'

/** When clients come: ms from the start, in order. */
export type Arrivals = (random: SeededRandom) => readonly number[]

/** `perSec` clients a second for a time, at gaps between none and twice the mean. */
export function steady(perSec: number, forMs: number): Arrivals {
  const meanMs = 1_000 / perSec
  return (random) => {
    const arrivals: number[] = []
    for (let at = 0; at < forMs; at += random.between(0, 2 * meanMs)) arrivals.push(at)
    return arrivals
  }
}

/** Groups of `size` clients within one second, a group every `everyMs`. */
export function bursts(size: number, everyMs: number, forMs: number): Arrivals {
  return (random) => {
    const arrivals: number[] = []
    for (let from = 0; from < forMs; from += everyMs)
      for (let i = 0; i < size; i++) arrivals.push(from + random.below(1_000))
    return arrivals.sort((a, b) => a - b)
  }
}

/** `pattern` twice, with nobody for `lullMs` in between. */
export function withLull(pattern: Arrivals, lullMs: number): Arrivals {
  return (random) => {
    const before = pattern(random)
    const from = (before.at(-1) ?? 0) + lullMs
    return [...before, ...pattern(random).map((at) => from + at)]
  }
}
