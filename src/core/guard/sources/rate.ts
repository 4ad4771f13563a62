/**
 * The generic cell rate algorithm (ITU-T I.371), on a number that lies in `arrivals`: when the last admitted event would have come
 * had all kept their distance. `factor` raises rate and burst alike: the burst is as many seconds of the rate whatever the factor,
 * and that many more events. Numbers are changed in place, since one that is returned may be one that is allocated.
 */
export function isOver(arrivals: Float64Array, at: number, nowMs: number, perSec: number, burst: number): boolean {
  return arrivals[at] - nowMs > ((burst - 1) * 1000) / perSec
}

/** Counts an event that is not over the rate. */
export function spend(arrivals: Float64Array, at: number, nowMs: number, perSec: number, factor: number): void {
  arrivals[at] = Math.max(arrivals[at], nowMs) + 1000 / (perSec * factor)
}
