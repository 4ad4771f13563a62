import type { Clock } from '../core/ports.ts'

/** The machine's clocks: one that only goes forward, and the one people set. */
export const systemClock: Clock = {
  mono: () => performance.now(),
  wall: () => Math.floor(Date.now() / 1000),
}
