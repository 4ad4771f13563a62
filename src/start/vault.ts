import { problemOf, type LoadedConfig, type LoadResult } from '../config/load.ts'
import type { Problem } from '../config/problem.ts'
import type { Prepared } from '../config/settings.ts'
import type { SecretId, SharedMemory, Vault } from '../core/ports.ts'
import type { Log } from '../observe/log.ts'
import type { Closing } from '../runtime/closing.ts'
import type { SystemRandom } from '../runtime/random.ts'
import { HsmVault, type HsmEvents } from '../vault/hsm.ts'
import { NOT_THERE, type SecretFault } from '../vault/token.ts'
import { PinWatch } from '../vault/pin-watch.ts'
import { MemoryVault } from '../vault/memory.ts'
import { SplitVault } from '../vault/split.ts'
import { ConfigFault } from './errors.ts'
import { mixRandom } from './random.ts'
import { openToken } from './token.ts'

const TICK_MS = 500
/** One word of it is used. */
const WATCH_BYTES = 64

/** Where the secrets of the configuration are, for whoever uses them. */
export interface Secrets {
  readonly vault: Vault
  /** A configuration read again, or what its labels are wrong about. */
  check(read: LoadResult): LoadResult
  /** Takes over the secrets, before the settings are applied. */
  give(prepared: Prepared): void
  /** Forgets those that are not configured any more, after the settings were applied. */
  forget(ids: readonly SecretId[]): void
}

export interface SecretsOptions {
  readonly loaded: LoadedConfig
  readonly log: Log
  readonly closing: Closing
  /** Monotonic ms. */
  readonly now: () => number
  readonly memory: SharedMemory
  /** Into which the token's generator is mixed, with `hsm.random`. */
  readonly random: SystemRandom
  /** Whether this process starts the proxy, and no other process of it has logged in yet. */
  readonly isFirst: boolean
}

/** Opens the token where one is configured. Throws a `ConfigFault` for it, or for a label it does not have. */
export function openSecrets(options: SecretsOptions): Secrets {
  const { loaded } = options
  const memory = new MemoryVault()
  const hsm = loaded.config.hsm.module === '' ? undefined : openHsm(options)
  const checked = checkLabels(loaded, hsm)
  if ('problems' in checked) throw new ConfigFault(checked.problems)
  const labelled = new Set<SecretId>()
  return {
    vault: hsm === undefined ? memory : new SplitVault((id) => (labelled.has(id) ? hsm : memory)),
    check: (read) => ('problems' in read ? read : checkLabels(read, hsm)),
    give({ keys, labels }) {
      for (const { id, key } of keys) memory.put(id, key)
      for (const { id, label } of labels) {
        labelled.add(id)
        hsm?.put(id, label)
      }
    },
    forget(ids) {
      for (const id of ids) {
        memory.remove(id)
        hsm?.remove(id)
        labelled.delete(id)
      }
    },
  }
}

function openHsm({ loaded, log, closing, now, memory, random, isFirst }: SecretsOptions): HsmVault {
  const pin = new PinWatch(wordOf(memory), {
    pid: process.pid,
    isAlive,
  })
  if (isFirst) pin.reset()
  const { module, token, route, trialKey } = openToken(loaded, pin)
  closing.add(() => token.close())
  const { label, serial } = token.info
  log.write('info', 'hsm.ready', 'Secrets are used inside the HSM', {
    ...{ module: module.path, description: module.describe(), token: label, serial, route, provider: 'inproc' },
  })
  mixRandom({ loaded, token, random, log, now })
  const vault = new HsmVault({ token, trialKey, now, events: tell(log), pin })
  const ticking = setInterval(() => vault.tick(), TICK_MS)
  closing.add(() => clearInterval(ticking))
  return vault
}

function tell(log: Log): HsmEvents {
  return {
    onError: ({ call, code }) => log.write('warn', 'hsm.error', 'The HSM failed at a call', { call, code }),
    onGone: (why) => log.write('error', 'hsm.gone', 'The HSM does not answer: its users go to the mask host', { why }),
    onBack: () => log.write('info', 'hsm.back', 'The HSM answers again'),
    onPinRefused: () =>
      log.write('error', 'hsm.pin-refused', 'The HSM refused the PIN, which is not tried again before the next start'),
    onMissing: (label, fault) =>
      log.write('error', 'hsm.missing', 'A secret of the configuration is not in the HSM', { label, why: fault }),
  }
}

/** The configuration, or what its labels are wrong about. */
function checkLabels(loaded: LoadedConfig, hsm: HsmVault | undefined): LoadResult {
  const problems = labelProblems(loaded, (label) =>
    hsm === undefined ? 'hsm.module was not set at the start, and waits for the next one' : hsm.faultOf(label),
  )
  return problems.length === 0 ? loaded : { problems }
}

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

function wordOf(memory: SharedMemory): Int32Array {
  const { buffer, byteOffset } = memory.open('hsm-pin', WATCH_BYTES).bytes
  return new Int32Array(buffer, byteOffset, 1)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // It runs, and belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
