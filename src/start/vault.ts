import { problemOf, type LoadedConfig, type LoadResult } from '../config/load.ts'
import type { Problem } from '../config/problem.ts'
import { providerOf, type Provider } from '../config/provider.ts'
import type { Prepared } from '../config/settings.ts'
import type { SecretId, SharedMemory, Vault } from '../core/ports.ts'
import type { Closing } from '../runtime/closing.ts'
import { dialHelper } from '../runtime/vault/helper-socket.ts'
import { HelperVault } from '../vault/helper/client.ts'
import type { LabelVault } from '../vault/helper/desk.ts'
import type { SystemRandom } from '../runtime/random.ts'
import { MemoryVault } from '../vault/memory.ts'
import { SplitVault } from '../vault/split.ts'
import { NOT_THERE, type SecretFault } from '../vault/token.ts'
import { ConfigFault } from './errors.ts'
import { HelperKeeper } from './helper.ts'
import { HsmWatch, type HsmWatchOptions } from './hsm-watch.ts'
import { openHsm, openPinWatch } from './hsm.ts'
import { sitOut } from './outage.ts'
import { mixRandom } from './random.ts'

/** How exactly the bound of an answer from the helper holds. */
const HELPER_TICK_MS = 50
/** Longest wait for a helper at our start: it runs, or will be there later. */
const HELPER_OPEN_MS = 2000

/** Where the secrets of the configuration are, for whoever uses them. */
export interface Secrets {
  readonly vault: Vault
  /** Whether the HSM answers; undefined where there is none. */
  readonly isReachable: () => boolean | undefined
  readonly provider: Provider
  /** Where the helper listens, for other processes of this proxy. */
  readonly helperAt: string | undefined
  /** Of the helper that we started; undefined where there is none. */
  readonly helperPid: number | undefined
  /** A configuration read again, or what its labels are wrong about. */
  check(read: LoadResult): Promise<LoadResult>
  /** Takes over the secrets, before the settings are applied. */
  give(prepared: Prepared): void
  /** Forgets those that are not configured any more, after the settings were applied. */
  forget(ids: readonly SecretId[]): void
}

export interface SecretsOptions extends HsmWatchOptions {
  readonly loaded: LoadedConfig
  readonly closing: Closing
  /** Unix seconds. */
  readonly wall: () => number
  readonly memory: SharedMemory
  /** Into which the token's generator is mixed, with `hsm.random`. */
  readonly random: SystemRandom
  /** Whether this process starts the proxy, and no other process of it has logged in yet. */
  readonly isFirst: boolean
  /** Where the helper listens, when another process has started it and looks after it. */
  readonly helperAt?: string | undefined
}

/** Where secrets in a token are used. */
interface TokenPlace {
  readonly vault: LabelVault & { readonly isReachable: boolean }
  readonly keeper?: HelperKeeper
  readonly helperAt?: string
  /** What speaks against each of the labels. Of a worker with a helper: nothing, as whoever started both has asked. */
  faultsOf(labels: readonly string[]): Promise<readonly (SecretFault | undefined)[]>
}

/** Opens the token where one is configured. Rejects with a `ConfigFault` for it, or for a label it does not have. */
export async function openSecrets(options: SecretsOptions): Promise<Secrets> {
  const { loaded } = options
  const memory = new MemoryVault()
  const provider = providerOf(loaded.config.hsm)
  const watch = new HsmWatch(options)
  const place = await openPlace(provider, options, watch)
  const checked = await checkLabels(loaded, place)
  if ('problems' in checked) throw new ConfigFault(checked.problems)
  const labelled = new Set<SecretId>()
  const isFar = (id: SecretId) => labelled.has(id)
  const far = place && watch.measured(place.vault)
  const vault = far === undefined ? memory : new SplitVault({ near: memory, far, isFar })
  const waiting = place && sitOut(vault, { ...options, isReachable: () => place.vault.isReachable })
  watch.waiting = waiting
  return {
    vault: waiting ?? vault,
    isReachable: () => place?.vault.isReachable,
    provider,
    helperAt: place?.helperAt,
    get helperPid() {
      return place?.keeper?.pid
    },
    check: (read) => ('problems' in read ? Promise.resolve(read) : checkLabels(read, place)),
    give({ keys, labels, settings }) {
      if (waiting !== undefined) waiting.waitMs = settings.listen.handshakeTimeoutMs
      for (const { id, key } of keys) memory.put(id, key)
      for (const { id, label } of labels) {
        labelled.add(id)
        place?.vault.put(id, label)
      }
    },
    forget(ids) {
      for (const id of ids) {
        memory.remove(id)
        place?.vault.remove(id)
        labelled.delete(id)
      }
    },
  }
}

async function openPlace(
  provider: Provider,
  options: SecretsOptions,
  watch: HsmWatch,
): Promise<TokenPlace | undefined> {
  const { isFirst, helperAt } = options
  if (provider === 'none') return undefined
  if (helperAt !== undefined) {
    return {
      vault: await reachHelper(helperAt, options, watch),
      helperAt,
      faultsOf: (labels) => Promise.resolve(labels.map(() => undefined)),
    }
  }
  const pin = openPinWatch(options.memory)
  if (isFirst) pin.reset()
  if (provider === 'inproc') {
    const { vault: hsm, token } = openHsm({ ...options, pin, provider, events: watch.events })
    mixRandom({ ...options, token })
    return { vault: hsm, faultsOf: (labels) => Promise.resolve(labels.map((label) => hsm.faultOf(label))) }
  }
  const keeper = await HelperKeeper.start({ ...options, pin })
  const vault = await reachHelper(keeper.path, options, watch)
  return {
    ...{ vault, keeper, helperAt: keeper.path },
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
async function reachHelper(
  path: string,
  { loaded, closing, now }: SecretsOptions,
  watch: HsmWatch,
): Promise<HelperVault> {
  const opened = Promise.withResolvers<void>()
  const vault = new HelperVault({
    dial: (events) => dialHelper(path, events),
    now,
    timeoutMs: loaded.config.hsm.operation_timeout,
    onOpen: opened.resolve,
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
  return vault
}

/** The configuration, or what its labels are wrong about. */
async function checkLabels(loaded: LoadedConfig, place: TokenPlace | undefined): Promise<LoadResult> {
  const labels = loaded.config.secret.flatMap(({ key }) => (key.from === 'hsm' ? [key.label] : []))
  if (labels.length === 0) return loaded
  const faults = (await place?.faultsOf(labels)) ?? labels.map(() => NO_MODULE)
  const byLabel = new Map(labels.map((label, at) => [label, faults[at]]))
  const problems = labelProblems(loaded, (label) => byLabel.get(label))
  return problems.length === 0 ? loaded : { problems }
}

const NO_MODULE: SecretFault = 'hsm.module was not set at the start, and waits for the next one'

/** A problem for each label of the configuration that names no secret to be used, by what `faultOf` says of it. */
export function labelProblems(
  loaded: LoadedConfig,
  faultOf: (label: string) => SecretFault | undefined,
): readonly Problem[] {
  const allowed = `the label of a secret in token "${loaded.config.hsm.token}"`
  return loaded.config.secret.flatMap(({ key }, i) => {
    if (key.from !== 'hsm') return []
    const fault = faultOf(key.label)
    if (fault === undefined) return []
    const hint = fault === NOT_THERE ? `${fault}; make it with: palisade hsm generate --label ${key.label}` : fault
    return [problemOf(loaded, { path: ['secret', i, 'key'], allowed, hint })]
  })
}
