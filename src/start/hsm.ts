import type { Provider } from '../config/provider.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { SharedMemory } from '../core/ports.ts'
import type { Log } from '../observe/log.ts'
import type { Closing } from '../runtime/closing.ts'
import { isAlive } from '../runtime/processes.ts'
import type { Pkcs11Token } from '../runtime/vault/token.ts'
import { HsmVault, type HsmEvents } from '../vault/hsm.ts'
import { PinWatch } from '../vault/pin-watch.ts'
import { openToken } from './token.ts'

const TICK_MS = 500
/** One word of it is used. */
const WATCH_BYTES = 64

export interface HsmOptions {
  readonly loaded: LoadedConfig
  readonly log: Log
  readonly closing: Closing
  /** Monotonic ms. */
  readonly now: () => number
  /** Unix seconds. */
  readonly wall: () => number
  readonly pin: PinWatch
  readonly events: HsmEvents
  /** For the log: whether this process does something else as well. */
  readonly provider: Provider
  /** After each call to the module. */
  readonly onReturn?: () => void
}

/** A token that is open, and the secrets in it. */
export interface OpenHsm {
  readonly vault: HsmVault
  readonly token: Pkcs11Token
}

/** Opens the token in this process and keeps it open. Throws a `ConfigFault`. */
export function openHsm({ loaded, log, closing, now, wall, pin, provider, events, onReturn }: HsmOptions): OpenHsm {
  const { module, token, route, trialKey } = openToken(loaded, { pin, ...(onReturn && { onReturn }) })
  closing.add(() => token.close())
  const { label, serial } = token.info
  log.write('info', 'hsm.ready', 'Secrets are used inside the HSM', {
    ...{ module: module.path, description: module.describe(), token: label, serial, route, provider, pid: process.pid },
  })
  const vault = new HsmVault({ token, trialKey, now, wall, events, pin })
  const ticking = setInterval(() => vault.tick(), TICK_MS)
  closing.add(() => clearInterval(ticking))
  return { vault, token }
}

/** The word that says whether the PIN was refused, as all processes of the proxy see it. */
export function openPinWatch(memory: SharedMemory): PinWatch {
  const { buffer, byteOffset } = memory.open('hsm-pin', WATCH_BYTES).bytes
  return new PinWatch(new Int32Array(buffer, byteOffset, 1), { pid: process.pid, isAlive })
}
