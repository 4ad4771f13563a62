import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const PALISADE = join(import.meta.dirname, '../../bin/palisade')
const KEY = '00112233445566778899aabbccddeeff'
/** Four people, of whom nobody is as fast as it wants. */
const QUIET = `
name = "quiet"
what = "Hardly anybody."
duration = "5s"
[[honest]]
name = "homes"
users = 4
from = ["198.51.0.0/16"]
noise = 0.0
arrivals = { kind = "burst", within = "1s" }
[assert]
connect_p99_max = "1ms"
`

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'palisade-cli-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function palisade(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { status, stdout, stderr } = spawnSync(PALISADE, args, {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, PALISADE_RUNTIME: 'node', ...env },
    timeout: 30_000,
  })
  return { status, stdout, stderr }
}

/** One clear line, and the exit code that belongs to it. */
function expectOneLine({ status, stderr }: ReturnType<typeof palisade>, code: number, part: RegExp): void {
  expect(stderr).toMatch(part)
  expect(stderr.trimEnd().split('\n')).toHaveLength(1)
  expect(stderr).not.toMatch(/^\s+at /m)
  expect(status).toBe(code)
}

describe('wrong use', () => {
  it.each([
    ['an unknown command', ['rum'], /unknown command 'rum'.*did you mean run\?/i],
    ['an unknown option', ['run', '--confg', 'x'], /unknown option '--confg'/],
    ['a missing value', ['run', '--config'], /'-c, --config <file>' argument missing/],
    ['too many arguments', ['status', 'x'], /too many arguments/],
    ['a runtime that is none', ['status', '--runtime', 'deno'], /expected auto, bun or node, got 'deno'/],
    ['a mode that is none', ['secret', 'new', '--mode', 'tls'], /'tls' is invalid.*fake-tls/],
    ['an address that is none', ['ban', '192.0.2.300'], /'192\.0\.2\.300' is invalid.*an IP address or a range/],
    ['a duration without its unit', ['ban', '192.0.2.1', '--for', '10'], /'10' is invalid.*such as 10m/],
    ['a range where an address is meant', ['access', '192.0.2.0/24'], /expected an IP address such as/i],
    ['nobody to end', ['kill'], /kill: expected ids, --user or --ip/],
    ['an id that is none', ['kill', '17'], /expected an id such as 0\.17, got '17'/],
    ['nobody to let in again', ['unban'], /unban: expected an address, a range, or --all/],
    ['too much at once', ['sessions', '--limit', '100000'], /whole number from 1 to 5000/],
    ['a seed that is none', ['sim', 'run', '--seed', 'x'], /'x' is invalid.*a whole number, or commit/],
    [
      'a case that is none',
      ['sim', 'run', '--case', 'seed=4,talks=0'],
      /case: talks: expected none, or numbers such as/,
    ],
    ['a case in a file that is not there', ['sim', 'run', '--case', 'no.json'], /no\.json cannot be read: ENOENT/],
    ['seeds for scripts', ['sim', 'run', '--json'], /--json is for scenarios/],
    ['shrinking a scenario', ['sim', 'run', 'botnet', '--shrink'], /--shrink is for mix/],
    [
      'a report in no folder',
      ['sim', 'run', 'quiet-day', '--report', 'none/x.html'],
      /--report: none\/x\.html.*no folder none/,
    ],
    ['a report of seeds that is a folder', ['sim', 'run', '--report', '.'], /--report: \. is a folder/],
    [
      'a report of the conformance suite in no folder',
      ['conformance', '--target', '127.0.0.1:1', '--secret', KEY, '--report', 'none/x.html'],
      /--report: none\/x\.html.*no folder none/,
    ],
    ['a domain that is none', ['secret', 'new', '--domain', 'https://x'], /--domain: expected a host name/],
  ])('%s is one line, and exits with 2', (_, args, part) => expectOneLine(palisade(args), 2, part))

  it('no configuration at all is wrong configuration', () => {
    expectOneLine(palisade(['run', '--config', 'missing.toml']), 78, /missing\.toml: does not exist/)
    expectOneLine(palisade(['link']), 78, /palisade\.toml: does not exist/)
  })

  it('nobody to ask is a failure', () => {
    expectOneLine(palisade(['status']), 1, /no proxy answers on .*palisade\.sock/)
    expectOneLine(palisade(['ban', '192.0.2.1']), 1, /no proxy answers on .*palisade\.sock/)
    expectOneLine(palisade(['drain'], { PALISADE_RUNTIME: 'bun' }), 1, /no proxy answers on .*palisade\.sock/)
  })
})

describe('results', () => {
  it('help fits 80 columns, goes to stdout, and has examples', () => {
    for (const args of [
      ['--help'],
      ['run', '--help'],
      ['check', '--help'],
      ['secret', 'new', '--help'],
      ['sessions', '--help'],
      ['kill', '--help'],
      ['ban', '--help'],
      ['events', '--help'],
      ['sim', 'run', '--help'],
      ['sim', 'replay', '--help'],
      ['conformance', '--help'],
    ]) {
      const { status, stdout } = palisade(args)
      expect(status).toBe(0)
      for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
    }
    expect(palisade(['run', '--help']).stdout).toContain('Examples:')
  })

  it('a scenario is told as JSON, a line for each run, whether it holds or not', () => {
    writeFileSync(join(folder, 'quiet.toml'), QUIET)
    const { status, stdout } = palisade(['sim', 'run', 'quiet.toml', '--runs', '2', '--json'])
    const runs = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(runs.map(({ scenario, seed, result }) => [scenario, seed, result])).toEqual([
      ['quiet', 1, 'fail'],
      ['quiet', 2, 'fail'],
    ])
    expect(status).toBe(1)
    expect(runs[0]).toMatchObject({
      ...{ is_live: false, command: 'palisade sim run quiet.toml --seed 1' },
      measures: {
        honest: [{ name: 'homes', attempts: 4, connected: 4, lost: {}, throughput_lost: 0 }],
        ...{ attack: [], detect_ms: null, faults: 0, honest_addresses: 4 },
      },
      assertions: [
        { name: 'honest_connected_min', bound: 'at least', wanted: 0.99, found: 1, result: 'pass', why: null },
        { name: 'connect_p99_max', bound: 'at most', wanted: 1, result: 'fail', why: null },
        { name: 'faults', bound: 'at most', wanted: 0, found: 0, result: 'pass', why: null },
        { name: 'strays', bound: 'at most', wanted: 0, found: 0, result: 'pass', why: null },
      ],
    })
    const one = palisade(['sim', 'run', 'quiet.toml', '--json', '--report', 'quiet.html'])
    expect(JSON.parse(one.stdout)).toMatchObject({ scenario: 'quiet', seed: 1 })
    expect(readdirSync(folder)).toContain('quiet.html')
  })

  it('check prints every problem, as lines and as JSON', () => {
    writeFileSync(join(folder, 'bad.toml'), '[listen]\nadress = 1\nbacklog = 0\n')
    const { status, stdout } = palisade(['check', '--config', 'bad.toml'])
    expect(status).toBe(78)
    expect(stdout.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^fail {2}config {2}bad\.toml:2: unknown key listen\.adress/) as string,
      expect.stringMatching(/^fail {2}config {2}bad\.toml:3: listen\.backlog/) as string,
    ])
    const json = JSON.parse(palisade(['check', '--config', 'bad.toml', '--json']).stdout) as unknown[]
    expect(json).toHaveLength(2)
  })

  it('a new secret goes to stdout, its links to stderr, and nothing is written', () => {
    const before = readdirSync(folder)
    const { status, stdout, stderr } = palisade(['secret', 'new', '--mode', 'padded', '--name', 'family'])
    expect(status).toBe(0)
    expect(stdout).toMatch(/^\[\[secret\]\]\nname = "family"\nkey = "[0-9a-f]{32}"\nmodes = \["padded"\]\n$/)
    expect(stderr).toContain('tg://proxy?server=')
    expect(readdirSync(folder)).toEqual(before)
  })

  it.each(['node', 'bun'])('links come as text, as QR code and as JSON on %s', (runtime) => {
    const config = join(folder, 'good.toml')
    writeFileSync(config, `[[secret]]\nname = "a"\nkey = "${KEY}"\nmodes = ["padded"]\n`, { mode: 0o600 })
    const args = ['link', '--config', config, '--host', 'proxy.example.com', '--runtime', runtime]
    const link = `tg://proxy?server=proxy.example.com&port=443&secret=dd${KEY}`
    const text = palisade([...args, '--qr'])
    expect(text).toMatchObject({ status: 0, stderr: '' })
    expect(text.stdout).toContain(`a (padded)\n  ${link}\n`)
    expect(text.stdout).toContain('█')
    expect(JSON.parse(palisade([...args, '--json']).stdout)).toMatchObject([{ name: 'a', mode: 'padded', tg: link }])
  })
})

describe('the starter', () => {
  it('finds its home through symbolic links, on both runtimes', () => {
    const link = join(folder, 'palisade')
    symlinkSync(PALISADE, link)
    for (const args of [['--version', '--runtime', 'bun'], ['--version', '--runtime=node'], ['--version']]) {
      const { status, stdout } = spawnSync(link, args, { encoding: 'utf8', env: { PATH: process.env.PATH } })
      expect([status, stdout]).toEqual([0, expect.stringMatching(/^\d+\.\d+\.\d+\n$/)])
    }
  })

  it('lets the argument win over the environment', () => {
    expectOneLine(palisade(['--version'], { PALISADE_RUNTIME: 'deno' }), 2, /got 'deno'/)
    expect(palisade(['--version', '--runtime', 'node'], { PALISADE_RUNTIME: 'deno' }).status).toBe(0)
  })
})
