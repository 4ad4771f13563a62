import type { SecretId } from '../core/ports.ts'
import type { SecretSettings, Settings } from '../core/settings.ts'
import { digest } from './key-files.ts'
import type { LoadedConfig } from './load.ts'

/** What the core is told, and what the vault is given for it. */
export interface Prepared {
  readonly settings: Settings
  /** For the vault, before the settings are applied. */
  readonly keys: readonly { readonly id: SecretId; readonly key: Uint8Array }[]
  /** Ids that are no longer configured, for the vault to forget after the settings are applied. */
  readonly removed: readonly SecretId[]
}

/**
 * Gives secrets their ids: the same key keeps its id over reloads, whatever else of it changes, and an id is never used again.
 * It remembers digests, not keys.
 */
export class SecretRegistry {
  #ids = new Map<string, SecretId>()
  #last: SecretId = 0

  prepare(loaded: LoadedConfig): Prepared {
    const before = this.#ids
    const names = loaded.keys.map(digest)
    this.#ids = new Map(names.map((name) => [name, before.get(name) ?? ++this.#last]))
    const ids = names.map((name) => this.#ids.get(name) ?? 0)
    return {
      settings: toSettings(loaded, ids),
      keys: ids.map((id, i) => ({ id, key: loaded.keys[i] })),
      removed: [...before].filter(([name]) => !this.#ids.has(name)).map(([, id]) => id),
    }
  }
}

function toSettings({ config }: LoadedConfig, ids: readonly SecretId[]): Settings {
  const { listen, access, mask, telegram, relay, memory } = config
  return {
    listen: {
      proxyProtocol: listen.proxy_protocol,
      proxyProtocolFrom: listen.proxy_protocol_from,
      firstByteTimeoutMs: listen.first_byte_timeout,
      handshakeTimeoutMs: listen.handshake_timeout,
      prewarmTimeoutMs: listen.prewarm_timeout,
      drainTimeoutMs: listen.drain_timeout,
    },
    secrets: config.secret.map((secret, i): SecretSettings => ({
      id: ids[i],
      name: secret.name,
      modes: secret.modes,
      domain: secret.modes.includes('fake-tls') ? (secret.domain ?? '') : '',
      onRemove: secret.on_remove,
      expiresAt: secret.expires ?? 0,
      access: secret.access,
      ...(secret.ad_tag === undefined ? {} : { adTag: secret.ad_tag }),
    })),
    access: {
      default: access.default,
      allow: access.allow,
      deny: access.deny,
      rules: access.rules,
      lists: access.lists.map(({ source, level, refresh }) => ({ source, level, refreshMs: refresh })),
    },
    mask: {
      host: mask.host ?? '',
      port: mask.port,
      skewSec: Math.floor(mask.skew / 1000),
      maxBytes: mask.max_bytes,
      maxTimeMs: mask.max_time,
    },
    telegram: {
      prefer: telegram.prefer,
      connectTimeoutMs: telegram.connect_timeout,
      prewarm: telegram.prewarm === 'off' ? 0 : telegram.prewarm,
      socks5: telegram.socks5,
      dc: telegram.dc,
      mode: telegram.mode,
      middle: {
        secret: telegram.middle.secret,
        config: telegram.middle.config,
        configV6: telegram.middle.config_v6,
        refreshMs: telegram.middle.refresh,
        dcs: telegram.middle.dcs.map(Math.abs),
        nat: telegram.middle.nat,
        linksPerDc: telegram.middle.links_per_dc,
        maxLinksPerDc: telegram.middle.max_links_per_dc,
        maxClientsPerLink: telegram.middle.max_clients_per_link,
        idleCloseMs: telegram.middle.idle_close,
      },
    },
    relay: { idleTimeoutMs: relay.idle_timeout, maxLifetimeMs: relay.max_lifetime ?? 0 },
    memory: { buffersBytes: memory.buffers, perConnectionBytes: memory.per_connection },
  }
}
