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
      ...['active-probing', 'bad-neighbours', 'bandwidth-hog', 'botnet', 'cgnat', 'connect-flood', 'flash-crowd'],
      ...[
        'handshake-garbage',
        'hsm-outage',
        'hsm-restart',
        'ipv6-rotation',
        'mixed-day',
        'quiet-day',
        'reconnect-storm',
        'replay-storm',
      ],
      ...['secret-guessing', 'slowloris', 'total-flood'],
    ])
  })

  it.each(scenarioNames())(
    '%s can be read, bears the name of its file, runs with the guard on and wants honest use to succeed',
    (name) => {
      const scenario = loadScenario(name)
      expect(scenario.name).toBe(name)
      expect(scenario.settings.guard.isEnabled).toBe(true)
      // Where nobody waits for the vault, those who are connected have to succeed.
      const isLost = scenario.vault_outage.length > 0 && scenario.onVaultOutage === 'mask'
      const [{ connected_min }] = scenario.honest
      expect(isLost ? connected_min : scenario.assert.honest_connected_min).toBeGreaterThanOrEqual(0.99)
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
      'x.toml:3: duration: expected a duration from 1s to 1d such as "500ms", "10s", "2m" or "1h", got 60',
      'x.toml:4: honest.0.users: expected a whole number from 1 to 1000000, got nothing',
      'x.toml:6: unknown key honest.0.user (did you mean users?)',
      expect.stringMatching(/^x.toml:11: attack.0.kind: expected "connect-flood" or .*"hog", got "guessing"$/),
      'x.toml:14: attack.0.rate: expected a pace of at most 1000/s such as "50/s", "1/m" or "2/h", got "5000/s"',
      'x.toml:17: assert.honest_connected_min: expected a share from 0 to 1 such as 0.99, got 99',
      expect.stringMatching(
        /^x.toml:19: config.guard.block_for: expected a duration .* got 10 \(did you mean "10s"\?\)$/,
      ),
      'x.toml:20: unknown key config.guard.block_fore (did you mean guard.block_for?)',
    ])
  })

  it.each([
    ['stop = "50s"', 'stop = "20s"', 'x.toml:15: attack.0.stop: expected a time behind start, got "20s"'],
    ['stop = "50s"', 'stop = "2m"', 'x.toml:15: attack.0.stop: expected a time within duration, got "2m"'],
    [
      'users = 2',
      'users = 2\naddresses = 3',
      'x.toml:7: honest.0.addresses: expected at most as many as users, 2, got 3',
    ],
    ['name = "x"', 'name ==', 'x.toml:1: not valid TOML: Unexpected token'],
  ])('must make sense as a whole: %s', (from, to, problem) => {
    expect(problemsOf((HEAD + HONEST + ATTACK).replace(from, to))[0]).toContain(problem)
  })

  it('must have honest users, and a secret that they can use', () => {
    expect(problemsOf(HEAD)).toEqual(['x.toml: honest: expected at least one table written as [[honest]], got nothing'])
    const key = '00112233445566778899aabbccddeeff'
    const secret = `[[config.secret]]\nname = "s"\nkey = "${key}"\nmodes = ["plain"]\n`
    expect(problemsOf(HEAD + HONEST + secret)).toEqual([
      'x.toml:9: config.secret: expected one that clients can use by fake TLS, got none',
    ])
  })

  it('cannot ask to detect or to recover from nothing', () => {
    expect(problemsOf(HEAD + HONEST + '[assert]\ndetect_within = "5s"\nrecover_within = "5s"\n')).toEqual([
      'x.toml:10: assert.detect_within: expected an [[attack]] to detect, got "5s"',
      'x.toml:11: assert.recover_within: expected an [[attack]] or [[outage]] to recover from, got "5s"',
    ])
  })
})
