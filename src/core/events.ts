import type { Address, DialFailure, SecretId } from './ports.ts'

/** Why a connection ended: metric label, log field and what tests assert. Closed: adding one means deciding where it shows. */
export const CLOSE_REASONS = [
  /** Both directions ended in order, in relay. */
  'eof',
  'client-reset',
  'dc-reset',
  /** A trusted load balancer sent no header before `first_byte_timeout`. */
  'first-byte-timeout',
  /** After our ServerHello the client said nothing for `prewarm_timeout`. */
  'prewarm-timeout',
  /** After our ServerHello came what no client sends; read and discarded to a bound. */
  'bad-init',
  /** PROXY protocol header wanted and missing, malformed, or sent by somebody who may not. */
  'bad-proxy-header',
  /** The DC id is in no table. */
  'unknown-dc',
  'dial-failed',
  'idle',
  'lifetime',
  /** In relay, the client's TLS records stopped making sense. */
  'bad-record',
  /** In relay by way of a middle proxy, the client's frames stopped making sense. */
  'bad-frame',
  /** Its link to a middle proxy ended, and it could not go on on another one. */
  'link-lost',
  /** Relayed to the mask host until that ended, in order or by reset. */
  'masked',
  /** Relayed to the mask host up to `mask.max_bytes` or `mask.max_time`. */
  'mask-limit',
  /** Read and discarded, because there is no mask host or it did not answer. */
  'discarded',
  /** The buffer pool is at its ceiling. */
  'overflow',
  'drain',
  /** Its secret was removed with `on_remove = "close"`. */
  'secret-removed',
  /** An assertion of ours failed. */
  'fault',
] as const
export type CloseReason = (typeof CLOSE_REASONS)[number]

/** Why a connection was not taken for a client. */
export const REJECT_REASONS = [
  /** The address, or the user of the secret it knows, has access level "none". */
  'access',
  'not-a-client',
  'bad-hello',
  'bad-digest',
  'sni-mismatch',
  'skew',
  'replay',
  'replay-full',
  'mode-not-allowed',
  'trial-budget',
  'first-byte-timeout',
  'handshake-timeout',
  'client-ended',
] as const
export type RejectReason = (typeof REJECT_REASONS)[number]

export const MODES = ['fake-tls', 'padded', 'plain'] as const
export type Mode = (typeof MODES)[number]

/** How a connection is counted in the end. */
export type Outcome = 'relayed' | 'masked' | 'discarded' | 'failed'

/** A client found a connection that was dialled ahead, or none; one was too old, was lost while it waited, or never came. */
export const DIAL_AHEAD_RESULTS = ['hit', 'miss', 'stale', 'lost', 'failed'] as const
export type DialAheadResult = (typeof DIAL_AHEAD_RESULTS)[number]

/** How a link to a middle proxy ended. */
export const LINK_ENDS = [
  'end',
  'reset',
  'handshake-timeout',
  /** It did not answer a ping. */
  'silent',
  'idle',
  'retired',
  'overflow',
  'shutdown',
  'bad-frame',
  'other-secret',
  'other-schema',
  'clock-skew',
  'handshake-refused',
  'other-peer',
] as const
export type LinkEnd = (typeof LINK_ENDS)[number]

/** How a client reached Telegram: by a connection dialled for it, one dialled ahead, or a place on a link. */
export const WAYS = ['direct', 'ahead', 'middle'] as const
export type Way = (typeof WAYS)[number]

export const MIDDLE_FILES = ['secret', 'config', 'config-v6'] as const
export type MiddleFile = (typeof MIDDLE_FILES)[number]
/** Taken new, unchanged, from the store, or not taken: it could not be had, or is no such file. */
export const MIDDLE_FILE_RESULTS = ['taken', 'unchanged', 'restored', 'failed', 'refused'] as const
export type MiddleFileResult = (typeof MIDDLE_FILE_RESULTS)[number]

/** Taken new, unchanged, from the store, or not taken: it could not be had, or is no list that can be believed. */
export const ACCESS_LIST_RESULTS = ['taken', 'unchanged', 'restored', 'failed', 'refused'] as const
export type AccessListResult = (typeof ACCESS_LIST_RESULTS)[number]

/** What the core tells the outside. Metrics, logs and traces subscribe; nothing in core depends on who listens. */
export type ProxyEvent =
  | { readonly kind: 'accepted'; readonly connection: number; readonly client: Address }
  | {
      readonly kind: 'authenticated'
      readonly connection: number
      readonly mode: Mode
      readonly secret: SecretId
      readonly dc: number
    }
  | {
      readonly kind: 'rejected'
      readonly connection: number
      readonly client: Address
      readonly reason: RejectReason
      readonly trials: number
    }
  | {
      readonly kind: 'relaying'
      readonly connection: number
      readonly dc: number
      readonly way: Way
      /** Until its connection stood, or until there was room for it on a link. */
      readonly waitMs: number
    }
  | {
      readonly kind: 'closed'
      readonly connection: number
      readonly client: Address
      readonly reason: CloseReason
      readonly outcome: Outcome
      readonly fromClientBytes: number
      readonly toClientBytes: number
      readonly ageMs: number
    }
  | {
      readonly kind: 'dial-failed'
      readonly target: 'dc' | 'mask' | 'middle'
      readonly address: Address
      readonly why: DialFailure
    }
  | { readonly kind: 'mask-learnt'; readonly domain: string; readonly flightBytes: number }
  | { readonly kind: 'mask-unreachable'; readonly domain: string; readonly why: string }
  | { readonly kind: 'mask-refused'; readonly host: string; readonly ip: string; readonly why: 'private' | 'ourselves' }
  | { readonly kind: 'dial-ahead'; readonly dc: number; readonly result: DialAheadResult }
  | { readonly kind: 'link-opened'; readonly dc: number; readonly address: Address }
  | {
      readonly kind: 'link-closed'
      readonly dc: number
      readonly address: Address
      readonly why: LinkEnd
      /** Its handshake had come to an end before. */
      readonly wasOpen: boolean
      readonly ageMs: number
    }
  /** A client whose link ended goes on on another one. */
  | { readonly kind: 'migrated'; readonly connection: number; readonly dc: number; readonly waitMs: number }
  | {
      readonly kind: 'middle-config'
      readonly what: MiddleFile
      readonly result: MiddleFileResult
      readonly why: string
    }
  | {
      readonly kind: 'access-list'
      /** File or URL, without what follows a "?". */
      readonly source: string
      readonly result: AccessListResult
      /** Prefixes of it that are in force now: after `failed` and `refused`, those from before. */
      readonly entries: number
      /** Ranges and lines that were passed over in what was taken. */
      readonly ignored: number
      readonly why: string
    }
  | { readonly kind: 'fault'; readonly where: string; readonly message: string }

export type Emit = (event: ProxyEvent) => void
