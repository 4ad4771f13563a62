import type { Address, SecretId } from './ports.ts'
import type { Mode, OverloadResource } from './events.ts'
import type { AccessLevel } from './guard/access/levels.ts'
import type { QuotaPeriod } from './guard/users/period.ts'

/** What the core needs of the configuration, in its own units. One immutable snapshot; a reload replaces it whole. */
export interface Settings {
  readonly listen: {
    readonly proxyProtocol: 'off' | 'optional' | 'required'
    /** CIDRs whose PROXY header is believed. */
    readonly proxyProtocolFrom: readonly string[]
    readonly firstByteTimeoutMs: number
    readonly handshakeTimeoutMs: number
    readonly prewarmTimeoutMs: number
    readonly drainTimeoutMs: number
  }
  readonly secrets: readonly SecretSettings[]
  readonly access: AccessSettings
  readonly mask: MaskSettings
  readonly telegram: TelegramSettings
  readonly guard: GuardSettings
  readonly relay: {
    readonly idleTimeoutMs: number
    /** 0: none. */
    readonly maxLifetimeMs: number
  }
  readonly dns: {
    /** How long an answer serves after its time while the resolver fails. */
    readonly staleMs: number
  }
  readonly memory: {
    readonly buffersBytes: number
    readonly perConnectionBytes: number
    /** What `guard.overload.memory` is a share of. */
    readonly ceilingBytes: number
  }
}

/** So many a second, and how many may come at once; both at least 1. */
export interface Rate {
  readonly perSec: number
  readonly burst: number
}

/** Where shedding load begins, and where it is complete. */
export interface Span {
  readonly from: number
  readonly to: number
}

/** Lag in milliseconds, the others as shares of what there is. */
export type OverloadSettings = Readonly<Record<OverloadResource, Span>>

export interface GuardSettings {
  readonly isEnabled: boolean
  readonly connectionsPerIp: number
  readonly newPerIp: Rate
  readonly newTotal: Rate
  readonly handshakesPerIp: number
  /** Bits of an IPv6 address that make one source, 16..128. */
  readonly ipv6Prefix: number
  readonly blockScore: number
  readonly blockForMs: number
  readonly blockMaxMs: number
  readonly onRefuse: 'mask' | 'tarpit' | 'drop'
  readonly overload: OverloadSettings
  /** At least 1. */
  readonly credit: number
  readonly isDryRun: boolean
  /** Whether detectors of attacks by many count at all, and whether they tighten limits and ban. */
  readonly anomaly: 'off' | 'observe' | 'enforce'
  /** Both directions together, of each address of a user where the level in force is "limited". */
  readonly limitedBytesPerSec: number
  /** Sources remembered, a power of two; read once. */
  readonly tableEntries: number
}

/** As configured where nothing else is said. */
const OVERLOAD: OverloadSettings = {
  loop_lag: { from: 100, to: 400 },
  ...{ memory: { from: 0.85, to: 0.95 }, descriptors: { from: 0.85, to: 0.95 }, buffers: { from: 0.85, to: 0.95 } },
}

/** For tests and benches of other things: nobody is refused. */
export const UNGUARDED: GuardSettings = {
  ...{ isEnabled: false, isDryRun: false, connectionsPerIp: 256, handshakesPerIp: 64, ipv6Prefix: 64, credit: 64 },
  ...{ newPerIp: { perSec: 30, burst: 120 }, newTotal: { perSec: 5_000, burst: 20_000 }, onRefuse: 'mask' },
  limitedBytesPerSec: 250_000,
  ...{ blockScore: 100, blockForMs: 600_000, blockMaxMs: 86_400_000, tableEntries: 1024, anomaly: 'observe' },
  overload: OVERLOAD,
}

export interface SecretSettings {
  readonly id: SecretId
  readonly name: string
  readonly modes: readonly Mode[]
  /** Lower case; empty when the secret has no fake-TLS mode. */
  readonly domain: string
  readonly onRemove: 'drain' | 'close'
  /** Unix seconds; 0: never. */
  readonly expiresAt: number
  /** What it allows at most; an address may allow less. */
  readonly access: AccessLevel
  /** 16 bytes that name a sponsored channel; its clients go by middle proxy. */
  readonly adTag?: Uint8Array
  /** None unless given. */
  readonly limits?: UserLimits
}

/** How much one user may have, over all its connections. */
export interface UserLimits {
  /** 0: no limit. */
  readonly connectionsMax: number
  /** Distinct addresses at once; 0: no limit. */
  readonly addressesMax: number
  /** Both directions together; 0: no limit. */
  readonly bytesPerSec: number
  readonly quota: QuotaSettings | undefined
}

/** Bytes of both directions in each calendar period, UTC; at least 1. */
export interface QuotaSettings {
  readonly bytes: number
  readonly period: QuotaPeriod
}

export const NO_LIMITS: UserLimits = { connectionsMax: 0, addressesMax: 0, bytesPerSec: 0, quota: undefined }

/** CIDRs are text, such as "192.0.2.0/24". */
export interface AccessSettings {
  /** Of addresses that nothing names, while `allow` is empty. */
  readonly default: AccessLevel
  /** When not empty, addresses that nothing names have level `none`. */
  readonly allow: readonly string[]
  readonly deny: readonly string[]
  readonly rules: readonly { readonly cidr: string; readonly level: AccessLevel }[]
  /** At most 16, each source once. */
  readonly lists: readonly AccessListSettings[]
}

export interface AccessListSettings {
  /** An https URL or a file's path. */
  readonly source: string
  readonly level: AccessLevel
  readonly refreshMs: number
}

/** For a proxy that lets in everybody who knows a secret. */
export const OPEN_ACCESS: AccessSettings = { default: 'standard', allow: [], deny: [], rules: [], lists: [] }

export interface MaskSettings {
  /** Host name or IP literal; empty: each secret's own domain. */
  readonly host: string
  readonly port: number
  readonly skewSec: number
  readonly maxBytes: number
  readonly maxTimeMs: number
  /** Of all masked connections of one /24 or /64; unbounded unless said. */
  readonly bytesPerSec?: number
  /** Whether its host is dialled as soon as a stranger connects, and not only once it is needed; not unless said. */
  readonly dialsEarly?: boolean
}

export interface TelegramSettings {
  readonly prefer: 'ipv4' | 'ipv6' | 'auto'
  readonly connectTimeoutMs: number
  /** Connections dialled ahead for each DC in use. */
  readonly prewarm: number | 'predict'
  readonly socks5: { readonly server: Address; readonly user: string; readonly password: string } | undefined
  /** Overrides by signed DC id. */
  readonly dc: Readonly<Record<string, readonly Address[]>>
  readonly mode: 'auto' | 'direct' | 'middle'
  readonly middle: MiddleSettings
}

export interface MiddleSettings {
  /** URL or file of proxy-secret and of the two forms of proxy-multi.conf. */
  readonly secret: string
  readonly config: string
  readonly configV6: string
  readonly refreshMs: number
  /** DCs, without their sign, that mode "auto" reaches by middle proxy. */
  readonly dcs: readonly number[]
  /** Our public address of either family where it differs from the socket's. */
  readonly nat: string | undefined
  /** `host:port` of the servers that are asked for it where `nat` does not say; empty: nobody is asked. */
  readonly stun: readonly string[]
  readonly linksPerDc: number
  readonly maxLinksPerDc: number
  readonly maxClientsPerLink: number
  readonly idleCloseMs: number
}

/** For a proxy that goes to the DCs itself, always. */
export const DIRECT_ONLY: Pick<TelegramSettings, 'mode' | 'middle' | 'prewarm'> = {
  prewarm: 0,
  mode: 'direct',
  middle: {
    ...{ secret: '', config: '', configV6: '', refreshMs: 3_600_000, dcs: [], nat: undefined, stun: [] },
    ...{ linksPerDc: 4, maxLinksPerDc: 64, maxClientsPerLink: 512, idleCloseMs: 300_000 },
  },
}
