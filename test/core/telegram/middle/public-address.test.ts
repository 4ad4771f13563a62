import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import type { OwnAddress, ProxyEvent } from '../../../../src/core/events.ts'
import type { PublicAddress, SeenAddress } from '../../../../src/core/ports.ts'
import { DIRECT_ONLY, type MiddleSettings } from '../../../../src/core/settings.ts'
import { askServers } from '../../../../src/core/telegram/middle/ask-servers.ts'
import { PublicAddresses } from '../../../../src/core/telegram/middle/public-address.ts'
import { World } from '../../../../sim/world/world.ts'

const LOCAL = '192.168.1.5'
const REMOTE = '149.154.175.50'
const OUTSIDE = '203.0.113.9'
const MINUTE_MS = 60_000

type Answers = Readonly<Record<string, string | undefined>>

/** Servers that say these addresses, undefined: nothing; who was asked, in order. */
function serversIn(world: World, answers: Record<string, string | undefined>) {
  const asked: string[] = []
  const port: PublicAddress = {
    find({ server, from = LOCAL }, reply) {
      asked.push(server)
      world.after(10 * asked.length, () => {
        const ip = answers[server]
        reply(ip === undefined ? { why: 'no answer' } : { local: from, ip, isPortKept: true })
      })
    },
  }
  return { port, asked }
}

describe('asking STUN servers', () => {
  const ask = (answers: Answers) => {
    const world = new World(1)
    const { port, asked } = serversIn(world, answers)
    const results: (SeenAddress | { readonly why: string })[] = []
    askServers(port, Object.keys(answers), { family: 4 }, (found) => results.push(found))
    expect(results).toEqual([])
    world.runFor(MINUTE_MS)
    expect(results).toHaveLength(1)
    const [found] = results
    return { found: 'why' in found ? found.why : found.ip, asked: asked.join('') }
  }

  it.each<[string, Answers, string, string]>([
    ['two that agree decide', { a: '1.1.1.1', b: '1.1.1.1', c: '2.2.2.2' }, '1.1.1.1', 'ab'],
    [
      'the next one is asked for one that fails',
      { a: undefined, b: '1.1.1.1', c: '1.1.1.1', d: '9.9.9.9' },
      '1.1.1.1',
      'abc',
    ],
    ['the next one decides between two', { a: '2.2.2.2', b: '1.1.1.1', c: '1.1.1.1' }, '1.1.1.1', 'abc'],
    ['the only answer counts', { a: undefined, b: '1.1.1.1', c: undefined }, '1.1.1.1', 'abc'],
    ['one server is enough', { a: '1.1.1.1' }, '1.1.1.1', 'a'],
    [
      'contradictions count for nothing',
      { a: '1.1.1.1', b: '2.2.2.2' },
      'they disagree: a says 1.1.1.1, b says 2.2.2.2',
      'ab',
    ],
    ['silence has a name', { a: undefined, b: undefined }, 'a: no answer; b: no answer', 'ab'],
    ['an interface with a public address settles it', { a: LOCAL, b: undefined }, LOCAL, 'ab'],
  ])('%s', (_what, answers, found, asked) => {
    expect(ask(answers)).toEqual({ found, asked })
  })

  const arbAnswer = fc.constantFrom('1.1.1.1', '2.2.2.2', '3.3.3.3', undefined)
  test.prop([fc.array(arbAnswer, { minLength: 1, maxLength: 8 })])('one liar alone never wins', (said) => {
    const { found } = ask(Object.fromEntries(said.map((ip, i) => [String(i), ip])))
    const votes = said.filter((ip) => ip === found).length
    const answers = said.filter((ip) => ip !== undefined).length
    if (votes > 0) expect(votes >= 2 || answers === 1).toBe(true)
    else expect(answers === 0 || new Set(said).size > 1).toBe(true)
  })
})

describe('our public address', () => {
  function open(settings: Partial<MiddleSettings> = { stun: ['a', 'b'] }) {
    const world = new World(1)
    const answers: Record<string, string | undefined> = { a: OUTSIDE, b: OUTSIDE }
    const { port, asked } = serversIn(world, answers)
    const events: ProxyEvent[] = []
    const current = { ...DIRECT_ONLY.middle, ...settings }
    const emit = (event: ProxyEvent) => void events.push(event)
    const addresses = new PublicAddresses({ port, clock: world.clock, emit, settings: () => current })
    const give = (local = LOCAL, remote = REMOTE) => {
      const given: (OwnAddress | undefined)[] = []
      addresses.give(local, remote, (own) => given.push(own))
      return given
    }
    return { world, answers, asked, events, addresses, give }
  }
  const FOUND: OwnAddress = { ip: OUTSIDE, source: 'stun', local: LOCAL }
  const results = (events: readonly ProxyEvent[]) => events.map((event) => 'result' in event && event.result)

  it.each([
    ['what is configured', { nat: '198.51.100.1', stun: ['a'] }, LOCAL, REMOTE, { ip: '198.51.100.1', source: 'nat' }],
    [
      'a public address of the interface',
      { stun: ['a'] },
      '203.0.113.4',
      REMOTE,
      { ip: '203.0.113.4', source: 'interface' },
    ],
    [
      'the interface towards what is on our side',
      { stun: ['a'] },
      LOCAL,
      '10.9.9.9',
      { ip: LOCAL, source: 'interface' },
    ],
    [
      'IPv6, which needs no NAT',
      { stun: ['a'], nat: '198.51.100.1' },
      '2001:db8::5',
      '2001:db8::9',
      { source: 'interface' },
    ],
  ])('is %s, at once and without a question', (_what, settings, local, remote, own) => {
    const { give, asked } = open(settings)
    expect([give(local, remote), asked]).toMatchObject([[{ local, ...own }], []])
  })

  it('is unknown at once where nobody is to be asked', () => {
    expect(open({ stun: [] }).give()).toEqual([undefined])
  })

  it.each(['10.0.0.1', '100.64.3.4', '172.16.0.1', '169.254.1.1'])(
    'is asked for behind %s, once for all who wait',
    (local) => {
      const { world, give, asked, events } = open()
      const both = [give(local), give(local)]
      expect(both).toEqual([[], []])
      world.runFor(1_000)
      expect(both).toEqual([[{ ...FOUND, local }], [{ ...FOUND, local }]])
      expect(give(local)).toEqual([{ ...FOUND, local }])
      expect([asked, results(events)]).toEqual([['a', 'b'], ['found']])
    },
  )

  it('is asked for ahead once, from where routing leads', () => {
    const { world, give, asked, addresses } = open()
    addresses.prepare()
    addresses.prepare()
    world.runFor(1_000)
    expect([give(), asked]).toEqual([[FOUND], ['a', 'b']])
    for (const settings of [{ stun: [] }, { nat: OUTSIDE, stun: ['a'] }]) {
      const other = open(settings)
      other.addresses.prepare()
      expect(other.asked).toEqual([])
    }
  })

  it('is asked for again after an hour, without a wait', () => {
    const { world, give, answers, asked } = open()
    give()
    world.runFor(60 * MINUTE_MS - 1)
    give()
    expect(asked).toHaveLength(2)
    world.runFor(1_000)
    answers.a = answers.b = '203.0.113.10'
    expect(give()).toEqual([FOUND])
    world.runFor(1_000)
    expect(give()).toEqual([{ ...FOUND, ip: '203.0.113.10' }])
    expect(asked).toHaveLength(4)
  })

  it('is asked for ever more seldom, at least every five minutes, while it is not found', () => {
    const { world, give, answers, asked, addresses } = open()
    answers.a = answers.b = undefined
    const askedAt: number[] = []
    for (let second = 0; second < 20 * 60; second++) {
      const before = asked.length
      give()
      if (asked.length > before) askedAt.push(second)
      world.runFor(1_000)
    }
    const pauses = askedAt.slice(1).map((at, i) => at - askedAt[i])
    expect(pauses.slice(0, 4)).toEqual([61, 121, 241, 301])
    answers.a = answers.b = OUTSIDE
    expect(give()).toEqual([undefined])
    addresses.refresh()
    const waiting = give()
    world.runFor(1_000)
    expect(waiting).toEqual([FOUND])
  })

  it('is asked for at once when links fail with it, and then at most once a minute, less and less', () => {
    const { world, give, answers, asked, addresses } = open()
    give()
    world.runFor(10 * MINUTE_MS)
    answers.a = answers.b = '203.0.113.10'
    addresses.doubt(FOUND)
    const waiting = give()
    expect(waiting).toEqual([])
    world.runFor(1_000)
    expect([waiting, asked.length]).toEqual([[{ ...FOUND, ip: '203.0.113.10' }], 4])
    const used = { ...FOUND, ip: '203.0.113.10' }
    for (let second = 0; second < 60 * 60; second += 10) {
      addresses.doubt(used)
      give()
      world.runFor(10_000)
    }
    // After 1, 2, 4 and then every 5 minutes.
    expect((asked.length - 4) / 2).toBeLessThanOrEqual(14)
    expect((asked.length - 4) / 2).toBeGreaterThan(10)
    addresses.confirm(used)
    addresses.doubt(used)
    world.runFor(MINUTE_MS)
    give()
    expect(asked.length % 2).toBe(0)
  })

  it('stays what it was when nobody answers any more', () => {
    const { world, give, answers, events } = open()
    give()
    world.runFor(61 * MINUTE_MS)
    answers.a = answers.b = undefined
    give()
    world.runFor(1_000)
    expect([give(), results(events)]).toEqual([[FOUND], ['found', 'failed']])
  })

  it('keeps a bounded number of interfaces', () => {
    const { world, give, asked } = open()
    for (let i = 0; i < 100; i++) {
      give(`10.0.0.${i}`)
      world.runFor(1_000_000)
    }
    expect(asked).toHaveLength(200)
    expect(give('10.0.0.99')).toHaveLength(1)
  })
})
