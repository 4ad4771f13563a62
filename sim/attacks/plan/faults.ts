import { z } from 'zod'
import { OVERLOAD_RESOURCES } from '../../../src/core/events.ts'
import { duration, readDuration } from '../../../src/config/values/time.ts'
import { integer, oneOf, text, value } from '../../../src/config/values/value.ts'
import { share, table } from './values.ts'

/** What can go wrong, with the keys that each needs beside `kind` and `at`, and those that it may have. */
const KEYS = {
  /** Data centres are out of reach, and who is connected there is cut off. */
  'dc-down': { needs: ['for'], takes: ['dc', 'how'] },
  /** The same for half of each second. */
  'dc-flap': { needs: ['for'], takes: ['dc'] },
  'mask-down': { needs: ['for'], takes: ['how'] },
  /** The line of the proxy's machine: everything takes longer, and `stall` now and then. */
  'slow-links': { needs: ['for', 'latency'], takes: ['stall'] },
  'resolver-down': { needs: ['for'], takes: [] },
  /** What has to be kept over a restart is not written down. */
  'store-down': { needs: ['for'], takes: [] },
  /** The proxy's clock alone, for good. */
  'clock-step': { needs: ['by'], takes: [] },
  /** The process is killed, and starts again so much later on what it has kept. */
  restart: { needs: ['for'], takes: [] },
  /** Its configuration is changed by [fault.config], which is laid over [config]. */
  reload: { needs: ['config'], takes: [] },
  /** The proxy's machine has used up so much of something. */
  shortage: { needs: ['for', 'resource', 'share'], takes: [] },
} as const

export type FaultKind = keyof typeof KEYS
export const FAULT_KINDS = Object.keys(KEYS) as readonly FaultKind[]

const step = text('a step such as "+30s" or "-5m", of at most a day', (found) => {
  const ms = /^[+-]/.test(found) ? readDuration(found.slice(1)) : undefined
  return ms === undefined || ms > 86_400_000 ? undefined : found.startsWith('-') ? -ms : ms
})

const settings = value({
  allowed: 'a table written as [fault.config]',
  read: (found) => (typeof found === 'object' && found !== null && !Array.isArray(found) ? found : undefined),
})

export const fault = table({
  kind: oneOf(...FAULT_KINDS),
  at: duration(0),
  for: duration().optional(),
  dc: integer(1, 5).optional(),
  how: oneOf('refusing', 'black-hole', 'unreachable').prefault('refusing'),
  latency: duration(1, 60_000).optional(),
  stall: duration(1, 60_000).optional(),
  by: step.optional(),
  resource: oneOf(...OVERLOAD_RESOURCES).optional(),
  share: share().optional(),
  config: settings.optional(),
})
export type FaultPlan = z.output<typeof fault>

/** What is wrong with the keys of one: those given, and what each should be. */
export function misfits(kind: FaultKind, given: readonly string[]): readonly { key: string; allowed: string }[] {
  const { needs, takes } = KEYS[kind] as { readonly needs: readonly string[]; readonly takes: readonly string[] }
  const known = ['kind', 'at', ...needs, ...takes]
  return [
    ...needs.filter((key) => !given.includes(key)).map((key) => ({ key, allowed: `a value, which ${kind} needs` })),
    ...given
      .filter((key) => !known.includes(key))
      .map((key) => ({ key, allowed: `nothing, as ${kind} takes ${known.slice(1).join(', ')}` })),
  ]
}
