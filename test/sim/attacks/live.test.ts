import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { loadScenario, scenarioNames } from '../../../sim/attacks.ts'
import { drawSources } from '../../../sim/attacks/addresses.ts'
import { LiveStage } from '../../../sim/attacks/live/live-stage.ts'
import { LoopbackMap } from '../../../sim/attacks/live/loopback.ts'
import { liveCommandOf } from '../../../sim/attacks/live/command.ts'
import { judgements } from '../../../sim/attacks/live/outcome.ts'
import { scaled, socketsOf } from '../../../sim/attacks/live/scaled.ts'
import type { Measures } from '../../../sim/attacks/measures.ts'
import { SlowLines } from '../../../sim/attacks/live/slow-lines.ts'
import { VirtualClock } from '../../../sim/world/clock.ts'
import { SeededRandom } from '../../../sim/world/random.ts'

const SECRETS = [{ mode: 'fake-tls', key: new Uint8Array(16), domain: 'example.org' }] as const

describe('places on the loopback', () => {
  test.prop([fc.constantFrom(...scenarioNames()), fc.nat()])(
    'are apart from the machine, and the same again',
    (name, seed) => {
      const { honest, attack } = loadScenario(name)
      const ranges = [...honest, ...attack].flatMap(({ from }) => from)
      const [one, other] = [new LoopbackMap(ranges), new LoopbackMap(ranges)]
      const sources = drawSources({ from: ranges, count: 64, bits: 128 }, new SeededRandom(seed, 'test'))
      for (const ip of sources.map((source) => source())) {
        expect(one.of(ip)).toMatch(/^127\.(?!0\.|255\.)\d+\.\d+\.\d+$/)
        expect(other.of(ip)).toBe(one.of(ip))
      }
    },
  )

  test.prop([fc.nat(0xffff), fc.nat(0xffff)])('keep apart who is apart, and together who shares a network', (a, b) => {
    const map = new LoopbackMap(['198.51.0.0/16', '203.0.113.0/25', '203.0.113.128/25', '2001:db8::/40'])
    const ip = (at: number) => `198.51.${at >> 8}.${at & 0xff}`
    expect(map.of(ip(a)) === map.of(ip(b))).toBe(a === b)
    const network = (text: string) => text.split('.').slice(0, 3).join()
    expect(network(map.of(ip(a))) === network(map.of(ip(b)))).toBe(a >> 8 === b >> 8)
    expect(network(map.of('203.0.113.7'))).toBe(network(map.of('203.0.113.200')))
    expect(network(map.of('203.0.113.7'))).not.toBe(network(map.of(ip(a))))
    const [home, same, neighbour, far] = ['1:2::1', '1:2::2', '1:3::1', '2:2::1'].map((end) =>
      map.of(`2001:db8:${end}`),
    )
    expect(same).toBe(home)
    expect(neighbour).not.toBe(home)
    expect(network(neighbour)).toBe(network(home))
    expect(network(far)).not.toBe(network(home))
  })

  it('are shared by the networks of a range that is too wide for all of them, and by no other', () => {
    const map = new LoopbackMap(['10.0.0.0/8', '192.0.2.0/24'])
    const of = (ip: string) => map.of(ip).split('.').slice(0, 3).join()
    expect(of('10.0.0.1')).toBe(of('10.128.0.1'))
    expect(of('10.0.0.1')).not.toBe(of('10.0.1.1'))
    expect(of('10.127.255.1')).not.toBe(of('192.0.2.1'))
  })
})

describe('a stage of real sockets', () => {
  const stage = (freshSeed: number) =>
    new LiveStage({
      ...{ seed: 1, freshSeed, clock: new VirtualClock(0, 0), proxy: { ip: '127.0.0.1', port: 1 } },
      ...{ places: new LoopbackMap([]), speed: 1, hasTelegram: false, socketsMax: 0 },
      lines: new SlowLines(() => 0, new SeededRandom(1, 'test')),
    })

  it('has hellos that no proxy has seen before, while all else is as the seed says', () => {
    const drawn = (freshSeed: number, name: string) => stage(freshSeed).world.random(name).bytes(16)
    expect(drawn(2, 'hellos')).not.toEqual(drawn(3, 'hellos'))
    expect(drawn(2, 'users homes')).toEqual(drawn(3, 'users homes'))
  })
})

describe('a scenario that is scaled', () => {
  it('has so much of its people, and of each group somebody', () => {
    const { honest, attack } = scaled(loadScenario('cgnat'), 0.01, SECRETS)
    expect(honest.map(({ users, addresses }) => [users, addresses])).toEqual([
      [20, 1],
      [20, 1],
      [1, 1],
    ])
    expect(attack[0].sources).toBe(1)
  })

  it('has the secrets of the proxy under test', () => {
    const { settings, keys } = scaled(loadScenario('botnet'), 1, SECRETS)
    expect(settings.secrets.map(({ domain }) => domain)).toEqual(['example.org'])
    expect(keys).toHaveLength(1)
  })

  it('holds as many connections as its pace and their length say', () => {
    // Ten sources, fifty a second of three seconds each; 200 people who come every 40 s and stay 11 s.
    expect(socketsOf(loadScenario('connect-flood'))).toBe(10 * 151 + 200 * 1.275)
  })
})

describe('what can be judged of a real proxy', () => {
  const scenario = loadScenario('handshake-garbage')
  const run: Measures = {
    ...{ scenario: 'handshake-garbage', seed: 1, honestRejected: {}, honestAddresses: 9, honestBanned: 0, bans: 1 },
    honest: [{ name: 'homes', attempts: 100, connected: 90, lost: {}, connectP99Ms: 5, throughputLost: 0.5 }],
    ...{ attack: [], alarms: 0, trials: 0, sources: 0, poolBytes: 0, openMost: 0, detectMs: 1, recoverMs: 0 },
    ...{ faults: 0, events: 0, virtualMs: 0, strays: undefined },
  }

  it('is all, where it is ours and somebody stands in for Telegram', () => {
    const inside = { trials: 0, faults: 0, poolBytes: 0 }
    const judged = judgements(scenario, run, { hasTelegram: true, isInside: true, inside })
    expect(judged.map(({ assertion, result }) => `${assertion} ${result}`)).toEqual([
      ...['honest_connected_min fail', 'throughput_lost_max fail', 'connect_p99_max pass', 'honest_banned_max pass'],
      ...['attackers_served_max pass', 'detect_within pass', 'recover_within pass', 'faults pass'],
    ])
  })

  it('is less from outside, and what is left out is named with what it takes', () => {
    const judged = judgements(scenario, run, { hasTelegram: false, isInside: false, inside: undefined })
    expect(judged.filter(({ result }) => result === 'unknown')).toEqual([
      expect.objectContaining({ assertion: 'throughput_lost_max', found: undefined, why: 'needs --telegram' }),
      expect.objectContaining({ assertion: 'honest_banned_max', found: undefined, why: 'needs --config' }),
      expect.objectContaining({ assertion: 'detect_within', wanted: 30_000, why: 'needs --config' }),
      expect.objectContaining({ assertion: 'faults', wanted: 0, why: 'needs --config, and metrics' }),
    ])
    expect(judged.filter(({ result }) => result === 'fail').map(({ assertion }) => assertion)).toEqual([
      'honest_connected_min',
    ])
  })

  it('is never whose trials they were, or how many sources are tracked', () => {
    const [attack] = scenario.attack
    const strict = {
      ...{ ...scenario, attack: [{ ...attack, trials_max: 1 }] },
      assert: { ...scenario.assert, sources_max: 5 },
    }
    const inside = { trials: 0, faults: 0, poolBytes: 0 }
    const judged = judgements(strict, run, { hasTelegram: true, isInside: true, inside })
    const unknown = judged.filter(({ why }) => why === 'in the simulator only').map(({ assertion }) => assertion)
    expect(unknown).toEqual([`attack.${attack.name}.trials_max`, 'sources_max'])
  })
})

describe('the command of a report', () => {
  const plain = { name: 'botnet', seed: 7, proxy: { ip: '127.0.0.1', port: 8443 }, secrets: ['a'], scale: 1, speed: 1 }

  it('plays it again, and has no secret in it', () => {
    expect(liveCommandOf(plain)).toBe('palisade sim run botnet --seed 7 --live 127.0.0.1:8443 --secret "$SECRET"')
    const more = { secrets: ['a', 'b'], scale: 0.2, speed: { timeMs: 8_000 }, config: "it's.toml" }
    expect(liveCommandOf({ ...plain, ...more, telegram: { ip: '127.0.0.1', port: 88 } })).toBe(
      'palisade sim run botnet --seed 7 --live 127.0.0.1:8443 --secret "$SECRET1" --secret "$SECRET2" ' +
        `--telegram 127.0.0.1:88 --scale 0.2 --time 8000ms --config 'it'\\''s.toml'`,
    )
    expect(liveCommandOf({ ...plain, speed: 3 })).toMatch(/ --speed 3$/)
  })
})
