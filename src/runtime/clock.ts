import type { Clock } from '../core/ports.ts'

/**
 * The machine's clocks: one that only goes forward, and the one people set. `mono` counts from the start of the machine,
 * not of the process, so that what worker processes note in shared memory means the same to all of them.
 */
export function systemClock(monotonicMs: () => number): Clock {
  return { mono: monotonicMs, wall: () => Math.floor(Date.now() / 1000) }
}
