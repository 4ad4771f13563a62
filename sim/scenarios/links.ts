import type { LinkPlan } from '../world/connection.ts'
import type { SeededRandom } from '../world/random.ts'
import type { RunOptions } from './options.ts'

/** How one connection behaves while faults are on. */
export function faultyLink({ profile, faults }: RunOptions, random: SeededRandom): LinkPlan {
  const isRealistic = profile === 'realistic'
  const oneIn = isRealistic ? 12 : 5
  return {
    latencyMs: random.between(1, isRealistic ? 120 : 400),
    windowBytes: isRealistic ? random.pick([16_384, 65_536, 262_144]) : random.between(600, 80_000),
    segmentBytes: isRealistic ? random.pick([1_400, 16_384, 65_536]) : random.between(64, 20_000),
    isChoppy: random.chance(1, 2),
    stallMs: faults.has('stalls') && random.chance(1, 3) ? random.between(10, 3_000) : 0,
    coalesceMs: random.pick([0, 0, 1, 10]),
    isStingy: faults.has('stingy-writes') && random.chance(1, 2),
    ...(faults.has('resets') && random.chance(1, oneIn) ? { resetAfterBytes: random.between(1, 40_000) } : {}),
    ...(faults.has('dead-paths') && random.chance(1, oneIn) ? { deadAfterBytes: random.between(1, 40_000) } : {}),
  }
}

/** Without faults: bytes still come in any pieces, but they come. From a client slower than from a data centre. */
export function calmLink(random: SeededRandom, isClient: boolean): LinkPlan {
  return {
    latencyMs: random.between(2, 30),
    windowBytes: random.pick(isClient ? [2_000, 8_000, 30_000] : [65_536, 262_144]),
    segmentBytes: random.pick([300, 1_400, 16_384, 65_536]),
    isChoppy: random.chance(1, 2),
    stallMs: 0,
    coalesceMs: random.pick([0, 0, 2]),
  }
}
