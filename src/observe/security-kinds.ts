import type { AccessListResult, ProxyEvent, RejectReason } from '../core/events.ts'

export const SEVERITIES = ['info', 'notice', 'warning', 'error'] as const
export type Severity = (typeof SEVERITIES)[number]

/** What an event says beside its code; few and short. */
export type Details = Readonly<Record<string, string | number>>

/** An event of the core as a security event. */
export interface SecurityNote {
  /** `what.why`, from a closed set: what scripts and alerts go by. */
  readonly code: string
  readonly severity: Severity
  /** A client's address, where one caused it: such events are counted by its network. */
  readonly ip?: string
  /** A prefix that it is about. */
  readonly prefix?: string
  /** What else tells it apart from others of its code: those that share it are counted as one within a minute. */
  readonly about?: string
  readonly details?: Details
}

type Note<K extends ProxyEvent['kind']> = (event: ProxyEvent & { readonly kind: K }) => SecurityNote | undefined

/** How much each refusal says about whoever was refused. What happens to honest clients as well is no more than `info`. */
const REFUSED: Readonly<Record<RejectReason, Severity>> = {
  access: 'notice',
  'not-a-client': 'notice',
  'bad-hello': 'notice',
  'bad-digest': 'notice',
  'sni-mismatch': 'notice',
  skew: 'notice',
  replay: 'warning',
  'replay-full': 'warning',
  'mode-not-allowed': 'notice',
  'trial-budget': 'notice',
  'vault-failed': 'warning',
  'first-byte-timeout': 'info',
  'handshake-timeout': 'info',
  'client-ended': 'info',
  banned: 'notice',
  rate: 'notice',
  'total-rate': 'warning',
  connections: 'notice',
  handshakes: 'notice',
  overload: 'notice',
  'user-connections': 'notice',
  'user-addresses': 'notice',
  quota: 'notice',
  expired: 'notice',
}

const LISTS: Readonly<Record<AccessListResult, Severity>> = {
  taken: 'info',
  unchanged: 'info',
  restored: 'info',
  failed: 'warning',
  refused: 'warning',
}

/** Which events of the core are security events, and what they are called. Each kind must be decided here. */
const NOTES: { readonly [K in ProxyEvent['kind']]: Note<K> | 'other' } = {
  rejected: ({ reason, client }) => ({ code: `refused.${reason}`, severity: REFUSED[reason], ip: client.ip }),
  'would-refuse': ({ reason, client }) => ({ code: `would-refuse.${reason}`, severity: 'info', ip: client.ip }),
  banned: ({ prefix, reason, forMs, times, score }) => ({
    code: `banned.${reason}`,
    severity: reason === 'by-hand' ? 'notice' : 'warning',
    ...{ prefix, details: { for_sec: Math.round(forMs / 1000), times, score: Math.round(score) } },
  }),
  attack: ({ detector, state, why }) => ({
    code: `attack.${state}`,
    severity: state === 'begun' ? 'warning' : 'notice',
    ...{ about: detector, details: { detector, why } },
  }),
  suspect: ({ prefix, detector, score }) => ({
    code: `suspect.${detector}`,
    severity: 'notice',
    ...{ prefix, details: { score: Math.round(score) } },
  }),
  overload: ({ resource, level, reading }) => ({
    code: `overload.${resource}`,
    severity: level === 0 ? 'notice' : 'warning',
    ...{ about: `${level}`, details: { level, reading } },
  }),
  unbanned: ({ prefix }) => ({ code: 'unbanned', severity: 'notice', prefix }),
  'access-list': ({ source, result, entries, ignored, why }) => ({
    code: `list.${result}`,
    severity: LISTS[result],
    about: source,
    details: { source, entries, ignored, ...(why === '' ? {} : { why }) },
  }),
  closed: ({ reason, client }) =>
    reason === 'killed' ? { code: 'session.killed', severity: 'notice', ip: client.ip } : undefined,
  'mask-refused': ({ host, why }) => ({
    code: `mask-refused.${why}`,
    severity: 'warning',
    about: host,
    details: { host },
  }),
  vault: ({ state, why }) => ({
    code: `vault.${state}`,
    severity: state === 'back' ? 'notice' : 'error',
    ...(why === '' ? {} : { details: { why } }),
  }),
  fault: ({ where, message }) => ({ code: 'fault', severity: 'error', about: message, details: { where, message } }),
  accepted: 'other',
  authenticated: 'other',
  judged: 'other',
  greeted: 'other',
  'kept-out': 'other',
  entered: 'other',
  relaying: 'other',
  'dial-failed': 'other',
  'mask-learnt': 'other',
  'mask-unreachable': 'other',
  'name-asked': 'other',
  'name-state': 'other',
  'dial-ahead': 'other',
  'link-opened': 'other',
  'link-closed': 'other',
  migrated: 'other',
  'middle-config': 'other',
  'public-address': 'other',
}

/** Undefined for what is none. */
export function securityNoteOf(event: ProxyEvent): SecurityNote | undefined {
  const note = NOTES[event.kind] as Note<typeof event.kind> | 'other'
  return note === 'other' ? undefined : note(event)
}
