import { describe, expect, it } from 'vitest'
import { concat, fromAscii } from '../../../src/core/protocol/bytes.ts'
import type { AccessLevel } from '../../../src/core/guard/access/index.ts'
import type { AccessSettings } from '../../../src/core/settings.ts'
import { BALANCER_IP, helloOf, initOf, scene, settingsWith, type Scene, type SceneOptions } from './scene.ts'

const DENIED = { deny: ['203.0.113.0/24', '2001:db8::/32'] }

/** Both ways of beginning, each with the right secret. */
const OPENINGS: readonly [name: string, make: (of: Scene) => Uint8Array][] = [
  ['a hello', (of) => helloOf(of)],
  ['an init', (of) => initOf(of).wire],
]

function visit(of: Scene, bytes: Uint8Array, from?: string) {
  const before = of.sites.length
  const peer = of.dial(bytes, from)
  of.world.runFor(3_000)
  return { peer, atSite: of.sites.slice(before).map((site) => [...site.received]) }
}

describe.each(OPENINGS)('access, of a client that begins with %s', (_name, make) => {
  it.each(['203.0.113.7', '2001:db8::7'])('sends %s to the mask site, every byte and without a trial', (from) => {
    const of = scene({ access: DENIED })
    const bytes = make(of)
    expect(visit(of, bytes, from).atSite).toEqual([[...bytes]])
    expect(of.events).toMatchObject([
      { kind: 'accepted' },
      { kind: 'judged', level: 'none', refusal: undefined },
      { kind: 'greeted' },
      { kind: 'rejected', reason: 'access', trials: 0 },
    ])
    expect(of.dcs).toEqual([])
  })

  it.each(['198.51.100.7', '2001:db9::7'])('lets %s in, whom no rule shuts out', (from) => {
    const of = scene({ access: DENIED })
    expect(visit(of, make(of), from).atSite).toEqual([])
    expect(of.reasons('rejected')).toEqual([])
  })

  it.each([
    ['PROXY TCP4 203.0.113.7 10.0.0.1 1000 443\r\n', ['access']],
    ['PROXY TCP6 2001:db8::7 fd00::1 1000 443\r\n', ['access']],
    ['PROXY TCP4 198.51.100.7 10.0.0.1 1000 443\r\n', []],
  ])('goes by the address that a trusted balancer names: %j', (header, rejected) => {
    // The balancer's own address may not come in, which says nothing about whom it brings.
    const access = { deny: [...DENIED.deny, BALANCER_IP] }
    const of = scene({ access, listen: { proxyProtocol: 'required' } })
    visit(of, concat(fromAscii(header), make(of)), BALANCER_IP)
    expect(of.reasons('rejected')).toEqual(rejected)
  })

  it('sends a user of level none to the mask site, and spends no place of the replay ring on it', () => {
    const of = scene({ secret: { access: 'none' } })
    const bytes = make(of)
    expect(visit(of, bytes).atSite).toEqual([[...bytes]])
    expect(of.reasons('rejected')).toEqual(['access'])
    of.proxy.apply(settingsWith())
    visit(of, bytes)
    expect(of.reasons('rejected')).toEqual(['access'])
  })

  it('looks to the client like any other reject', () => {
    const silent = (options: SceneOptions, from: string) => {
      const of = scene({ ...options, onSite: (site) => site.send(Uint8Array.of(1, 2, 3)) })
      const { peer } = visit(of, make(of), from)
      return { received: [...peer.received], events: peer.events, atMs: of.world.now }
    }
    // The same opening, from an address that may not come in, and to a proxy that has another secret.
    const denied = silent({ access: DENIED }, '203.0.113.7')
    expect(denied).toEqual(silent({ secrets: [{ ...settingsWith().secrets[0], id: 2 }] }, '203.0.113.7'))
    expect(denied.received).toEqual([1, 2, 3])
  })

  it('changes with a reload, for those who come behind it', () => {
    const of = scene()
    visit(of, make(of), '203.0.113.7')
    expect(of.reasons('rejected')).toEqual([])
    of.proxy.apply(settingsWith({ access: DENIED }))
    visit(of, make(of), '203.0.113.7')
    expect(of.reasons('rejected')).toEqual(['access'])
    // Whoever is in stays in.
    expect(of.proxy.open).toBe(2)
    of.proxy.apply(settingsWith({ access: { allow: ['203.0.113.7'] } }))
    visit(of, make(of), '203.0.113.7')
    visit(of, make(of), '203.0.113.8')
    expect(of.reasons('rejected')).toEqual(['access', 'access'])
  })

  it.each<[AccessSettings['default'], AccessLevel, AccessLevel]>([
    ['full', 'standard', 'standard'],
    ['full', 'full', 'full'],
    ['limited', 'full', 'limited'],
    ['standard', 'limited', 'limited'],
  ])('an address of level %s and a user of level %s make %s', (address, user, both) => {
    const of = scene({ access: { default: address }, secret: { access: user } })
    visit(of, make(of))
    expect([...of.proxy.inspect()].map(({ level }) => level)).toEqual([both])
  })
})

describe('access', () => {
  it('has an address of level none wait as long as others do when it says too little', () => {
    const silence = (access: Partial<AccessSettings>) => {
      const of = scene({ access })
      of.dial(Uint8Array.of(1, 2, 3), '203.0.113.7')
      of.until('rejected')
      return [of.world.now, ...of.reasons('rejected')]
    }
    expect(silence(DENIED)).toEqual(silence({}))
  })
})
