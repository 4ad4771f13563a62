import { problemOf, type LoadedConfig, type LoadResult } from '../config/load.ts'
import type { Problem } from '../config/problem.ts'
import type { Provider } from '../config/provider.ts'
import type { Prepared } from '../config/settings.ts'
import type { SecretId, SharedMemory, Vault } from '../core/ports.ts'
import type { Closing } from '../runtime/closing.ts'
import type { SystemRandom } from '../runtime/random.ts'
import { MemoryVault } from '../vault/memory.ts'
import { SplitVault } from '../vault/split.ts'
import { NOT_THERE, type SecretFault } from '../vault/token.ts'
import { ConfigFault } from './errors.ts'
import { HsmWatch, type HsmWatchOptions } from './hsm-watch.ts'
import { sitOut } from './outage.ts'
import { openPlace, type TokenPlace } from './place.ts'
import { sealedSecrets } from './sealed.ts'

/** Where the secrets of the configuration are, for whoever uses them. */
export interface Secrets {
  readonly vault: Vault
  /** Whether the HSM answers; undefined where nothing asks one. */
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
  /** As another process of the proxy found out; absent where nobody has yet. */
  readonly provider?: Provider | undefined
  /** Where the helper listens, when another process has started it and looks after it. */
  readonly helperAt?: string | undefined
}

/** Opens the token where one is configured. Rejects with a `ConfigFault` for it, or for a label it does not have. */
export async function openSecrets(options: SecretsOptions): Promise<Secrets> {
  const { loaded } = options
  const memory = new MemoryVault()
  const watch = new HsmWatch(options)
  const place = await openPlace(options, watch)
  const checked = await checkLabels(loaded, place)
  if ('problems' in checked) throw new ConfigFault(checked.problems)
  const labelled = new Set<SecretId>()
  const isFar = (id: SecretId) => labelled.has(id)
  // What is asked while clients come; sealed secrets ask for nothing any more.
  const hsm = place === undefined || place.provider === 'sealed' ? undefined : place.vault
  const far = hsm === undefined ? place?.vault : watch.measured(hsm)
  const vault = far === undefined ? memory : new SplitVault({ near: memory, far, isFar })
  const waiting = hsm && sitOut(vault, { ...options, isReachable: () => hsm.isReachable })
  watch.waiting = waiting
  return {
    vault: waiting ?? vault,
    isReachable: () => hsm?.isReachable,
    provider: place?.provider ?? 'none',
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

/** The configuration, or what its labels are wrong about. */
async function checkLabels(loaded: LoadedConfig, place: TokenPlace | undefined): Promise<LoadResult> {
  const labels = loaded.config.secret.flatMap(({ key }) => (key.from === 'hsm' ? [key.label] : []))
  if (labels.length === 0) return loaded
  let faults: readonly (SecretFault | undefined)[]
  try {
    faults = (await place?.faultsOf(labels)) ?? labels.map(() => NO_MODULE)
  } catch (error) {
    if (error instanceof ConfigFault) return { problems: error.problems }
    throw error
  }
  const byLabel = new Map(labels.map((label, at) => [label, faults[at]]))
  const problems = labelProblems(loaded, (label) => byLabel.get(label), place?.provider)
  return problems.length === 0 ? loaded : { problems }
}

const NO_MODULE: SecretFault = 'hsm.module was not set at the start, and waits for the next one'

/** A problem for each label of the configuration that names no secret to be used, by what `faultOf` says of it. */
export function labelProblems(
  loaded: LoadedConfig,
  faultOf: (label: string) => SecretFault | undefined,
  provider?: Provider,
): readonly Problem[] {
  const sealed = sealedSecrets(loaded)
  const isSealed = provider === 'sealed'
  const where = isSealed ? `a sealed secret in ${sealed.path}` : `a secret in token "${loaded.config.hsm.token}"`
  const allowed = `the label of ${where}`
  return loaded.config.secret.flatMap(({ key }, i) => {
    if (key.from !== 'hsm') return []
    const fault = faultOf(key.label)
    if (fault === undefined) return []
    const other =
      !isSealed && sealed.read(key.label) !== undefined
        ? 'a sealed one is there, for which hsm.provider would have to be "sealed"'
        : `make it with: palisade hsm generate --label ${key.label}`
    const hint = fault === NOT_THERE ? `${fault}; ${other}` : fault
    return [problemOf(loaded, { path: ['secret', i, 'key'], allowed, hint })]
  })
}
