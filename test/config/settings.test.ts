import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { diffConfig } from '../../src/config/diff.ts'
import { renderDocs } from '../../src/config/docs.ts'
import { load, type LoadedConfig } from '../../src/config/load.ts'
import { SecretRegistry } from '../../src/config/settings.ts'

function secret(name: string, digit: string, more = ''): string {
  return `[[secret]]\nname = "${name}"\nkey = "${digit.repeat(32)}"\nmodes = ["padded"]\n${more}`
}

function loaded(text: string): LoadedConfig {
  const result = load({ text, file: '/etc/palisade/palisade.toml' })
  if ('problems' in result) throw new Error(JSON.stringify(result.problems))
  return result
}

describe('the registry of secrets', () => {
  const idsOf = (registry: SecretRegistry, text: string) => {
    const { settings, keys, removed } = registry.prepare(loaded(text))
    expect(keys.map(({ id }) => id)).toEqual(settings.secrets.map(({ id }) => id))
    return { ids: settings.secrets.map(({ id }) => id), removed }
  }

  it('keeps the id of a key over reloads, whatever its name and place', () => {
    const registry = new SecretRegistry()
    expect(idsOf(registry, secret('a', '1') + secret('b', '2')).ids).toEqual([1, 2])
    expect(idsOf(registry, secret('b2', '2') + secret('a', '1') + secret('c', '3'))).toEqual({
      ids: [2, 1, 3],
      removed: [],
    })
  })

  it('names what is gone, and never uses an id again', () => {
    const registry = new SecretRegistry()
    idsOf(registry, secret('a', '1') + secret('b', '2'))
    expect(idsOf(registry, secret('a', '1'))).toEqual({ ids: [1], removed: [2] })
    expect(idsOf(registry, secret('a', '1') + secret('b', '2'))).toEqual({ ids: [1, 3], removed: [] })
  })

  const LIMITS = 'max_connections = 30\nmax_ips = 3\nquota = "50 GB / month"\nbandwidth = "20 Mbit/s"'

  it('hands over keys and settings in the units of the core', () => {
    const text = `${secret('a', '1', `expires = "2027-01-01T00:00:00Z"\non_remove = "close"\naccess = "limited"\n${LIMITS}`)}
[access]
default = "full"
allow = ["192.0.2.0/24"]
deny = ["2001:db8::/32"]
rules = [{ cidr = "192.0.2.7", level = "none" }]
lists = [{ source = "bad.netset" }, { source = "https://lists.example/a?token=1", level = "limited", refresh = "1h" }]
[mask]
host = "127.0.0.1"
skew = "90s"
[relay]
max_lifetime = "2h"
[telegram]
socks5 = "socks5://192.0.2.1:1080"
[dns]
stale = "2h"
[memory]
ceiling = "1 GB"
[guard]
on_refuse = "tarpit"
overload = { loop_lag = ["50ms", "1s"], descriptors = [0.5, 0.6] }
`
    const { settings, keys } = new SecretRegistry().prepare(loaded(text))
    expect(keys[0].key).toEqual(new Uint8Array(16).fill(0x11))
    expect(settings.secrets[0]).toEqual({
      id: 1,
      name: 'a',
      modes: ['padded'],
      domain: '',
      onRemove: 'close',
      expiresAt: 1_798_761_600,
      access: 'limited',
      limits: {
        ...{ connectionsMax: 30, addressesMax: 3, bytesPerSec: 2_500_000 },
        quota: { bytes: 50 * 1024 ** 3, period: 'month' },
      },
    })
    expect(settings.access).toEqual({
      default: 'full',
      allow: ['192.0.2.0/24'],
      deny: ['2001:db8::/32'],
      rules: [{ cidr: '192.0.2.7', level: 'none' }],
      lists: [
        { source: '/etc/palisade/bad.netset', level: 'none', refreshMs: 21_600_000 },
        { source: 'https://lists.example/a?token=1', level: 'limited', refreshMs: 3_600_000 },
      ],
    })
    expect(settings.mask).toMatchObject({ host: '127.0.0.1', port: 443, skewSec: 90, maxBytes: 67_108_864 })
    expect(settings.relay).toEqual({ idleTimeoutMs: 900_000, maxLifetimeMs: 7_200_000 })
    expect(settings.telegram.socks5).toEqual({ server: { ip: '192.0.2.1', port: 1080 }, user: '', password: '' })
    expect(settings.dns).toEqual({ staleMs: 7_200_000 })
    expect(settings.memory.ceilingBytes).toBe(1 << 30)
    expect(settings.guard.onRefuse).toBe('tarpit')
    expect(settings.guard.overload).toEqual({
      loop_lag: { from: 50, to: 1_000 },
      memory: { from: 0.85, to: 0.95 },
      descriptors: { from: 0.5, to: 0.6 },
      buffers: { from: 0.85, to: 0.95 },
    })
    expect(settings.listen).toMatchObject({ firstByteTimeoutMs: 60_000, drainTimeoutMs: 60_000 })
  })
})

describe('a reload', () => {
  it('tells hot keys from cold ones, and keeps the old values of the cold', () => {
    const before = loaded(secret('a', '1'))
    const after = loaded(
      `${secret('a', '1')}[relay]\nidle_timeout = "1m"\n[listen]\nbacklog = 7\n[log]\nlevel = "debug"\nformat = "pretty"`,
    )
    const { hot, cold, effective } = diffConfig(before, after)
    expect([hot, cold]).toEqual([
      ['relay.idle_timeout', 'log.level'],
      ['listen.backlog', 'log.format'],
    ])
    expect(effective.config.relay.idle_timeout).toBe(60_000)
    expect(effective.config.listen.backlog).toBe(4096)
    expect(effective.config.log).toMatchObject({ level: 'debug', format: 'json' })
  })

  it('takes overload and the ceiling of memory at once', () => {
    const changed = '[memory]\nceiling = "1 GB"\n[guard]\noverload = { memory = [0.5, 0.6] }'
    const { hot, cold } = diffConfig(loaded(secret('a', '1')), loaded(secret('a', '1') + changed))
    expect([hot, cold]).toEqual([['guard.overload', 'memory.ceiling'], []])
  })

  it('sees nothing in the same configuration written otherwise', () =>
    expect(
      diffConfig(loaded(secret('a', '1')), loaded(`${secret('a', '1')}[relay]\nidle_timeout = "900s"`)),
    ).toMatchObject({
      hot: [],
      cold: [],
    }))

  it.each([
    ['a secret more', secret('a', '1') + secret('b', '2')],
    ['another key', secret('a', '2')],
    ['another date', secret('a', '1', 'expires = "2027-01-01"')],
  ])('applies %s at once', (_, text) =>
    expect(diffConfig(loaded(secret('a', '1')), loaded(text))).toMatchObject({ hot: ['secret'], cold: [] }),
  )

  it('sees that the content of a key file changed', () => {
    const text = secret('a', '1').replace('1'.repeat(32), 'file:x')
    const read = (digit: string) =>
      load({ text, file: 'x.toml', read: () => ({ text: digit.repeat(32), mode: 0o600 }) })
    expect(diffConfig(read('1') as LoadedConfig, read('2') as LoadedConfig).hot).toEqual(['secret'])
  })
})

it('docs/configuration.md is made from the schema', () => {
  const committed = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8')
  expect(committed, 'run: node scripts/docs.ts').toBe(renderDocs())
})
