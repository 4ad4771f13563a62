import type { Random } from '../ports.ts'

/** Up to 30 % more than `value`, so that no bound of ours is a round number a prober can recognise (security.md, P1). */
export function jittered(value: number, random: Random): number {
  return value + Math.floor((value * random.below(3001)) / 10_000)
}
