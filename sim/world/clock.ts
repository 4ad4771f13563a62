import type { Clock } from '../../src/core/ports.ts'

/** Both clocks of the virtual world. Only the world moves the first; the second drifts and steps as a test says. */
export class VirtualClock implements Clock {
  #mono: number
  #wallStart: number
  #wallSince: number
  /** Parts per million by which the wall clock runs fast. */
  #driftPpm = 0

  constructor(monoMs: number, wallSec: number) {
    this.#mono = monoMs
    this.#wallStart = wallSec
    this.#wallSince = monoMs
  }

  mono(): number {
    return this.#mono
  }

  wall(): number {
    const elapsedMs = this.#mono - this.#wallSince
    return Math.floor(this.#wallStart + (elapsedMs + (elapsedMs * this.#driftPpm) / 1_000_000) / 1000)
  }

  /** For the world alone. */
  advanceTo(monoMs: number): void {
    this.#mono = monoMs
  }

  stepWall(bySec: number): void {
    this.#wallStart = this.wall() + bySec
    this.#wallSince = this.#mono
  }

  setDrift(ppm: number): void {
    this.stepWall(0)
    this.#driftPpm = ppm
  }
}

/**
 * The clocks of one machine of the world. The first counts from the start of the machine, and may stand still while it sleeps; the
 * second is the world's.
 */
export class MachineClock implements Clock {
  readonly #world: Clock
  /** World ms at which it shows 0. */
  #zeroMs = 0

  constructor(world: Clock) {
    this.#world = world
  }

  mono(): number {
    return this.#world.mono() - this.#zeroMs
  }

  wall(): number {
    return this.#world.wall()
  }

  /** When the world comes to what this clock calls `monoMs`, if neither sleeps. */
  worldMs(monoMs: number): number {
    return monoMs + this.#zeroMs
  }

  /** It has slept for so long, and does not know. */
  miss(ms: number): void {
    this.#zeroMs += ms
  }

  /** The machine starts anew: it has been up for `upMs`. */
  restart(upMs: number): void {
    this.#zeroMs = this.#world.mono() - upMs
  }
}
