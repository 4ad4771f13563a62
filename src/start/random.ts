import type { LoadedConfig } from '../config/load.ts'
import type { Log } from '../observe/log.ts'
import type { SystemRandom } from '../runtime/random.ts'
import { Pkcs11Crypto } from '../runtime/vault/crypto.ts'
import type { Pkcs11Token } from '../runtime/vault/token.ts'
import type { HelperVault } from '../vault/helper/client.ts'
import { atOnce, Mixer, type Draw } from '../vault/mixer.ts'

export interface MixOptions {
  readonly loaded: LoadedConfig
  readonly random: SystemRandom
  readonly log: Log
  /** Monotonic ms. */
  readonly now: () => number
}

/** With `hsm.random`, mixes the token's generator into that of this process, from now on. */
export function mixRandom({ token, ...options }: MixOptions & { readonly token: Pkcs11Token }): void {
  const crypto = new Pkcs11Crypto(token)
  mixFrom(
    atOnce((length) => crypto.random(length)),
    options,
  )
}

/** The same where the token is another process's: from its first answer on. */
export function mixHelperRandom({
  vault,
  ...options
}: MixOptions & { readonly vault: Pick<HelperVault, 'random'> }): void {
  const { random, log } = options
  let isTold = false
  const draw: Draw = (length, reply) =>
    vault.random(length, (bytes) => reply(bytes ?? { why: 'the vault helper or its HSM does not answer' }))
  mixFrom(draw, options, () => {
    // What was drawn before the key came is not used.
    random.renew()
    if (!isTold) log.write('info', 'hsm.random-mixed', "The HSM's random numbers are mixed in", { pid: process.pid })
    isTold = true
  })
}

function mixFrom(draw: Draw, { loaded, random, log, now }: MixOptions, onKeyed = () => {}): void {
  if (!loaded.config.hsm.random) return
  const mixer = new Mixer({
    ...{ draw, now, onKeyed },
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
