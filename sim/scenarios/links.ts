import type { LinkPlan } from '../world/connection.ts'
import type { SeededRandom } from '../world/random.ts'
import type { RunOptions } from './options.ts'

/** An init, a classic hello, one of today, an answer of ours: each position in them is likely. */
const EARLY_BYTES = [80, 600, 2_200, 8_000] as const
const JITTER_MAX_MS = 300
const STOPS_MAX_BYTES = 60_000
const STOPS_MAX_MS = 90_000

/** How one connection behaves while faults are on; `stream` gives what came later streams of its own. */
export function faultyLink(
  options: RunOptions,
  random: SeededRandom,
  { isClient, stream }: { readonly isClient: boolean; readonly stream: (name: string) => SeededRandom },
): LinkPlan {
  return { ...drawLink(options, random), ...drawLater(options, isClient, stream) }
}

function drawLater(
  { faults }: RunOptions,
  isClient: boolean,
  stream: (name: string) => SeededRandom,
): Pick<LinkPlan, 'breaksAt' | 'jitterMs' | 'stopsAt'> {
  const resets = faults.has('early-resets') ? stream('early-resets') : undefined
  const jitter = faults.has('jitter') ? stream('jitter') : undefined
  const stops = faults.has('stopped-readers') && isClient ? stream('stopped-readers') : undefined
  return {
    ...(resets?.chance(1, 6) === true
      ? {
          breaksAt: {
            end: resets.pick(['dialler', 'listener'] as const),
            bytes: resets.between(1, resets.pick(EARLY_BYTES)),
          },
        }
      : {}),
    ...(jitter?.chance(1, 2) === true ? { jitterMs: jitter.between(2, JITTER_MAX_MS) } : {}),
    ...(stops?.chance(1, 6) === true
      ? { stopsAt: { bytes: stops.between(1, STOPS_MAX_BYTES), forMs: stops.between(1_000, STOPS_MAX_MS) } }
      : {}),
  }
}

function drawLink({ profile, faults }: RunOptions, random: SeededRandom): LinkPlan {
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
