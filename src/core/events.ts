import type { AccessLevel } from './guard/access/levels.ts'
import type { Address, DialFailure, NameAnswer, SecretId } from './ports.ts'

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
  /** After our ServerHello the vault could not say whether the init is a client's; read and discarded as well. */
  'vault-failed',
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
  /**
   * Turned away by the guard with `on_refuse = "drop"`, because too many of its source are masked already, or at the second level
   * of overload.
   */
  'refused',
  /** Turned away by the guard with `on_refuse = "tarpit"`: held for a while and told nothing. */
  'tarpit',
  /** The buffer pool is at its ceiling. */
  'overflow',
  'drain',
  /** Its secret was removed with `on_remove = "close"`. */
  'secret-removed',
  /** An operator ended it by hand. */
  'killed',
  /** The time of its secret is over, with `on_remove = "close"`. */
  'secret-expired',
  /** Its user's quota was used up with its last bytes. */
  'quota',
  /** An assertion of ours failed. */
  'fault',
] as const
export type CloseReason = (typeof CLOSE_REASONS)[number]

/** Why the guard turns a connection away that has not said anything yet. */
export const REFUSALS = [
  'banned',
  /** New connections of this source, or of all. */
  'rate',
  'total-rate',
  /** Open connections of this source, or handshakes under way. */
  'connections',
  'handshakes',
  /** Something is short: see `OVERLOAD_RESOURCES`. */
  'overload',
] as const
export type Refusal = (typeof REFUSALS)[number]

/** What a process can run out of. */
export const OVERLOAD_RESOURCES = ['loop_lag', 'memory', 'descriptors', 'buffers'] as const
export type OverloadResource = (typeof OVERLOAD_RESOURCES)[number]
/** 0: nothing is short. 1: no newcomers but from known sources. 2: no newcomers. */
export type OverloadLevel = 0 | 1 | 2

/** Why a connection that knows a secret is kept out by the limits of its user. */
export const USER_REFUSALS = [
  'user-connections',
  'user-addresses',
  /** Used up, or not yet read from the disk at a start. */
  'quota',
] as const
export type UserRefusal = (typeof USER_REFUSALS)[number]

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
  /** The time of the secret it knows is over. */
  'expired',
  'trial-budget',
  /** The vault could not say: an HSM is out of reach, or the secret went while the handshake was under way. */
  'vault-failed',
  'first-byte-timeout',
  'handshake-timeout',
  'client-ended',
  /** The guard refused the connection when it came (see `REFUSALS`). */
  ...REFUSALS,
  ...USER_REFUSALS,
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
  /** Nobody could say how the middle proxy sees us, so no keys could be made. */
  'address-unknown',
] as const
export type LinkEnd = (typeof LINK_ENDS)[number]

/** How a client reached Telegram: by a connection dialled for it, one dialled ahead, or a place on a link. */
export const WAYS = ['direct', 'ahead', 'middle'] as const
export type Way = (typeof WAYS)[number]
/** What came of one question to the resolver: the kinds of `NameAnswer`. */
export const NAME_RESULTS = ['addresses', 'no-address', 'failed'] as const satisfies NameAnswer['kind'][]
/** Served within its time; after it, because the resolver has no better answer; not at all. */
export type NameState = 'fresh' | 'stale' | 'gone'
/** What came of asking for our public address: another one than before, the same, or none. */
export const PUBLIC_ADDRESS_RESULTS = ['found', 'unchanged', 'failed'] as const
export type PublicAddressResult = (typeof PUBLIC_ADDRESS_RESULTS)[number]

/** Our address as the other end of a connection sees it, and how we know. */
export interface OwnAddress {
  readonly ip: string
  /** Told by `telegram.middle.nat`, by STUN servers, or the address of the interface itself. */
  readonly source: 'nat' | 'stun' | 'interface'
  /** Of the interface. */
  readonly local: string
}

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
  /** The guard was asked about a client whose address is known: at once, or when a load balancer has named it. */
  | {
      readonly kind: 'judged'
      readonly connection: number
      readonly client: Address
      readonly level: AccessLevel
      /** With `guard.dry_run` what would have been. */
      readonly refusal: Refusal | undefined
    }
  /** It has said its first byte. */
  | { readonly kind: 'greeted'; readonly connection: number; readonly refusal: Refusal | undefined }
  /** It knows that secret, and the limits of its user keep it out. */
  | {
      readonly kind: 'kept-out'
      readonly connection: number
      readonly secret: SecretId
      readonly reason: UserRefusal
    }
  /** Counted as one of its user's from now on, until it is closed or rejected. */
  | {
      readonly kind: 'entered'
      readonly connection: number
      readonly client: Address
      readonly secret: SecretId
    }
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
  /** What the guard would have refused, had `guard.dry_run` not been set. */
  | { readonly kind: 'would-refuse'; readonly client: Address; readonly reason: Refusal }
  | {
      readonly kind: 'banned'
      readonly prefix: string
      readonly reason: string
      readonly forMs: number
      /** How many in a row, this one included. */
      readonly times: number
      /** What the reason reached. */
      readonly score: number
    }
  | { readonly kind: 'unbanned'; readonly prefix: string }
  /** A detector sees an attack by many sources, or sees it no more. */
  | {
      readonly kind: 'attack'
      readonly detector: string
      readonly state: 'begun' | 'over'
      /** Whether limits of strangers are tightened for it with `guard.anomaly = "enforce"`. */
      readonly isAnswered: boolean
      readonly why: string
    }
  /** What a detector would have banned with `guard.anomaly = "enforce"`. */
  | { readonly kind: 'suspect'; readonly prefix: string; readonly detector: string; readonly score: number }
  | {
      readonly kind: 'overload'
      readonly resource: OverloadResource
      /** As it is from now on. */
      readonly level: OverloadLevel
      /** Milliseconds of lag; of the others the share that is in use. */
      readonly reading: number
    }
  | { readonly kind: 'mask-learnt'; readonly domain: string; readonly flightBytes: number }
  | { readonly kind: 'mask-unreachable'; readonly domain: string; readonly why: string }
  | { readonly kind: 'mask-refused'; readonly host: string; readonly ip: string; readonly why: 'private' | 'ourselves' }
  | { readonly kind: 'name-asked'; readonly host: string; readonly result: NameAnswer['kind'] }
  /** A name changed its state; not told of the first good answer. */
  | { readonly kind: 'name-state'; readonly host: string; readonly state: NameState; readonly why: string }
  | { readonly kind: 'dial-ahead'; readonly dc: number; readonly result: DialAheadResult }
  | { readonly kind: 'link-opened'; readonly dc: number; readonly address: Address }
  | {
      readonly kind: 'link-closed'
      readonly dc: number
      readonly address: Address
      readonly why: LinkEnd
      /** Its handshake had come to an end before. */
      readonly wasOpen: boolean
      /** Our address as its keys had it, when it failed as it does where the middle proxy sees another one. */
      readonly mismatch: OwnAddress | undefined
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
      readonly kind: 'public-address'
      readonly result: PublicAddressResult
      /** Of our interface; empty where nothing is known of it. */
      readonly local: string
      /** As servers see it; where they failed, what they said before; empty: not known. */
      readonly ip: string
      /** False: the NAT changed the port of the question, and may do so with links. */
      readonly isPortKept: boolean
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
  | {
      /** Where secrets lie outside of the process: from `gone` to `back` it is not asked. */
      readonly kind: 'vault'
      /** `pin-refused`: gone for as long as the process runs. */
      readonly state: 'gone' | 'back' | 'pin-refused'
      /** Of `gone`; empty otherwise. */
      readonly why: string
    }
  | { readonly kind: 'fault'; readonly where: string; readonly message: string }

export type Emit = (event: ProxyEvent) => void
