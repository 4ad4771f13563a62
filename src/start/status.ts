import type { Status, UserStatus, WorkerStatus } from '../admin/commands.ts'
import type { LiveConfig } from '../config/live.ts'
import type { LoadedConfig } from '../config/load.ts'
import { formatProblem } from '../config/problem.ts'
import { formatAddress } from '../config/values/net.ts'
import type { UserReading } from '../core/guard/users/index.ts'
import type { Address } from '../core/ports.ts'
import type { Log } from '../observe/log.ts'
import type { Runtime } from '../runtime/index.ts'
import { VERSION } from '../version.ts'
import type { Secrets } from './vault.ts'

interface Identity {
  readonly live: LiveConfig
  readonly runtime: Runtime
  readonly listening: readonly Address[]
  readonly metricsAt: string
  readonly secrets: Pick<Secrets, 'provider' | 'helperPid'>
}

/** The part of a status that is the same for one process and for several. */
export function identityOf({ live, runtime, listening, metricsAt, secrets: { provider, helperPid } }: Identity) {
  return {
    pid: process.pid,
    version: VERSION,
    runtime: runtime.name,
    config: live.loaded.file,
    listening: listening.map(formatAddress),
    metrics: metricsAt,
    secrets: live.loaded.config.secret.map(({ name }) => name),
    hsm: { provider, ...(helperPid !== undefined && { helper_pid: helperPid }) },
  }
}

/** What users have over all processes, from any of them. */
export function usersOf(readings: Iterable<UserReading>): UserStatus[] {
  return Array.from(readings, ({ name, connections, addresses, quota }) => ({
    ...{ name, connections, addresses },
    ...(quota && { quota: { used: quota.usedBytes, of: quota.bytes, period: quota.period } }),
  }))
}

type Counts = Pick<Status, 'open' | 'accepted' | 'bytes'>
const NOTHING: Counts = { open: 0, accepted: 0, bytes: { client_to_dc: 0, dc_to_client: 0 } }

/** Workers and their sums; `past` is what processes counted that are gone. */
export function sumOf(
  workers: readonly WorkerStatus[],
  past: Counts = NOTHING,
): Counts & Pick<Status, 'workers' | 'vault'> {
  const states = workers.flatMap(({ vault }) => vault ?? [])
  const vault = states.length === 0 ? {} : { vault: states.find((state) => state === 'gone') ?? states[0] }
  return { ...workers.reduce(addCounts, past), ...vault, workers }
}

/** What stays of the counts of a process that is gone: it has no connection open. */
export function pastOf(before: Counts | undefined, gone: Counts): Counts {
  return addCounts(before ?? NOTHING, { ...gone, open: 0 })
}

function addCounts(a: Counts, b: Counts): Counts {
  return {
    open: a.open + b.open,
    accepted: a.accepted + b.accepted,
    bytes: {
      client_to_dc: a.bytes.client_to_dc + b.bytes.client_to_dc,
      dc_to_client: a.bytes.dc_to_client + b.bytes.dc_to_client,
    },
  }
}

interface Announcement {
  readonly runtime: Runtime
  readonly loaded: LoadedConfig
  readonly listening: readonly Address[]
  readonly metricsAt: string
  readonly workers: number
}

/** The lines of a start that went well. */
export function announce(log: Log, { runtime, loaded, listening, metricsAt, workers }: Announcement): void {
  for (const warning of loaded.warnings) log.write('warn', 'config.warning', formatProblem(warning))
  if (metricsAt !== '') log.write('info', 'metrics.listening', 'Serving metrics', { address: metricsAt })
  for (const address of listening)
    log.write('info', 'listening', 'Listening for clients', { address: formatAddress(address), port: address.port })
  log.write('info', 'started', 'Palisade is running', {
    version: VERSION,
    runtime: runtime.name,
    pid: process.pid,
    workers,
    secrets: loaded.config.secret.length,
  })
}
