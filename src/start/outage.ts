import type { LoadedConfig } from '../config/load.ts'
import type { Vault } from '../core/ports.ts'
import type { Closing } from '../runtime/closing.ts'
import { WaitingVault } from '../vault/waiting.ts'

/** What is back is asked again soon: people wait for it. */
const TICK_MS = 100

export interface OutageOptions {
  readonly loaded: LoadedConfig
  readonly closing: Closing
  /** Monotonic ms. */
  readonly now: () => number
  readonly isReachable: () => boolean
}

/** Around all vaults, so that no secret outside of the HSM waits for it. Undefined: nobody waits, by `hsm.outage`. */
export function sitOut(vault: Vault, { loaded, closing, now, isReachable }: OutageOptions): WaitingVault | undefined {
  const { hsm, listen } = loaded.config
  if (hsm.outage !== 'wait') return undefined
  // Nobody is kept longer than we wait for what a client has to say.
  const waiting = new WaitingVault({ vault, isReachable, now, waitMs: listen.handshake_timeout })
  const ticking = setInterval(() => waiting.tick(), TICK_MS)
  closing.add(() => clearInterval(ticking))
  return waiting
}
