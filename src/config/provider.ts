import { basename } from 'node:path'
import type { Config } from './schema.ts'

/** Where secrets of a token are used; `sealed`: in our memory, and the token has but their seal. `none` where there is no token. */
export type Provider = 'none' | 'inproc' | 'helper' | 'sealed'

/** SoftHSM is quick, and nothing that runs beside us: a process of its own would cost more than it protects. */
const SOFTHSM = /softhsm/i

/** What `hsm.provider` comes to with that module. "auto" comes to `sealed` only once the module has shown that it can do no better. */
export function providerOf({ module, provider }: Pick<Config['hsm'], 'module' | 'provider'>): Provider {
  if (module === '') return 'none'
  if (provider !== 'auto') return provider
  return SOFTHSM.test(basename(module)) ? 'inproc' : 'helper'
}

export const PROVIDER_WORDS: Readonly<Record<Provider, string>> = {
  none: 'no HSM',
  inproc: 'in process',
  helper: 'in a helper process',
  sealed: "sealed: secrets are in the proxy's memory while it runs",
}
