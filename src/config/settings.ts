import type { SecretId } from '../core/ports.ts'
import type { SecretSettings, Settings } from '../core/settings.ts'
import { digest } from './key-files.ts'
import type { LoadedConfig } from './load.ts'

/** What the core is told, and what the vault is given for it. */
export interface Prepared {
  readonly settings: Settings
  /** For the vault, before the settings are applied. */
  readonly keys: readonly { readonly id: SecretId; readonly key: Uint8Array }[]
  /** The same of secrets that lie in a token, by their labels there. */
  readonly labels: readonly { readonly id: SecretId; readonly label: string }[]
  /** Ids that are no longer configured, for the vault to forget after the settings are applied. */
  readonly removed: readonly SecretId[]
}

/**
 * Gives secrets their ids: the same key, or label of a token, keeps its id over reloads, whatever else of it changes, and an id is
 * never used again. It remembers digests, not keys.
 */
export class SecretRegistry {
  #ids = new Map<string, SecretId>()
  #last: SecretId = 0

  prepare(loaded: LoadedConfig): Prepared {
    const before = this.#ids
    const sources = loaded.config.secret.map(({ key }) => key)
    const names = sources.map((source, i) => (source.from === 'hsm' ? `hsm:${source.label}` : digest(loaded.keys[i])))
    this.#ids = new Map(names.map((name) => [name, before.get(name) ?? ++this.#last]))
    const ids = names.map((name) => this.#ids.get(name) ?? 0)
    return {
      settings: toSettings(loaded, ids),
      keys: ids.flatMap((id, i) => (sources[i].from === 'hsm' ? [] : [{ id, key: loaded.keys[i] }])),
      labels: ids.flatMap((id, i) => {
        const source = sources[i]
        return source.from === 'hsm' ? [{ id, label: source.label }] : []
      }),
      removed: [...before].filter(([name]) => !this.#ids.has(name)).map(([, id]) => id),
    }
  }
}

function toSettings({ config }: LoadedConfig, ids: readonly SecretId[]): Settings {
  const { listen, access, mask, telegram, guard, relay, dns, memory } = config
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
      limits: {
        connectionsMax: secret.max_connections,
        addressesMax: secret.max_ips,
        bytesPerSec: secret.bandwidth ?? 0,
        quota: secret.quota,
      },
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
      bytesPerSec: mask.bandwidth,
      dialsEarly: mask.dial === 'early',
    },
    telegram: {
      prefer: telegram.prefer,
      connectTimeoutMs: telegram.connect_timeout,
      prewarm: telegram.prewarm === 'off' ? 0 : telegram.prewarm,
      socks5: telegram.socks5,
      dc: telegram.dc,
      // Nothing goes past a SOCKS5 server, and by one there is no way to middle proxies.
      mode: telegram.socks5 === undefined ? telegram.mode : 'direct',
      middle: {
        secret: telegram.middle.secret,
        config: telegram.middle.config,
        configV6: telegram.middle.config_v6,
        refreshMs: telegram.middle.refresh,
        dcs: telegram.middle.dcs.map(Math.abs),
        nat: telegram.middle.nat,
        stun: telegram.middle.stun,
        linksPerDc: telegram.middle.links_per_dc,
        maxLinksPerDc: telegram.middle.max_links_per_dc,
        maxClientsPerLink: telegram.middle.max_clients_per_link,
        idleCloseMs: telegram.middle.idle_close,
      },
    },
    guard: {
      isEnabled: guard.enabled,
      connectionsPerIp: guard.connections_per_ip,
      newPerIp: guard.new_connections_per_ip,
      newTotal: guard.new_connections_total,
      handshakesPerIp: guard.handshakes_in_flight_per_ip,
      ipv6Prefix: guard.ipv6_prefix,
      blockScore: guard.block_score,
      blockForMs: guard.block_for,
      blockMaxMs: guard.block_max,
      onRefuse: guard.on_refuse,
      overload: guard.overload,
      credit: guard.credit,
      isDryRun: guard.dry_run,
      anomaly: guard.anomaly,
      limitedBytesPerSec: guard.limited_bandwidth,
      tableEntries: powerOfTwo(guard.table_entries),
    },
    relay: { idleTimeoutMs: relay.idle_timeout, maxLifetimeMs: relay.max_lifetime ?? 0 },
    dns: { staleMs: dns.stale },
    memory: {
      buffersBytes: memory.buffers,
      perConnectionBytes: memory.per_connection,
      ceilingBytes: memory.ceiling,
    },
  }
}

/** The table's sets are picked by bits: the next power of two, so that no fewer are remembered than asked for. */
function powerOfTwo(atLeast: number): number {
  return 1 << (32 - Math.clz32(atLeast - 1))
}
