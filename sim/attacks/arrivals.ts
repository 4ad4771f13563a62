import type { SeededRandom } from '../world/random.ts'
import type { HonestPlan } from './plan/schema.ts'

/** So many chances for each arrival that is meant: with one in sixteen taken their number varies as a Poisson process does, nearly. */
const CHANCES = 16
/** Of a day's rate at its height, what is left at its lowest. */
const NIGHT = 0.15

/** When each user of a group begins a talk, in ms from the start, in no order. */
export function drawArrivals(
  { users, arrivals }: HonestPlan,
  durationMs: number,
  random: SeededRandom,
): readonly { readonly user: number; readonly atMs: number }[] {
  const all: { user: number; atMs: number }[] = []
  const each = durationMs / arrivals.every
  switch (arrivals.kind) {
    case 'burst':
      for (let user = 0; user < users; user++) all.push({ user, atMs: arrivals.at + random.below(arrivals.within) })
      break
    case 'constant':
      for (let user = 0; user < users; user++) {
        const first = random.below(arrivals.every)
        for (let atMs = first; atMs < durationMs; atMs += arrivals.every) all.push({ user, atMs })
      }
      break
    case 'poisson':
    case 'diurnal':
      for (let chance = 0; chance < Math.round(users * each * CHANCES); chance++) {
        if (!random.chance(1, CHANCES)) continue
        const atMs = random.below(durationMs)
        if (arrivals.kind === 'poisson' || isAwake(atMs / durationMs, random))
          all.push({ user: random.below(users), atMs })
      }
      break
  }
  return all
}

/** The run is one day: from night to the height at its middle and back, in straight lines. */
function isAwake(share: number, random: SeededRandom): boolean {
  const height = share < 0.5 ? 2 * share : 2 - 2 * share
  return random.below(1_000_000) < 1_000_000 * (NIGHT + (1 - NIGHT) * height)
}
