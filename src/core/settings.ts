import type { Address, SecretId } from './ports.ts'
import type { Mode } from './events.ts'

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
  readonly mask: MaskSettings
  readonly telegram: TelegramSettings
  readonly relay: {
    readonly idleTimeoutMs: number
    /** 0: none. */
    readonly maxLifetimeMs: number
  }
  readonly memory: {
    readonly buffersBytes: number
    readonly perConnectionBytes: number
  }
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
}

export interface MaskSettings {
  /** Host name or IP literal; empty: each secret's own domain. */
  readonly host: string
  readonly port: number
  readonly skewSec: number
  readonly maxBytes: number
  readonly maxTimeMs: number
}

export interface TelegramSettings {
  readonly prefer: 'ipv4' | 'ipv6' | 'auto'
  readonly connectTimeoutMs: number
  readonly socks5: { readonly server: Address; readonly user: string; readonly password: string } | undefined
  /** Overrides by signed DC id. */
  readonly dc: Readonly<Record<string, readonly Address[]>>
}
