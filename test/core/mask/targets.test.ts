import { describe, expect, it } from 'vitest'
import type { ProxyEvent } from '../../../src/core/events.ts'
import { MaskTargets } from '../../../src/core/mask/targets.ts'
import { TimerWheel } from '../../../src/core/memory/wheel.ts'
import { NameCache } from '../../../src/core/names.ts'
import type { Address, Resolver } from '../../../src/core/ports.ts'
import type { SecretSettings } from '../../../src/core/settings.ts'
import { VirtualNetwork } from '../../../sim/world/network.ts'
import { World } from '../../../sim/world/world.ts'

const MINUTE_MS = 60_000
/** The resolver's time and a tick. */
const SOON_MS = 100
const FIRST = 'www.example.com'
const SECOND = 'cdn.example.org'

interface SceneOptions {
  readonly host?: string
  readonly port?: number
  readonly domains?: readonly string[]
  readonly listening?: readonly Address[]
}

function scene({ host = '', port = 443, domains = [FIRST, SECOND], listening = [] }: SceneOptions = {}) {
  const world = new World(1)
  const network = new VirtualNetwork(world)
  network.setName(FIRST, ['203.0.113.1'])
  network.setName(SECOND, ['203.0.113.2'])
  const machine = network.host('198.51.100.1', '2001:db8::1')
  const asked: string[] = []
  const resolver: Resolver = {
    query: (name, reply) => {
      asked.push(name)
      machine.query(name, reply)
    },
  }
  const wheel = new TimerWheel(world.now)
  world.addTicker({ everyMs: 50, tick: () => wheel.advance(world.now), nextAt: () => wheel.nextAt() })
  const refused: string[] = []
  const emit = (event: ProxyEvent) => {
    if (event.kind === 'mask-refused') refused.push(`${event.host} ${event.ip} ${event.why}`)
  }
  const current = { host, domains }
  const settings = () => ({
    mask: { host: current.host, port, skewSec: 120, maxBytes: 1 << 20, maxTimeMs: 60_000 },
    secrets: current.domains.map(secretOf),
    dns: { staleMs: 60 * MINUTE_MS },
  })
  const names = new NameCache({ resolver, clock: world.clock, wheel, emit, settings })
  const targets = new MaskTargets({ network: machine, names, emit, settings, listening: () => listening })
  targets.refresh()
  world.runFor(SOON_MS)
  return { world, network, wheel, names, targets, asked, refused, current }
}

function secretOf(domain: string, index: number): SecretSettings {
  return {
    id: index + 1,
    name: `s${index}`,
    modes: ['fake-tls'],
    domain,
    onRemove: 'drain',
    access: 'standard',
    expiresAt: 0,
  }
}

describe('the mask host of a connection', () => {
  it('is the configured one, whatever the client named', () => {
    for (const host of ['192.0.2.8', '127.0.0.1', '10.1.2.3', '::1', '2001:db8::8']) {
      const { targets, asked } = scene({ host, port: 8443 })
      for (const sni of [undefined, FIRST, 'elsewhere.example'])
        expect(targets.targetFor(sni)).toEqual({ ip: host, port: 8443 })
      expect(asked).toEqual([])
    }
    const { targets, asked } = scene({ host: SECOND })
    expect(targets.targetFor(FIRST)).toEqual({ ip: '203.0.113.2', port: 443 })
    expect(asked).toEqual([SECOND])
  })

  it('is the named one if it is ours, else the first secret that has one', () => {
    const { targets } = scene({ domains: ['', FIRST, SECOND] })
    expect(targets.targetFor(SECOND)?.ip).toBe('203.0.113.2')
    for (const sni of [undefined, '', FIRST, 'elsewhere.example', `x.${SECOND}`])
      expect(targets.targetFor(sni)?.ip).toBe('203.0.113.1')
  })

  it('is nobody where no secret has a domain, or before its name is known', () => {
    for (const domains of [[], ['', '']]) expect(scene({ domains }).targets.targetFor(FIRST)).toBeUndefined()
    const { targets } = scene({ domains: ['unknown.example', FIRST] })
    expect(targets.targetFor(undefined)).toBeUndefined()
  })
})

describe('names of mask hosts', () => {
  it('lead where the last answer says, and nowhere once it is given up', () => {
    const { world, network, targets } = scene({ domains: [FIRST] })
    network.setName(FIRST, ['203.0.113.9'])
    world.runFor(5 * MINUTE_MS)
    expect(targets.targetFor(FIRST)?.ip).toBe('203.0.113.9')
    network.isResolverFailing = true
    world.runFor(60 * MINUTE_MS)
    expect(targets.targetFor(FIRST)?.ip).toBe('203.0.113.9')
    world.runFor(6 * MINUTE_MS)
    expect(targets.targetFor(FIRST)).toBeUndefined()
  })

  it('are dropped by a reload that names them no more, late answers too', () => {
    const { world, targets, current, asked } = scene()
    current.domains = [SECOND]
    targets.refresh()
    current.domains = [SECOND, FIRST]
    expect([targets.addressOf(FIRST), targets.addressOf(SECOND)?.ip]).toEqual([undefined, '203.0.113.2'])
    targets.refresh()
    expect(targets.addressOf(FIRST)?.ip).toBe('203.0.113.1')
    current.domains = [SECOND]
    targets.refresh()
    world.runFor(SOON_MS)
    expect(targets.addressOf(FIRST)).toBeUndefined()
    const before = asked.length
    world.runFor(5 * MINUTE_MS)
    expect(asked.slice(before)).toEqual([SECOND])
  })

  it('are left alone once it is closed', () => {
    const { world, names, targets, wheel, asked, network } = scene({ domains: [FIRST] })
    network.setName(FIRST, ['10.0.0.1'])
    names.close()
    targets.refresh()
    world.runFor(60 * MINUTE_MS)
    expect([asked.length, wheel.armed, targets.addressOf(FIRST)?.ip]).toEqual([1, 0, '203.0.113.1'])
  })
})

describe('addresses a mask host must not have', () => {
  it.each([
    ['10.0.0.5', 'private'],
    ['127.0.0.1', 'ourselves'],
    ['192.168.7.7', 'private'],
    ['169.254.169.254', 'private'],
    ['::1', 'ourselves'],
    ['fe80::1', 'private'],
    ['::ffff:10.0.0.5', 'private'],
    ['64:ff9b::a00:5', 'private'],
    ['no address', 'private'],
    ['198.51.100.1', 'ourselves'],
    ['::ffff:198.51.100.1', 'ourselves'],
    ['2001:db8::1', 'ourselves'],
    ['2001:db8:0:0::1', 'ourselves'],
  ])('are refused of a name, and told once: %s is %s', (ip, why) => {
    const listening = [
      { ip: '0.0.0.0', port: 443 },
      { ip: '::', port: 443 },
    ]
    const { world, network, targets, refused } = scene({ domains: [FIRST], listening })
    expect(targets.targetFor(FIRST)?.ip).toBe('203.0.113.1')
    network.setName(FIRST, [ip])
    world.runFor(60 * MINUTE_MS)
    expect(targets.targetFor(FIRST)).toBeUndefined()
    expect(refused).toEqual([`${FIRST} ${ip} ${why}`])
    network.setName(FIRST, ['203.0.113.1'])
    world.runFor(5 * MINUTE_MS)
    network.setName(FIRST, [ip])
    world.runFor(60 * MINUTE_MS)
    expect(refused).toHaveLength(2)
  })

  it('are passed over where the name has a good one as well', () => {
    const { world, network, targets, refused } = scene({ domains: [FIRST] })
    network.setName(FIRST, ['10.0.0.5', '203.0.113.4', '203.0.113.5'])
    world.runFor(6 * MINUTE_MS)
    expect([targets.targetFor(FIRST)?.ip, refused]).toEqual(['203.0.113.4', []])
  })

  it.each([
    ['127.0.0.1', '0.0.0.0'],
    ['127.5.5.5', '0.0.0.0'],
    ['198.51.100.1', '0.0.0.0'],
    ['198.51.100.1', '198.51.100.1'],
    ['::1', '::'],
    ['0:0:0:0:0:0:0:1', '::'],
    ['::ffff:127.0.0.1', '0.0.0.0'],
    ['0.0.0.0', '127.0.0.1'],
  ])('are our own even as a literal, and told once: %s while we listen on %s', (host, ip) => {
    const { world, targets, refused } = scene({ host, listening: [{ ip, port: 443 }] })
    world.runFor(60 * MINUTE_MS)
    expect(targets.targetFor(undefined)).toBeUndefined()
    expect(refused).toEqual([`${host} ${host} ourselves`])
    const elsewhere = scene({ host, listening: [{ ip, port: 8443 }] })
    expect(elsewhere.targets.targetFor(undefined)?.port).toBe(443)
    expect(elsewhere.refused).toEqual([])
  })
})
