import { providerOf } from '../config/provider.ts'
import { dialHelper } from '../runtime/vault/helper-socket.ts'
import { HelperVault } from '../vault/helper/client.ts'
import type { LabelVault } from '../vault/helper/desk.ts'
import type { PinWatch } from '../vault/pin-watch.ts'
import type { SealedVault } from '../vault/sealed.ts'
import type { SecretFault } from '../vault/token.ts'
import { OnlySealed } from './errors.ts'
import { HelperKeeper } from './helper.ts'
import type { HsmWatch } from './hsm-watch.ts'
import { openHsm, openPinWatch } from './hsm.ts'
import { mixHelperRandom, mixRandom, tellLost } from './random.ts'
import { openSealed } from './sealed.ts'
import type { SecretsOptions } from './vault.ts'

/** How exactly the bound of an answer from the helper holds. */
const HELPER_TICK_MS = 50
/** Longest wait for a helper at our start: it runs, or will be there later. */
const HELPER_OPEN_MS = 2000

/** Where secrets of a token are used. */
export type TokenPlace = HsmPlace | SealedPlace

interface Labels {
  /**
   * What speaks against each of them. Of a worker with a helper: nothing, as whoever started both has asked. May reject with a
   * `ConfigFault`.
   */
  faultsOf(labels: readonly string[]): Promise<readonly (SecretFault | undefined)[]>
  readonly helperAt?: string
  readonly keeper?: HelperKeeper
}

interface HsmPlace extends Labels {
  readonly provider: 'inproc' | 'helper'
  readonly vault: LabelVault & { readonly isReachable: boolean }
}

interface SealedPlace extends Labels {
  readonly provider: 'sealed'
  readonly vault: SealedVault
}

/** Undefined where no token is configured. Rejects with a `ConfigFault` where it does not open. */
export async function openPlace(options: SecretsOptions, watch: HsmWatch): Promise<TokenPlace | undefined> {
  const { loaded, isFirst, helperAt, memory } = options
  const { provider = providerOf(loaded.config.hsm) } = options
  if (provider === 'none') return undefined
  if (helperAt !== undefined) {
    const vault = await reachHelper(helperAt, options, watch)
    return { provider: 'helper', vault, helperAt, faultsOf: (labels) => Promise.resolve(labels.map(() => undefined)) }
  }
  const pin = openPinWatch(memory)
  if (isFirst) pin.reset()
  if (provider === 'sealed') return sealedPlace(options, pin)
  try {
    return await (provider === 'inproc' ? hsmPlace(options, pin, watch) : helperPlace(options, pin, watch))
  } catch (error) {
    // Workers do as the supervisor does, which has found out.
    if (!(error instanceof OnlySealed) || options.provider !== undefined) throw error
    if (loaded.config.hsm.random) tellLost(options.log, 'sealed secrets need the token at the start alone')
    return sealedPlace(options, pin, error.why)
  }
}

function sealedPlace(options: SecretsOptions, pin: PinWatch, why?: string): SealedPlace {
  return { provider: 'sealed', ...openSealed({ ...options, pin, ...(why !== undefined && { why }) }) }
}

function hsmPlace(options: SecretsOptions, pin: PinWatch, watch: HsmWatch): HsmPlace {
  const provider = 'inproc'
  const { vault, token } = openHsm({ ...options, pin, provider, events: watch.events })
  mixRandom({ ...options, token })
  return { provider, vault, faultsOf: (labels) => Promise.resolve(labels.map((label) => vault.faultOf(label))) }
}

async function helperPlace(options: SecretsOptions, pin: PinWatch, watch: HsmWatch): Promise<HsmPlace> {
  const keeper = await HelperKeeper.start({ ...options, pin })
  const vault = await reachHelper(keeper.path, options, watch)
  return {
    ...{ provider: 'helper', vault, keeper, helperAt: keeper.path },
    faultsOf: async (labels) => {
      const faults = await keeper.faultsOf(labels)
      if (faults !== undefined) return faults
      // A label in use is good while the helper is away, as it is while the token is.
      const inUse = vault.labels
      return labels.map((label) => (inUse.has(label) ? undefined : 'the vault helper does not answer'))
    },
  }
}

/** Waits for the connection, so that the first client finds it there. */
async function reachHelper(path: string, options: SecretsOptions, watch: HsmWatch): Promise<HelperVault> {
  const { loaded, closing, now } = options
  const opened = Promise.withResolvers<void>()
  const vault = new HelperVault({
    dial: (events) => dialHelper(path, events),
    now,
    timeoutMs: loaded.config.hsm.operation_timeout,
    onOpen: opened.resolve,
    ...(options.measure && { onTrouble: (trouble) => watch.heard(trouble) }),
  })
  const ticking = setInterval(() => {
    vault.tick()
    watch.look(vault)
  }, HELPER_TICK_MS)
  closing.add(() => {
    clearInterval(ticking)
    vault.close()
  })
  const limit = setTimeout(opened.resolve, HELPER_OPEN_MS)
  await opened.promise
  clearTimeout(limit)
  mixHelperRandom({ ...options, vault })
  return vault
}
