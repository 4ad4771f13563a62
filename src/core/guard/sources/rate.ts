/**
 * The generic cell rate algorithm (ITU-T I.371): `arrivalMs` is when the last admitted event would have come had all kept their
 * distance. Returns the new one, or NaN when the event is over the rate. `factor` raises rate and burst alike.
 */
export function admitAt(arrivalMs: number, nowMs: number, perSec: number, burst: number, factor: number): number {
  const distanceMs = 1000 / (perSec * factor)
  // The burst is as many seconds of the rate whatever the factor, and that many more events.
  const aheadMs = ((burst - 1) * 1000) / perSec
  const next = Math.max(arrivalMs, nowMs)
  return next - nowMs > aheadMs ? NaN : next + distanceMs
}
