import type { Emit } from '../events.ts'
import type { AccessRules } from '../guard/access/index.ts'
import type { Guard } from '../guard/guard.ts'
import type { MaskBandwidth } from '../guard/mask-bandwidth.ts'
import type { Overload } from '../guard/overload.ts'
import type { ReplayGuard } from '../guard/replay.ts'
import type { Users } from '../guard/users/index.ts'
import type { TrialBudget } from '../guard/trials.ts'
import type { FlightLearner } from '../mask/flight.ts'
import type { SharePool } from '../mask/shares.ts'
import type { MaskTargets } from '../mask/targets.ts'
import type { BufferPool } from '../memory/pool.ts'
import type { TimerWheel } from '../memory/wheel.ts'
import type { Clock, Network, Random, Vault } from '../ports.ts'
import type { Settings } from '../settings.ts'
import type { DirectDialer } from '../telegram/direct.ts'
import type { MiddleProxies } from '../telegram/middle/index.ts'
import type { SecretTable } from './secrets.ts'
import type { TarpitPlaces } from './tarpit.ts'

/** Bytes of clients relayed to Telegram, counted as they pass. */
export interface Totals {
  clientToDcBytes: number
  dcToClientBytes: number
}

/** What all sessions share. `settings` and `secrets` are replaced whole by a reload. */
export interface Services {
  readonly clock: Clock
  readonly random: Random
  readonly network: Network
  readonly vault: Vault
  readonly wheel: TimerWheel
  readonly pool: BufferPool
  readonly access: AccessRules
  readonly guard: Guard
  readonly overload: Overload
  readonly tarpits: TarpitPlaces
  readonly users: Users
  readonly replay: ReplayGuard
  readonly trials: TrialBudget
  readonly maskBandwidth: MaskBandwidth
  readonly dialer: DirectDialer
  readonly middle: MiddleProxies
  readonly targets: MaskTargets
  readonly flights: FlightLearner
  readonly shares: SharePool
  readonly totals: Totals
  readonly emit: Emit
  /** Where downlink bytes get their record headers; used within one call only. */
  readonly scratch: Uint8Array
  settings: Settings
  secrets: SecretTable
}

/**
 * Half a page into its memory. Reads and results of ciphers begin at a page, or close to it, and a copy from there to a place a few
 * bytes further on within a page is what processors with a string instruction for long copies are slow at: 64 KB take 46 us, to
 * the middle of a page 4.
 */
const SCRATCH_AT = 2048

/** For `Services.scratch`. */
export function makeScratch(length: number): Uint8Array {
  return new Uint8Array(new ArrayBuffer(SCRATCH_AT + length), SCRATCH_AT)
}

/** The shared scratch, or for an unusually large read a buffer of its own. */
export function scratchFor(scratch: Uint8Array, length: number): Uint8Array {
  return length <= scratch.length ? scratch : new Uint8Array(length)
}
