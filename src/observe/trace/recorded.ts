import { createHash } from 'node:crypto'
import { z } from 'zod'
import { formatIp, parseCidr } from '../../core/address.ts'
import { MODES } from '../../core/events.ts'
import { ACCESS_LEVELS } from '../../core/guard/access/levels.ts'
import { QUOTA_PERIODS } from '../../core/guard/users/period.ts'
import { toHex } from '../../core/protocol/bytes.ts'
import { type AccessSettings, type Settings, NO_LIMITS } from '../../core/settings.ts'
import { maskPrefix } from './prefixes.ts'
import { WORDS, type TraceStart, type WordTable } from './layout.ts'

/** Ids and digests in a trace: 8 bytes tell files and keys apart, and tell nothing else. */
const ID_BYTES = 8
const USERS_MAX = 100_000

const count = z.number().nonnegative()
const level = z.enum(ACCESS_LEVELS)
const rate = z.object({ perSec: count, burst: count })
const span = z.object({ from: count, to: count })
const cidr = z.string().refine((text) => parseCidr(text) !== undefined)
const id = z.string().regex(/^[0-9a-f]{16}$/)

const guard = z.object({
  ...{ isEnabled: z.boolean(), isDryRun: z.boolean(), newPerIp: rate, newTotal: rate },
  ...{ connectionsPerIp: count, handshakesPerIp: count, ipv6Prefix: z.int().min(16).max(128) },
  ...{ blockScore: count, blockForMs: count, blockMaxMs: count, onRefuse: z.enum(['mask', 'tarpit', 'drop']) },
  ...{ overload: z.object({ loop_lag: span, memory: span, descriptors: span, buffers: span }), credit: z.int().min(1) },
  ...{ anomaly: z.enum(['off', 'observe', 'enforce']), limitedBytesPerSec: count },
  tableEntries: z
    .int()
    .min(64)
    .max(1 << 26)
    .refine((entries) => (entries & (entries - 1)) === 0),
})

/** Ranges are encrypted as addresses are; of a list there is only what tells it from another. */
const access = z.object({
  ...{ default: level, allow: z.array(cidr), deny: z.array(cidr) },
  ...{ rules: z.array(z.object({ cidr, level })), lists: z.array(z.object({ digest: id, level })) },
})

const limits = z.object({
  ...{ connectionsMax: count, addressesMax: count, bytesPerSec: count },
  quota: z.object({ bytes: z.number().min(1), period: z.enum(QUOTA_PERIODS) }).optional(),
})

const user = z.object({
  ...{ name: z.string(), access: level, modes: z.array(z.enum(MODES)), expiresAt: count, limits },
  /** Tells the host of its fake TLS from others; traces of older versions do not have it. */
  host: id.optional(),
  /** Of its quota in the period that is now, when this was written. */
  usedBytes: count,
})

const recordedConfig = z.object({ digest: id, guard, access, users: z.array(user).max(USERS_MAX) })

/** The part of a configuration that decides who comes in: no key, no path, no address in clear. */
export type RecordedConfig = z.output<typeof recordedConfig>
export type RecordedUser = RecordedConfig['users'][number]
export type RecordedAccess = RecordedConfig['access']

const words = z.object(
  Object.fromEntries(Object.keys(WORDS).map((table) => [table, z.array(z.string())])) as Record<
    WordTable,
    z.ZodArray<z.ZodString>
  >,
)

export const startSchema: z.ZodType<TraceStart> = z.object({
  ...{ version: z.string(), worker: z.int().min(0), run: id, sequence: z.int().min(0), keyId: id },
  ...{ wallSec: count, monoMs: count, words },
})

/** A range as it may stand in a trace, or as it was before. */
export type Turn = (ip: Uint8Array) => Uint8Array

/** What of the settings decides who comes in. */
export type Policy = Pick<Settings, 'access' | 'guard' | 'secrets'>

/** `encrypt` is that of the trace's key; `usedOf` says what a user has used of its quota. */
export function recordConfig(settings: Policy, encrypt: Turn, usedOf: (name: string) => number): RecordedConfig {
  const { guard: guardSettings, secrets } = settings
  const { lists, ...rules } = settings.access
  const config = {
    guard: guardSettings,
    access: {
      ...turnRanges(rules, encrypt),
      lists: lists.map(({ source, level: its }) => ({ digest: digestOf(source), level: its })),
    },
    users: secrets.map(({ name, access: most, modes, domain, expiresAt, limits: its = NO_LIMITS }) => {
      const host = domain === '' ? {} : { host: digestOf(domain) }
      return { name, access: most, modes: [...modes], expiresAt, limits: its, usedBytes: usedOf(name), ...host }
    }),
  }
  const rest = { ...config, users: config.users.map(({ usedBytes: _, ...each }) => each) }
  return { digest: digestOf(JSON.stringify(rest)), ...config }
}

/** Undefined when it is no configuration that could be played again. */
export function readRecordedConfig(json: unknown): RecordedConfig | undefined {
  const read = recordedConfig.safeParse(json)
  return read.success ? read.data : undefined
}

type Ranges = Pick<AccessSettings, 'default' | 'allow' | 'deny' | 'rules'>

/** The same rules about what those ranges become. */
export function turnRanges({ default: otherwise, allow, deny, rules }: Ranges, turn: Turn) {
  const turned = (text: string) => {
    const range = parseCidr(text)
    return range === undefined ? text : `${formatIp(maskPrefix(turn(range.base), range.bits))}/${range.bits}`
  }
  return {
    default: otherwise,
    allow: allow.map(turned),
    deny: deny.map(turned),
    rules: rules.map(({ cidr: range, level: its }) => ({ cidr: turned(range), level: its })),
  }
}

/** What a key is called where it must not be told. */
export function keyIdOf(key: Uint8Array): string {
  return digestOf(`palisade trace key ${toHex(key)}`)
}

export function digestOf(text: string): string {
  return toHex(createHash('sha256').update(text).digest().subarray(0, ID_BYTES))
}
