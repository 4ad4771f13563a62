import { OPEN_ACCESS, UNGUARDED, type Settings } from '../../src/core/settings.ts'
import { AMPLE_BUFFERS_BYTES, MASK_IP, WORKER_FAULTS, type Fault, type RunOptions } from '../scenarios/options.ts'
import type { Restriction } from './case.ts'

/** What can be made as simple as it can be, each by itself. */
export const PLAIN = {
  workers: (options) => {
    const faults = [...options.faults].filter((fault) => !(WORKER_FAULTS as readonly Fault[]).includes(fault))
    return { ...options, workers: 1, faults: new Set(faults) }
  },
  vault: (options) => ({ ...options, vault: { ...options.vault, place: 'memory', answerMs: 0 } }),
  mask: (options) => ({ ...withSettings(options, 'mask', { host: MASK_IP }), mask: 'literal' }),
  ipv4: (options) => ({ ...withSettings(options, 'telegram', { prefer: 'ipv4' }), hasIpv6: false }),
  direct: (options) => withSettings(options, 'telegram', { mode: 'direct' }),
  prewarm: (options) => withSettings(options, 'telegram', { prewarm: 0 }),
  guard: (options) => withSettings(options, 'guard', UNGUARDED),
  header: (options) => withSettings(options, 'listen', { proxyProtocol: 'off' }),
  lifetime: (options) => withSettings(options, 'relay', { maxLifetimeMs: 0 }),
  memory: (options) => withSettings(options, 'memory', { buffersBytes: 32 * AMPLE_BUFFERS_BYTES }),
  access: (options) => ({ ...options, settings: { ...options.settings, access: OPEN_ACCESS } }),
  limits: (options) => {
    const secrets = options.settings.secrets.map(({ limits: _limits, ...secret }) => secret)
    return { ...options, settings: { ...options.settings, secrets } }
  },
} as const satisfies Readonly<Record<string, (options: RunOptions) => RunOptions>>
export type Plain = keyof typeof PLAIN

/** What is left of a run's options. Who comes, and when the run ends, is the course's business. */
export function restrict(options: RunOptions, { faults, secrets, plain = [], safetyMs }: Restriction): RunOptions {
  let rest: RunOptions = { ...options, safetyMs: safetyMs ?? options.safetyMs }
  if (faults !== undefined)
    rest = { ...rest, faults: new Set([...rest.faults].filter((each) => faults.includes(each))) }
  if (secrets !== undefined)
    rest = {
      ...rest,
      keys: rest.keys.slice(0, secrets),
      settings: { ...rest.settings, secrets: rest.settings.secrets.slice(0, secrets) },
    }
  for (const name of plain) rest = PLAIN[name](rest)
  return rest
}

function withSettings<K extends keyof Settings>(options: RunOptions, key: K, change: Partial<Settings[K]>): RunOptions {
  const { settings } = options
  return { ...options, settings: { ...settings, [key]: { ...(settings[key] as object), ...change } } }
}
