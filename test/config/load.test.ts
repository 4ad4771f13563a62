import { readFileSync } from 'node:fs'
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { load, type LoadedConfig } from '../../src/config/load.ts'
import { formatProblem } from '../../src/config/problem.ts'
import { KEYS } from '../../src/config/schema.ts'

const KEY = '00112233445566778899aabbccddeeff'
const OTHER_KEY = 'ffeeddccbbaa99887766554433221100'
const SECRET = `[[secret]]\nname = "a"\nkey = "${KEY}"\nmodes = ["plain"]\n`

function problemsOf(text: string, sets: readonly string[] = []): string[] {
  const result = load({ text, file: 'palisade.toml', sets, read: missing })
  return 'problems' in result ? result.problems.map(formatProblem) : []
}

function configOf(text: string, sets: readonly string[] = []): LoadedConfig {
  const result = load({ text, file: '/etc/palisade/palisade.toml', sets, read: missing })
  if ('problems' in result) throw new Error(result.problems.map(formatProblem).join('\n'))
  return result
}

function missing(): never {
  throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
}

describe('defaults', () => {
  it('are those of the example file', () => {
    const example = configOf(readFileSync(new URL('../../fixtures/palisade.example.toml', import.meta.url), 'utf8'))
    const bare = configOf(`[[secret]]\nname = "family"\nkey = "${KEY}"\ndomain = "www.example.com"`)
    expect(bare.config).toEqual(example.config)
  })

  it('stand in the example file for every key', () => {
    const example = readFileSync(new URL('../../fixtures/palisade.example.toml', import.meta.url), 'utf8')
    const names = KEYS.filter((key) => key.path.join('.') !== 'telegram.dc').map((key) => key.path.at(-1) ?? '')
    for (const name of names) expect(example).toMatch(new RegExp(`^${name} = `, 'm'))
  })

  it('have relative paths start at the folder of the file', () => {
    const { config, folder } = configOf(SECRET)
    expect([folder, config.state.path, config.admin.socket]).toEqual([
      '/etc/palisade',
      '/etc/palisade/state',
      '/etc/palisade/palisade.sock',
    ])
  })
})

describe('problems', () => {
  it('come all at once, each with its line', () => {
    const text = `[listen]
adress = 1
backlog = "many"
${SECRET}[mask]
port = 0
max_time = 10
`
    expect(problemsOf(text)).toEqual([
      'palisade.toml:2: unknown key listen.adress (did you mean listen.address?)',
      'palisade.toml:3: listen.backlog: expected a whole number from 1 to 65535, got "many"',
      'palisade.toml:9: mask.port: expected a whole number from 1 to 65535, got 0',
      'palisade.toml:10: mask.max_time: expected a duration from 1s to 30d such as "500ms", "10s", "2m" or "1h", ' +
        'got 10 (did you mean "10s"?)',
    ])
  })

  it.each([
    ['a syntax error', 'a = 1\nb = \n', 2, 'not valid TOML'],
    ['a key written twice', '[mask]\nport = 1\nport = 2', 3, 'not valid TOML'],
    ['an unknown section', `${SECRET}[mesk]\nport = 1`, 5, 'did you mean mask?'],
    ['a key of another section', `${SECRET}skew = "1m"`, 5, 'did you mean mask.skew?'],
    ['a wrong word', `${SECRET}[log]\nlevel = "inof"`, 6, 'did you mean "info"?'],
    ['a value in a list over lines', `${SECRET}[listen]\naddress = [\n "0.0.0.0:1",\n "x"\n]`, 8, 'listen.address.1'],
    ['a scalar for a list', `${SECRET}[listen]\naddress = "0.0.0.0:1"`, 6, 'a list of addresses'],
    ['an empty list of addresses', `${SECRET}[listen]\naddress = []`, 6, 'a list of addresses'],
    ['a bad DC id', `${SECRET}[telegram.dc]\nx = ["1.2.3.4:1"]`, 6, 'telegram.dc.x'],
    ['DC 0', `${SECRET}[telegram.dc]\n0 = ["1.2.3.4:1"]`, 6, 'telegram.dc.0'],
    ['a table where a value belongs', `${SECRET}[log.level]\nx = 1`, 5, 'log.level: expected "error"'],
    ['a value where a table belongs', `log = 1\n${SECRET}`, 1, 'log: expected a table'],
    ['a list of tables where one belongs', `${SECRET}[[log]]\nlevel = "info"`, 5, 'log: expected a table'],
    ['too little per connection', `${SECRET}[memory]\nper_connection = "63 KB"`, 6, 'a size from 64 KB'],
    [
      'a DNS server by name',
      `${SECRET}[dns]\nservers = ["1.1.1.1", "dns.example"]`,
      6,
      'did you mean "https://dns.example/',
    ],
    ['a DNS server of another kind', `${SECRET}[dns]\nservers = ["tls://1.1.1.1"]`, 6, 'as an IP address alone'],
    ['more DNS servers than eight', `${SECRET}[dns]\nservers = [${'"1.1.1.1",'.repeat(9)}]`, 6, 'at most 8'],
    [
      'middle proxies beside a SOCKS5 server',
      `${SECRET}[telegram]\nmode = "middle"\nsocks5 = "socks5://127.0.0.1:1080"`,
      6,
      'because telegram.socks5 is set',
    ],
    ['a key without name', `[[secret]]\nkey = "${KEY}"`, 1, 'secret.0.name: expected a name'],
    ['fake TLS without a domain', `[[secret]]\nname = "a"\nkey = "${KEY}"`, 1, 'secret.0.domain: expected a host name'],
    ['a name twice', `${SECRET}${SECRET.replace(KEY, OTHER_KEY)}`, 6, 'secret.1.name: expected a name of its own'],
    ['a key twice', `${SECRET}${SECRET.replace('"a"', '"b"')}`, 7, 'secret.1.key: expected a key of its own'],
    ['nobody who may send the header', `${SECRET}[listen]\nproxy_protocol = "required"`, 5, 'proxy_protocol_from'],
    ['an address twice', `${SECRET}[listen]\naddress = ["1.2.3.4:5", "1.2.3.4:5"]`, 6, 'each address once'],
    ['a key file that is not there', SECRET.replace(KEY, 'file:x'), 3, 'does not exist'],
  ])('%s has its line', (_, text, line, part) => {
    const [first] = problemsOf(text)
    // The column as well, where the text is no TOML.
    expect(first).toMatch(new RegExp(`palisade.toml:${line}:(\\d+:)? `))
    expect(first).toContain(part)
  })

  it('names a file without any secret', () =>
    expect(problemsOf('')).toEqual([
      'palisade.toml: secret: expected at least one [[secret]] table, got nothing (make one with: palisade secret new)',
    ]))

  it('never repeat a part of a key or a password', () => {
    const secrets = [`ee${KEY}`, `${KEY}00`, KEY.slice(1), `${KEY.slice(1)}g`]
    for (const secret of secrets) {
      const text = `[telegram]\nsocks5 = "socks5://user:hunter2@name:1"\n${SECRET.replace(KEY, secret)}`
      const all = problemsOf(text).join('\n')
      expect(all).toContain('secret.0.key')
      expect(all).toContain('telegram.socks5')
      expect(all).not.toMatch(/22334455|hunter2/)
    }
    const inline = problemsOf(`secret = [{ name = "a", key = "${KEY}" }, 7]\n`).join('\n')
    expect(inline).not.toContain('22334455')
    expect(problemsOf(`secret = "${KEY}"`).join('\n')).not.toContain('22334455')
    expect(problemsOf(`secret = ["${KEY}"]`).join('\n')).not.toContain('22334455')
  })

  it('are one line each, and repeat no key that stands in the place of a name', () => {
    const problems = problemsOf(`${SECRET}"a\\nb\\u007f" = 1\n${OTHER_KEY} = "x"\n`)
    expect(problems).toEqual([
      'palisade.toml:5: unknown key secret.0.a\\u000ab\\u007f',
      'palisade.toml:6: unknown key secret.0.(32 hex digits)',
    ])
    expect(problemsOf('#\x7f')).toEqual([expect.stringMatching(/^palisade.toml:1:2: not valid TOML: [\x20-\x7e]+$/)])
  })

  it('are not as long as a name may be, and show no part of a key that is cut', () => {
    const [problem] = problemsOf(`${'s'.repeat(960)}${OTHER_KEY}${'s'.repeat(5_000)} = 1\n${SECRET}`)
    expect(problem.length).toBeLessThan(1_100)
    expect(problem).toMatch(/^palisade\.toml:1: unknown key s+/)
    expect(problem).not.toContain(OTHER_KEY.slice(0, 8))
  })

  it('tell of tables in the place of values', () => {
    const at = (line: number, key: string): unknown =>
      expect.stringMatching(new RegExp(`^palisade.toml:${line}: ${key}: expected`))
    const text = '[telegram.middle]\ndcs = ["", { e = 2 }]\n[state]\nsealed = { a = 1 }\n'
    expect(problemsOf(`${SECRET}${text}`)).toEqual(
      expect.arrayContaining([at(6, 'telegram.middle.dcs.0'), at(6, 'telegram.middle.dcs.1'), at(8, 'state.sealed')]),
    )
  })

  it('tells who pasted what a client is given', () => {
    expect(problemsOf(SECRET.replace(KEY, `dd${KEY}`))[0]).toContain('with modes = ["padded"]')
  })
})

describe('keys of features not built yet', () => {
  it.each([
    ['[listen]\naffinity = "off"', 'listen.affinity'],
    ['[telegram]\ncongestion = "bbr"', 'telegram.congestion'],
    ['[mask]\ngroup = "mirror"', 'mask.group'],
    ['[admin]\nlisten = "127.0.0.1:1"', 'admin.listen'],
  ])('refuses %j', (text, key) => {
    const [first] = problemsOf(`${SECRET}${text}`)
    expect(first).toContain(`palisade.toml:6: ${key}: expected `)
    expect(first).toContain('this feature is not built yet')
  })

  it('says so once, even when the value is wrong as well', () =>
    expect(problemsOf(`${SECRET}[guard]\nanomaly = 10`)).toHaveLength(1))

  it('takes their default, however it is written', () =>
    expect(problemsOf(`${SECRET}[guard]\nblock_for = "600s"\n[telegram]\nmode = "direct"`)).toEqual([]))
})

describe('--set', () => {
  it('wins over the file, and the last one over the others', () => {
    const { config } = configOf(`${SECRET}[log]\nlevel = "warn"`, ['log.level=error', 'log.level="debug"'])
    expect(config.log.level).toBe('debug')
  })

  it('makes lists of bare text where a list belongs', () => {
    const { config } = configOf(SECRET, ['listen.address=127.0.0.1:1,[::1]:2', 'telegram.dc.-2=1.2.3.4:5'])
    expect(config.listen.address).toEqual([
      { ip: '127.0.0.1', port: 1 },
      { ip: '::1', port: 2 },
    ])
    expect(config.telegram.dc).toEqual({ '-2': [{ ip: '1.2.3.4', port: 5 }] })
  })

  it('reaches into the list of secrets', () => {
    const set = ['secret.1.name=b', `secret.1.key=${OTHER_KEY}`, 'secret.1.modes=padded']
    expect(configOf(SECRET, set).config.secret.map((secret) => secret.name)).toEqual(['a', 'b'])
  })

  it('is named where it is wrong', () => {
    expect(problemsOf(SECRET, ['log.level=loud'])[0]).toMatch(/^--set: log\.level: expected .* got "loud"/)
    expect(problemsOf(SECRET, ['log.levle=info'])[0]).toBe('--set: unknown key log.levle (did you mean log.level?)')
    expect(problemsOf(SECRET, ['loglevel'])[0]).toMatch(/^--set: wants key=value/)
    expect(problemsOf(SECRET, ['secret.7.name=x'])[0]).toMatch(/^--set: secret\.7\.name: expected a place/)
    expect(problemsOf(SECRET, ['secret.0.name.x=x'])[0]).toMatch(/^--set: secret\.0\.name\.x/)
  })
})

describe('key files', () => {
  const text = SECRET.replace(KEY, 'file:keys/a')
  const read = (content: string, mode: number) => (path: string) => {
    if (path !== '/etc/palisade/keys/a') return missing()
    return { text: content, mode }
  }
  const loadWith = (content: string, mode: number) =>
    load({ text, file: '/etc/palisade/palisade.toml', read: read(content, mode) })

  it('hold the key, relative to the folder of the configuration', () =>
    expect(loadWith(`${KEY}\n`, 0o100600)).toMatchObject({
      keys: [Uint8Array.from(Buffer.from(KEY, 'hex'))],
      warnings: [],
    }))

  it('are warned about when others may read them', () =>
    expect(loadWith(KEY, 0o100640)).toMatchObject({ warnings: [{ key: 'secret.0.key', line: 3 }] }))

  it('are refused with other content, which is not repeated', () => {
    const result = loadWith(KEY.slice(2), 0o100600)
    expect(result).toHaveProperty('problems')
    expect(JSON.stringify(result)).not.toContain('2233')
  })
})

test.prop([fc.string({ unit: 'grapheme', maxLength: 200 })])('no text makes it throw', (text) => {
  const result = load({ text, file: 'palisade.toml', read: missing })
  expect('problems' in result && result.problems.length > 0).toBe(true)
})

const arbLine = fc.constantFrom(
  '[log]',
  '[[secret]]',
  '__proto__ = 1',
  'level = {}',
  'key = 1',
  '[a.b]',
  'constructor.x = 2',
)
test.prop([fc.array(arbLine, { maxLength: 8 })])('no structure makes it throw', (lines) => {
  expect(load({ text: lines.join('\n'), file: 'palisade.toml', read: missing })).toHaveProperty('problems')
})
