import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { loadScenario, scenarioNames } from '../../../sim/attacks.ts'
import { drawSources } from '../../../sim/attacks/addresses.ts'
import { LiveStage } from '../../../sim/attacks/live/live-stage.ts'
import { LoopbackMap } from '../../../sim/attacks/live/loopback.ts'
import { judgeable } from '../../../sim/attacks/live/outcome.ts'
import { scaled, socketsOf } from '../../../sim/attacks/live/scaled.ts'
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

  it('is all, where it is ours and somebody stands in for Telegram', () => {
    const inside = { trials: 0, faults: 0, poolBytes: 0 }
    expect(judgeable(scenario, { hasTelegram: true, isInside: true, inside })).toEqual({ scenario, unknown: [] })
  })

  it('is less from outside, and what is left out is named with what it takes', () => {
    const known = judgeable(scenario, { hasTelegram: false, isInside: false, inside: undefined })
    expect(known.unknown).toEqual([
      ...['throughput_lost_max (needs --telegram)', 'honest_banned_max (needs --config)'],
      'detect_within (needs --config)',
    ])
    expect(Object.entries(known.scenario.assert).filter(([, value]) => value !== undefined)).toEqual([
      ['honest_connected_min', 0.99],
      ['connect_p99_max', 1_000],
      ['attackers_served_max', 0],
      ['recover_within', 60_000],
    ])
  })
})
