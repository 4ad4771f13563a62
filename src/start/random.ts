import type { LoadedConfig } from '../config/load.ts'
import type { Log } from '../observe/log.ts'
import type { SystemRandom } from '../runtime/random.ts'
import { Pkcs11Crypto } from '../runtime/vault/crypto.ts'
import type { Pkcs11Token } from '../runtime/vault/token.ts'
import { Mixer } from '../vault/mixer.ts'

export interface MixOptions {
  readonly loaded: LoadedConfig
  readonly token: Pkcs11Token
  readonly random: SystemRandom
  readonly log: Log
  /** Monotonic ms. */
  readonly now: () => number
}

/** With `hsm.random`, mixes the token's generator into that of this process, from now on. */
export function mixRandom({ loaded, token, random, log, now }: MixOptions): void {
  if (!loaded.config.hsm.random) return
  const crypto = new Pkcs11Crypto(token)
  const mixer = new Mixer({
    draw: (length) => crypto.random(length),
    now,
    onLost: (why) => tellLost(log, why),
    onBack: () => log.write('info', 'hsm.random-back', "The HSM's random numbers are mixed in again"),
  })
  random.mix = (bytes) => mixer.mix(bytes)
  // Whether it works is told now, and what was drawn before is not used.
  random.renew()
}

/** Says why the token's generator is not mixed in, though it is wanted. */
export function tellLost(log: Log, why: string): void {
  log.write('error', 'hsm.random-lost', "The HSM's random numbers are not used: the system's alone are", { why })
}
