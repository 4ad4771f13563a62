import type { Cancellable, Clock, Dialing } from '../../src/core/ports.ts'
import type { SeededRandom } from '../world/random.ts'
import type { Truth } from './truth.ts'

/** Data centres that users talk to, each always to the same one. */
export const DCS = [1, 2, 3, 4, 5] as const

/** The stream that hellos are drawn from. */
export const HELLOS = 'hellos'

/** Time and chance as the people of a scenario have them. */
export interface Timeline {
  /** Milliseconds of the plan. */
  readonly now: number
  readonly clock: Clock
  after(ms: number, run: () => void): Cancellable
  /** The stream of that name; drawing from one never shifts another. */
  random(name: string): SeededRandom
}

/** Where the people of a scenario act: the arena in virtual time, or real sockets. */
export interface Stage {
  readonly world: Timeline
  /** By the plan's clock, when the scenario begins. */
  readonly startAt: number
  /** Ms of the plan since then. */
  readonly nowMs: number
  /** Ms of the plan in one of the proxy's: waiting for the proxy is not sped up with the plan. 1 but on real sockets. */
  readonly pace: number
  /** Whether somebody stands in for Telegram. Without, clients have nobody to talk to behind the handshake. */
  readonly hasTelegram: boolean
  readonly crowd: {
    /** As that address, for that side. */
    dial(ip: string, truth: Truth, dialing: Dialing): Cancellable
  }
  at(ms: number, run: () => void): void
}
