import { z } from 'zod'
import { parseCidr, parseIp } from '../core/address.ts'

/** What commands to a running proxy may be told. The socket is the owner's alone, but a client may be of another version. */

/** Most rows of one answer: an answer is one line of bounded length. */
export const ROWS_MAX = 5_000
export const IDS_MAX = 100
/** Of a ban by hand. */
export const BAN_MS = { min: 1_000, max: 366 * 86_400_000 } as const
export const SESSION_SORTS = ['age', 'newest', 'bytes'] as const

/** What `palisade hsm NAME` may do to a token. */
export const HSM_ACTS = [
  'init',
  'import',
  'generate',
  'rotate',
  'retire',
  'destroy',
  'restore',
  'backup',
  'seal-key',
] as const
export type HsmAct = (typeof HSM_ACTS)[number]

const ip = z.string().refine((text) => parseIp(text) !== undefined, 'expected an IP address')
const cidr = z.string().refine((text) => parseCidr(text) !== undefined, 'expected an IP address or a range')
const sessionId = z.string().regex(/^\d{1,4}\.\d{1,15}$/, 'expected the id of a session such as "0.17"')
const words = z.string().max(200)
const limit = z.int().min(1).max(ROWS_MAX)
/** Sessions of a user, of a range, or of both at once. */
const of = { user: z.string().max(64).optional(), ip: cidr.optional() }

export const REQUESTS = {
  sessions: z.object({ ...of, limit, sort: z.enum(SESSION_SORTS) }),
  kill: z
    .object({ ...of, ids: z.array(sessionId).max(IDS_MAX).optional() })
    .refine(({ user, ip, ids }) => [user, ip, ids].some((part) => part !== undefined), 'expected whom to end'),
  bans: z.object({ limit }),
  ban: z.object({ prefix: cidr, for_ms: z.int().min(BAN_MS.min).max(BAN_MS.max).optional() }),
  unban: z.union([z.object({ prefix: cidr }), z.object({ all: z.literal(true) })]),
  access: z.object({ ip }),
  events: z.object({ last: limit }),
  /** A command has changed a token: for the security events. */
  hsm: z.object({
    ...{ act: z.enum(HSM_ACTS), actor: words, token: words, result: words },
    ...{ label: words.optional(), generation: z.int().min(1).max(65_535).optional() },
  }),
} as const

export type RequestName = keyof typeof REQUESTS
export type Request<N extends RequestName> = z.infer<(typeof REQUESTS)[N]>
