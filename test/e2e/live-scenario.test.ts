import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { startSimulatedTelegram } from '../../sim/telegram/serve.ts'
import { Child, ROOT, runToEnd } from './child.ts'
import { DOMAIN, FAKE_TLS } from './config.ts'
import { freePort } from './free-port.ts'
import { MaskSite } from './mask-site.ts'
import { LIMIT_MS, play, SECRET, simRun, withProgram, type Told } from './live.ts'
import { environmentFor, Home, PALISADE, RUNTIMES } from './program.ts'
import { TinyProxy, type Flaw } from './tiny-proxy.ts'

const TIME = '8s'

/**
 * A scenario of ours for machines that have other things to do: connecting may take as long as clients wait. Few sources for a few
 * seconds are no attack that a detector could tell from a crowd; that bans come by what one source does is seen in time.
 */
function patient(scenario: string, isNoticed: boolean): string {
  const text = readFileSync(join(ROOT, `fixtures/scenarios/${scenario}.toml`), 'utf8')
  const longer = text
    .replace(/^connect_p99_max = .*$/m, 'connect_p99_max = "12s"')
    .replace(/_within = .*$/gm, '_within = "1m"')
  return isNoticed ? longer : longer.replace(/^detect_within = .*$/m, '')
}

describe.each(RUNTIMES)('a scenario against the program on %s', (runtime) => {
  it.each([
    { scenario: 'quiet-day', scale: '0.02', isNoticed: false },
    { scenario: 'connect-flood', scale: '0.1', isNoticed: false },
    { scenario: 'handshake-garbage', scale: '0.1', isNoticed: true },
    { scenario: 'slowloris', scale: '0.05', isNoticed: false },
    { scenario: 'replay-storm', scale: '0.1', isNoticed: true },
  ])('holds what $scenario wants', async ({ scenario, scale, isNoticed }) => {
    await withProgram(runtime, async ({ program, home, telegramPort }) => {
      const file = join(home.folder, 'scenario.toml')
      writeFileSync(file, patient(scenario, isNoticed))
      const run = await play(
        ...([runtime, file, '--live', `127.0.0.1:${program.port}`, '--secret', SECRET] as const),
        ...['--telegram', `127.0.0.1:${telegramPort}`, '--config', home.configFile, '--scale', scale, '--time', TIME],
      )
      expect(run.stdout).not.toContain('FAILED')
      expect(run.stdout).not.toContain('not judged')
      expect(run.code).toBe(0)
      expect(Number(/ (\d+) tried, /.exec(run.stdout)?.[1])).toBeGreaterThan(2)
      const bans = Number(/ (\d+) bans, on 0 of/.exec(run.stdout)?.[1])
      if (isNoticed) expect(bans).toBeGreaterThan(0)
    })
  })
})

/** Names of the plots of a page, in order. */
function plotsOf(page: string): readonly string[] {
  return [...page.matchAll(/data-plot="(\w+)"/g)].map(([, name]) => name)
}

describe.each(RUNTIMES)('the page about a run against the program on %s', (runtime) => {
  it('draws what was seen from outside and from inside, and keeps the secret', async () => {
    await withProgram(runtime, async ({ program, home, telegramPort }) => {
      const [file, page] = ['scenario.toml', 'live.html'].map((name) => join(home.folder, name))
      writeFileSync(file, patient('handshake-garbage', true))
      const run = await play(
        ...([runtime, file, '--live', `127.0.0.1:${program.port}`, '--secret', SECRET, '--report', page] as const),
        ...[
          '--telegram',
          `127.0.0.1:${telegramPort}`,
          '--config',
          home.configFile,
          '--scale',
          '0.1',
          '--time',
          TIME,
          '--json',
        ],
      )
      expect(run.code).toBe(0)
      const { result, measures, assertions } = JSON.parse(run.stdout) as Told
      expect(result).toBe('pass')
      expect(measures.bans).toBeGreaterThan(0)
      expect(assertions.map((each) => each.result)).toEqual(assertions.map(() => 'pass'))
      const text = readFileSync(page, 'utf8')
      // Buffers are in use for moments, and may be empty whenever somebody asks.
      const drawn = ['lane', 'honest', 'attack', 'connect', 'open', 'bans', 'cpu', 'memory', 'trials']
      expect(drawn.filter((name) => !plotsOf(text).includes(name))).toEqual([])
      expect(text).toMatch(/<b>Held: (\d+) of \1 assertions\.<\/b>/)
      expect(text).not.toMatch(/not judged|Not drawn: /)
      expect(text).not.toContain(FAKE_TLS.key)
      const command =
        / --seed 1 --live 127\.0\.0\.1:\d+ --secret &quot;\$SECRET&quot; --telegram .+ --scale 0\.1 --time 8000ms --config /
      expect(text).toMatch(command)
    })
  })
})

describe.each(RUNTIMES)('a scenario against somebody else, on %s', (runtime) => {
  async function againstTiny(options: readonly string[], flaw?: Flaw) {
    const mask = await MaskSite.start(DOMAIN)
    const telegramPort = await freePort()
    const key = Buffer.from(FAKE_TLS.key, 'hex')
    const tiny = await TinyProxy.start({
      ...{ key, domain: DOMAIN, telegramPort, maskPort: mask.port, ...(flaw === undefined ? {} : { flaw }) },
    })
    const telegram = options.includes('--telegram') ? [`127.0.0.1:${telegramPort}`] : []
    try {
      return await play(
        ...([runtime, 'replay-storm', '--live', `127.0.0.1:${tiny.port}`, '--secret', SECRET] as const),
        ...['--scale', '0.1', '--time', TIME, ...options, ...telegram],
      )
    } finally {
      tiny.close()
      mask.close()
    }
  }

  it('names what cannot be judged from outside, and judges the rest', async () => {
    const { code, stdout, stderr } = await againstTiny([])
    expect(stdout).toContain('not judged: throughput_lost_max (needs --telegram), honest_banned_max (needs --config)')
    expect(stdout).toContain('100.00 % connected')
    expect(stderr).toContain('without --telegram a client counts as connected')
    expect(code).toBe(0)
  })

  it('writes a page about what can be seen from outside, and says what cannot', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'palisade-live-'))
    const page = join(folder, 'live.html')
    const { code } = await againstTiny(['--report', page])
    const text = readFileSync(page, 'utf8')
    rmSync(folder, { recursive: true })
    expect(code).toBe(0)
    expect(plotsOf(text)).toEqual(['lane', 'honest', 'attack', 'connect', 'open'])
    expect(text).toContain('4 assertions could not be judged from here.')
    expect(text).toMatch(/Not drawn: bans, alarms, CPU, memory, buffers and secrets tried of the proxy/)
  })

  it('is told as JSON, with null for what nobody can see', async () => {
    const { code, stdout, stderr } = await againstTiny(['--json'])
    expect(code).toBe(0)
    expect(stderr).toContain('under test is the configuration that the proxy has')
    const told = JSON.parse(stdout) as Told
    expect(told).toMatchObject({
      ...{ scenario: 'replay-storm', seed: 1, is_live: true, result: 'pass' },
      command: expect.stringMatching(/--secret "\$SECRET" --scale 0\.1 --time 8000ms$/) as string,
      measures: {
        honest: [{ connected: expect.any(Number) as number, throughput_lost: null }],
        attack: [{ served: 0, ends: { served: 0, answered: expect.any(Number) as number } }],
        ...{ bans: null, honest_banned: null, trials: null, detect_ms: null, faults: null },
      },
    })
    expect(told.assertions.filter(({ result }) => result === 'unknown')).toEqual([
      expect.objectContaining({ name: 'throughput_lost_max', wanted: 0.01, found: null, why: 'needs --telegram' }),
      expect.objectContaining({ name: 'honest_banned_max', found: null, why: 'needs --config' }),
      expect.objectContaining({ name: 'detect_within', found: null, why: 'needs --config' }),
      expect.objectContaining({ name: 'faults', found: null, why: 'needs --config, and metrics' }),
    ])
  })

  it('fails one that lets recordings in', async () => {
    const { code, stdout } = await againstTiny(['--telegram'], 'takes-recordings')
    expect(stdout).toMatch(/FAILED {2}attackers_served_max = 0, got (1|0\.\d+)$/m)
    expect(stdout).toContain('100.00 % connected')
    expect(code).toBe(1)
  })

  it('ends at once when it is told to, and closes everything', async () => {
    await withProgram(runtime, async ({ program }) => {
      const options = ['--live', `127.0.0.1:${program.port}`, '--secret', SECRET, '--speed', '2']
      const child = new Child('sh', simRun(runtime, 'slowloris', ...options))
      while (!/^palisade_connections_accepted_total [1-9]/m.test(await program.metrics()))
        expect(child.isRunning).toBe(true)
      child.signal('SIGINT')
      const { code } = await child.finish(LIMIT_MS)
      expect(child.stderr.all.join('\n')).toMatch(/stopped after \d+ s: nothing is judged/)
      expect(code).toBe(1)
    })
  })
})

describe.each(RUNTIMES)('a scenario that cannot be played, on %s', (runtime) => {
  it.each([
    {
      why: 'another machine',
      options: ['--live', '192.0.2.1:443', '--secret', SECRET],
      said: 'attack, and goes to no',
    },
    { why: 'IPv6', options: ['--live', '[::1]:443', '--secret', SECRET], said: 'IPv6 has one address of the loopback' },
    { why: 'no secret', options: ['--live', '127.0.0.1:443'], said: 'expected a --secret' },
    {
      ...{ why: 'a secret of another kind', said: 'for fake TLS (ee...)' },
      options: ['--live', '127.0.0.1:443', '--secret', '00112233445566778899aabbccddeeff'],
    },
    {
      ...{ why: 'more than an hour', said: 'quiet-day would take 24 hours' },
      options: ['--live', '127.0.0.1:443', '--secret', SECRET],
    },
    {
      ...{ why: 'a page that cannot be written', said: 'cannot be written: there is no folder' },
      options: ['--live', '127.0.0.1:443', '--secret', SECRET, '--time', TIME, '--report', '/nowhere/live.html'],
    },
    { why: 'nobody to play against', options: ['--secret', SECRET], said: '--secret is for --live' },
  ])('is one line: $why', async ({ options, said }) => {
    const run = await runToEnd('sh', simRun(runtime, 'quiet-day', ...options), { env: environmentFor(runtime) })
    expect(run.stderr).toContain(said)
    expect(run.stderr.split('\n')).toHaveLength(1)
    expect(run.code).toBe(2)
  })

  it('is one line where there are too few descriptors', async () => {
    const command = `ulimit -n 200; exec sh "$@"`
    const args = simRun(runtime, 'connect-flood', '--live', '127.0.0.1:443', '--secret', SECRET)
    const run = await runToEnd('sh', ['-c', command, 'sh', ...args])
    expect(run.stderr).toMatch(/connect-flood holds up to \d+ connections at once, and \d+ are possible: lower --scale/)
    expect(run.code).toBe(2)
  })
})

describe.each(RUNTIMES)('scenario files, on %s', (runtime) => {
  const sim = (...args: readonly string[]) => runToEnd('sh', [PALISADE, 'sim', ...args, '--runtime', runtime])

  it('are listed, each with its sentence', async () => {
    const { code, stdout } = await sim('scenarios')
    expect(stdout).toMatch(/^slowloris +Forty sources send hellos nine bytes at a time/m)
    expect(code).toBe(0)
  })

  it('are checked without being played, every problem on a line that editors understand', async () => {
    const home = new Home('')
    const file = join(home.folder, 'mine.toml')
    const text = readFileSync(join(ROOT, 'fixtures/scenarios/slowloris.toml'), 'utf8')
    writeFileSync(file, text.replace('"3/s"', '3').replace('"90s"', '"9m"'))
    for (const command of ['check', 'run']) {
      const { code, stdout, stderr } = await sim(command, file)
      expect(stderr.split('\n')).toEqual([expect.stringMatching(`^${file}:17:8: attack.0.rate: expected a pace`)])
      expect(stdout).toBe('')
      expect(code).toBe(78)
    }
    writeFileSync(file, text)
    expect(await sim('check', file)).toMatchObject({ code: 0, stderr: '' })
    home.remove()
  })
})

it('stands in for Telegram where nobody else does', async () => {
  const telegram = await startSimulatedTelegram({ host: '127.0.0.1', port: 0 })
  const at = `127.0.0.1:${telegram.address.port}`
  const run = await play(
    'bun',
    'slowloris',
    '--live',
    '127.0.0.1:443',
    '--secret',
    SECRET,
    '--scale',
    '0.1',
    '--telegram',
    at,
  )
  telegram.close()
  expect(run.stderr).toContain('--telegram: ')
  expect(run.code).toBe(2)
})
