import { describe, expect, it } from 'vitest'
import { loadScenario, scenarioNames } from '../../../sim/attacks.ts'
import { readScenario, type Scenario } from '../../../sim/attacks/plan/read.ts'
import { formatProblem } from '../../../src/config/problem.ts'

const HEAD = 'name = "x"\nwhat = "x"\nduration = "1m"\n'
const HONEST = '[[honest]]\nname = "a"\nusers = 2\nfrom = ["198.51.0.0/16"]\narrivals = { kind = "constant" }\n'
const ATTACK =
  '[[attack]]\nname = "b"\nkind = "guess"\nsources = 1\nfrom = ["203.0.113.0/24"]\nrate = "1/s"\nstop = "50s"\n'

function problemsOf(text: string): readonly string[] {
  const read = readScenario(text, 'x.toml')
  return 'problems' in read ? read.problems.map(formatProblem) : []
}

function scenarioOf(text: string): Scenario {
  const read = readScenario(text, 'x.toml')
  if ('problems' in read) throw new Error(read.problems.map(formatProblem).join('\n'))
  return read
}

describe('the scenarios that come with Palisade', () => {
  it('are these', () => {
    expect(scenarioNames()).toEqual([
      ...['active-probing', 'bad-neighbours', 'bandwidth-hog', 'botnet', 'cgnat', 'connect-flood'],
      ...['dc-flap-under-load', 'flash-crowd', 'handshake-garbage', 'hsm-outage', 'hsm-restart', 'ipv6-rotation'],
      ...[
        'mask-abuse',
        'mask-down-under-probing',
        'media-burst',
        'mixed-day',
        'quiet-day',
        'reconnect-storm',
        'replay-storm',
      ],
      ...['restart-under-load', 'roaming', 'rolling-reload', 'secret-guessing', 'short-of-memory', 'slow-lines'],
      ...[
        'slow-ramp',
        'slow-readers',
        'slowloris',
        'storm-hides-attack',
        'table-eviction',
        'total-flood',
        'wrong-clock',
      ],
    ])
  })

  it.each(scenarioNames())(
    '%s can be read, bears the name of its file, runs with the guard on and wants honest use to succeed',
    (name) => {
      const scenario = loadScenario(name)
      expect(scenario.name).toBe(name)
      expect(scenario.settings.guard.isEnabled).toBe(true)
      // Where nobody waits for the vault, or a DC is away, those who have nothing to do with it have to succeed; a killed proxy lets
      // nobody in.
      const isAway = scenario.fault.some(({ kind }) => kind === 'dc-flap')
      const isLost = isAway || (scenario.vault_outage.length > 0 && scenario.onVaultOutage === 'mask')
      const isKilled = scenario.fault.some(({ kind }) => kind === 'restart')
      const [{ connected_min }] = scenario.honest
      expect(isLost ? connected_min : scenario.assert.honest_connected_min).toBeGreaterThanOrEqual(
        isKilled ? 0.9 : 0.99,
      )
    },
  )

  it('are one line when there is no such file', () => {
    expect(() => loadScenario('./nowhere.toml')).toThrow(/^\.\/nowhere\.toml does not exist$/)
  })

  it('are named when another one is asked for', () => {
    expect(() => loadScenario('botnets')).toThrow(
      /^there is no scenario botnets; there are: active-probing, .*slowloris/,
    )
  })
})

describe('a scenario file', () => {
  it('holds durations, paces and sizes in their units, and defaults for the rest', () => {
    const { honest, attack, settings, keys } = scenarioOf(HEAD + 'secrets = 3\n' + HONEST + ATTACK)
    expect(honest[0]).toMatchObject({ users: 2, noise: 0.01, talk: { answer: 12_288, think: 2_000 } })
    expect(attack[0]).toMatchObject({ rate: 1_000, start: 30_000, stop: 50_000 })
    expect([settings.secrets.length, keys.length]).toEqual([3, 3])
    expect(settings.telegram.mode).toBe('direct')
  })

  it('holds a configuration of which the rest is as it is without a file', () => {
    const text = HEAD + HONEST + '[config.guard]\nconnections_per_ip = 7\n'
    expect(scenarioOf(text).settings.guard).toMatchObject({ connectionsPerIp: 7, handshakesPerIp: 64 })
  })

  it('is told of everything wrong with it at once, each with line, key and what is allowed', () => {
    const text =
      HEAD.replace('"1m"', '60') +
      HONEST.replace('users = 2', 'user = 2') +
      ATTACK.replace('"guess"', '"guessing"').replace('"1/s"', '"5000/s"') +
      '[assert]\nhonest_connected_min = 99\n[config.guard]\nblock_for = 10\nblock_fore = 1\n'
    expect(problemsOf(text)).toEqual([
      'x.toml:3:12: duration: expected a duration from 1s to 1d such as "500ms", "10s", "2m" or "1h", got 60 (did you mean "60s"?)',
      'x.toml:4:1: honest.0.users: expected a whole number from 1 to 1000000, got nothing',
      'x.toml:6:1: unknown key honest.0.user (did you mean users?)',
      expect.stringMatching(/^x.toml:11:8: attack.0.kind: expected "connect-flood" or .*"leech", got "guessing"$/),
      'x.toml:14:8: attack.0.rate: expected a pace of at most 1000/s such as "50/s", "1/m" or "2/h", got "5000/s"',
      'x.toml:17:24: assert.honest_connected_min: expected a share from 0 to 1 such as 0.99, got 99',
      expect.stringMatching(
        /^x.toml:19:13: config.guard.block_for: expected a duration .* got 10 \(did you mean "10s"\?\)$/,
      ),
      'x.toml:20:1: unknown key config.guard.block_fore (did you mean guard.block_for?)',
    ])
  })

  it('is told of what only the whole of it shows together with the rest', () => {
    const text =
      (HEAD + HONEST + ATTACK)
        .replace('"1/s"', '1')
        .replace('stop = "50s"', 'stop = "2m"\nzoom = 1')
        .replace('"b"', '"a"') +
      '[[fault]]\nkind = "reload"\nat = "2m"\n[fault.config.guard]\nblock_for = 10\n[config.guard]\nblock_max = 10\n' +
      '[[outage]]\nat = "1s"\nfor = "2m"\n[assert]\nconnect_p99_max = 1\n'
    expect(problemsOf(text).map((problem) => problem.split(/: expected| \(/, 1)[0])).toEqual([
      ...['x.toml:14:8: attack.0.rate', 'x.toml:16:1: unknown key attack.0.zoom'],
      ...['x.toml:19:6: fault.0.at', 'x.toml:21:13: fault.0.config.guard.block_for'],
      ...['x.toml:23:13: config.guard.block_max', 'x.toml:26:7: outage.0.for', 'x.toml:28:19: assert.connect_p99_max'],
    ])
    const unknown = (HEAD + HONEST + ATTACK).replace('stop = "50s"', 'stop = "2m"\nzoom = 1').replace('"b"', '"a"')
    expect(problemsOf(unknown).map((problem) => problem.split(/: expected| \(/, 1)[0])).toEqual([
      ...['x.toml:10:8: attack.0.name', 'x.toml:15:8: attack.0.stop'],
      'x.toml:16:1: unknown key attack.0.zoom',
    ])
  })

  it.each([
    ['stop = "50s"', 'stop = "20s"', 'x.toml:15:8: attack.0.stop: expected a time behind start, got "20s"'],
    ['stop = "50s"', 'stop = "2m"', 'x.toml:15:8: attack.0.stop: expected a time within duration, got "2m"'],
    [
      'users = 2',
      'users = 2\naddresses = 3',
      'x.toml:7:13: honest.0.addresses: expected at most as many as users, 2, got 3',
    ],
    [
      'kind = "guess"',
      'kind = "guess"\nask = "1 MB"',
      'x.toml:12:7: attack.0.ask: expected nothing, as kind guess has no use',
    ],
    [
      'kind = "guess"',
      'kind = "hog"\nhold = "1s"',
      'x.toml:12:8: attack.0.hold: expected nothing, as kind hog has no use',
    ],
    [
      'kind = "guess"',
      'kind = "guess"\ngot_max = "1 MB"',
      'x.toml:12:11: attack.0.got_max: expected nothing, as kind guess has no use',
    ],
    [
      'kind = "guess"',
      'kind = "hog"\nthink = "1s"',
      'x.toml:12:9: attack.0.think: expected nothing, as kind hog has no use',
    ],
    ['name = "b"', 'name = "a"', 'x.toml:10:8: attack.0.name: expected a name that no other group has, got "a"'],
    [
      'kind = "constant"',
      'kind = "constant", at = "1s"',
      'x.toml:8:38: honest.0.arrivals.at: expected nothing, as it is for kind burst, got "1s"',
    ],
    [
      'kind = "constant"',
      'kind = "burst", every = "1s"',
      'x.toml:8:38: honest.0.arrivals.every: expected nothing, as it is for kind constant, poisson or diurnal, got "1s"',
    ],
    [
      'kind = "constant"',
      'kind = "burst", at = "2m"',
      'x.toml:8:35: honest.0.arrivals.at: expected a time within duration, got "2m"',
    ],
    ['name = "x"', 'name ==', 'x.toml:1:7: not valid TOML: Unexpected token'],
  ])('must make sense as a whole: %s', (from, to, problem) => {
    expect(problemsOf((HEAD + HONEST + ATTACK).replace(from, to))[0]).toContain(problem)
  })

  it('must have honest users, and a secret that they can use', () => {
    expect(problemsOf(HEAD)).toEqual(['x.toml: honest: expected at least one table written as [[honest]], got nothing'])
    const key = '00112233445566778899aabbccddeeff'
    const secret = `[[config.secret]]\nname = "s"\nkey = "${key}"\nmodes = ["plain"]\n`
    expect(problemsOf(HEAD + HONEST + secret)).toEqual([
      'x.toml:9:1: config.secret: expected one that clients can use by fake TLS, got none',
    ])
  })

  it('cannot ask to detect or to recover from nothing', () => {
    expect(problemsOf(HEAD + HONEST + '[assert]\ndetect_within = "5s"\nrecover_within = "5s"\n')).toEqual([
      'x.toml:10:17: assert.detect_within: expected an [[attack]] to detect, got "5s"',
      'x.toml:11:18: assert.recover_within: expected an [[attack]] or [[outage]] to recover from, got "5s"',
    ])
  })

  it('cannot ask who was served where nobody attacks', () => {
    expect(problemsOf(HEAD + HONEST + '[assert]\nattackers_served_max = 0\n')).toEqual([
      'x.toml:10:24: assert.attackers_served_max: expected an [[attack]] that could be served, got 0',
    ])
  })
})

describe('a fault in a scenario file', () => {
  const withFault = (fault: string) => HEAD + HONEST + `[[fault]]\n${fault}\n`

  it.each([
    [
      'kind = "dc-flip"\nat = "1s"',
      /^x.toml:10:8: fault.0.kind: expected "dc-down" or .* \(did you mean "dc-flap"\?\)$/,
    ],
    ['kind = "restart"\nat = "1s"', /^x.toml:9:1: fault.0.for: expected a value, which restart needs, got nothing$/],
    [
      'kind = "reload"\nat = "1s"\nfor = "1s"\nconfig = {}',
      /^x.toml:12:7: fault.0.for: expected nothing, as reload takes at, config, got "1s"$/,
    ],
    [
      'kind = "dc-down"\nat = "50s"\nfor = "11s"',
      /^x.toml:12:7: fault.0.for: expected a time that ends within duration, got "11s"$/,
    ],
    [
      'kind = "clock-step"\nat = "2m"\nby = "+1s"',
      /^x.toml:11:6: fault.0.at: expected a time within duration, got "2m"$/,
    ],
    ['kind = "clock-step"\nat = "1s"\nby = "1s"', /^x.toml:12:6: fault.0.by: expected a step such as "\+30s" or "-5m"/],
    [
      'kind = "shortage"\nat = "1s"\nfor = "1s"\nresource = "disk"\nshare = 1',
      /^x.toml:13:12: fault.0.resource: expected "loop_lag" or "memory" or/,
    ],
    [
      'kind = "reload"\nat = "1s"\n[fault.config.guard]\nblock_for = 10',
      /^x.toml:13:13: fault.0.config.guard.block_for: expected a duration .*, got 10/,
    ],
    [
      'kind = "reload"\nat = "1s"\n[fault.config.guard]\nblock_four = 10',
      /^x.toml:13:1: unknown key fault.0.config.guard.block_four/,
    ],
    [
      'kind = "reload"\nat = "1s"\n[[fault.config.secret]]\nname = "x"',
      /^x.toml:12:1: fault.0.config.secret: expected nothing: secrets stay as they are/,
    ],
  ])('is told of what is wrong with it: %s', (fault, problem) => {
    expect(problemsOf(withFault(fault))).toEqual([expect.stringMatching(problem)])
  })

  it('lays the configuration of a reload over that of the scenario, and keeps the secrets', () => {
    const reload = 'kind = "reload"\nat = "1s"\n[fault.config.guard]\nconnections_per_ip = 9\n'
    const { settings, reloads } = scenarioOf(withFault(reload) + '[config.guard]\nhandshakes_in_flight_per_ip = 5\n')
    expect(settings.guard).toMatchObject({ connectionsPerIp: 256, handshakesPerIp: 5 })
    expect(reloads[0]?.guard).toMatchObject({ connectionsPerIp: 9, handshakesPerIp: 5 })
    expect(reloads[0]?.secrets).toEqual(settings.secrets)
  })
})
