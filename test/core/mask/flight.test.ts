import { describe, expect, it } from 'vitest'
import type { ProxyEvent } from '../../../src/core/events.ts'
import { FlightLearner } from '../../../src/core/mask/flight.ts'
import { MaskTargets } from '../../../src/core/mask/targets.ts'
import { TimerWheel } from '../../../src/core/memory/wheel.ts'
import { NameCache } from '../../../src/core/names.ts'
import type { Connection, Handler } from '../../../src/core/ports.ts'
import { fromAscii } from '../../../src/core/protocol/bytes.ts'
import type { Settings } from '../../../src/core/settings.ts'
import { MaskSite, type MaskSiteOptions } from '../../../sim/telegram/mask-site.ts'
import { VirtualNetwork } from '../../../sim/world/network.ts'
import { VirtualStore } from '../../../sim/world/store.ts'
import { World } from '../../../sim/world/world.ts'
import { settingsWith } from '../session/scene.ts'

const DOMAIN = 'www.example.com'
const SITE = '203.0.113.1'
const HOUR_MS = 3_600_000
const USUAL = [0x33, 0x2b]

class Site implements Handler {
  readonly events: string[] = []
  receivedBytes = 0
  readonly connection: Connection
  constructor(connection: Connection, answer: Uint8Array, ends = false) {
    this.connection = connection
    let at = 0
    const send = () => {
      while (at < answer.length) {
        const taken = connection.write(answer.subarray(at))
        at += taken
        if (taken === 0) return
      }
      if (ends) connection.end()
    }
    this.onDrain = send
    send()
  }
  onDrain: () => void
  onData(chunk: Uint8Array): void {
    this.receivedBytes += chunk.length
  }
  onEnd(): void {
    this.events.push('end')
    this.connection.end()
  }
  onClose(kind: string): void {
    this.events.push(kind)
  }
}

function scene(accept?: (connection: Connection) => Handler, changes: Partial<Settings> = {}) {
  const world = new World(1)
  const network = new VirtualNetwork(world)
  const store = new VirtualStore(world)
  const machine = network.host('198.51.100.1')
  const looks: number[] = []
  network.onDial = () => looks.push(world.now)
  network.setName(DOMAIN, [SITE])
  if (accept !== undefined) network.host(SITE).listen(443, accept)
  const current = { settings: settingsWith({ mask: { host: '' }, ...changes }) }
  const events: string[] = []
  const emit = (event: ProxyEvent) => {
    if (event.kind === 'mask-learnt') events.push(`${event.domain} ${event.flightBytes}`)
    if (event.kind === 'mask-unreachable') events.push(`${event.domain} ${event.why}`)
  }
  const start = () => {
    const wheel = new TimerWheel(world.now)
    const ticker = { everyMs: 50, tick: () => wheel.advance(world.now), nextAt: () => wheel.nextAt() }
    world.addTicker(ticker)
    const settings = () => current.settings
    const names = new NameCache({ resolver: machine, clock: world.clock, wheel, emit, settings })
    const targets = new MaskTargets({ network: machine, names, emit, settings, listening: () => [] })
    const ports = { network: machine, clock: world.clock, random: world.random('learner'), store }
    const learner = new FlightLearner({ ...ports, wheel, emit, settings, targets })
    targets.refresh()
    learner.refresh()
    const stop = () => {
      learner.close()
      names.close()
      world.removeTicker(ticker)
    }
    return { learner, names, targets, wheel, stop }
  }
  return { world, network, store, looks, events, current, start, ...start() }
}

const withSite = (options: Partial<MaskSiteOptions> = {}) => scene(new MaskSite({ name: DOMAIN, ...options }).accept)

describe('the learnt flight', () => {
  it.each([
    [{}, { cipherSuite: 0x1302, extensionOrder: [0x2b, 0x33], recordBytes: 42 + 2790 + 281 + 69 + 15 }],
    [
      { cipherSuite: 0x1303, flightBytes: [4000] },
      { cipherSuite: 0x1303, recordBytes: 4000 },
    ],
    [
      { cipherSuite: 0x1301, extensionOrder: USUAL },
      { cipherSuite: 0x1301, extensionOrder: USUAL },
    ],
    [{ flightBytes: [30, 29] }, { recordBytes: 64 }],
    [{ flightBytes: [30, 30] }, { recordBytes: 65 }],
    [{ flightBytes: [63] }, { recordBytes: 64 }],
    [{ flightBytes: [1] }, { recordBytes: 64 }],
    [{ flightBytes: [10_239] }, { recordBytes: 10_239 }],
    [{ flightBytes: [10_240] }, { recordBytes: 10_240 }],
    [{ flightBytes: [10_241] }, { recordBytes: 10_240 }],
    [{ flightBytes: [16_000, 16_000] }, { recordBytes: 10_240 }],
  ] satisfies [Partial<MaskSiteOptions>, object][])(
    'copies cipher, order and size as a passer-by sees them: %j',
    (site, shape) => {
      const { world, learner, events } = withSite(site)
      world.runFor(10_000)
      expect(learner.shapeFor(DOMAIN)).toMatchObject(shape)
      expect(events).toEqual([`${DOMAIN} ${learner.shapeFor(DOMAIN).recordBytes}`])
    },
  )

  it('takes no longer than a second of resolving, and the silence behind the flight', () => {
    const { world, learner, events } = withSite()
    world.runFor(1_300)
    expect(events).toEqual([])
    world.runFor(100)
    expect([events.length, learner.shapeFor(DOMAIN).cipherSuite]).toEqual([1, 0x1302])
  })

  it('is kept over restarts, also while the site is out of reach', () => {
    const { world, network, learner, start, stop, looks } = withSite({ cipherSuite: 0x1303, extensionOrder: USUAL })
    world.runFor(10_000)
    const shape = learner.shapeFor(DOMAIN)
    stop()
    network.setReachability(SITE, 'black-hole')
    const again = start()
    world.runFor(100)
    expect(again.learner.shapeFor(DOMAIN)).toEqual(shape)
    world.runFor(10 * HOUR_MS)
    expect(again.learner.shapeFor(DOMAIN)).toEqual(shape)
    expect(looks.length).toBeGreaterThan(1)
  })

  it('does not come from a store that fails, or holds what we never wrote', () => {
    for (const value of [[], [0x13, 2, 0, 63, 0, 0x33], [0x13, 2, 0x28, 1, 0, 0x33], [1, 2, 3, 4, 5, 6, 7]]) {
      const { world, learner, start, stop, store } = scene()
      const fallback = learner.shapeFor(DOMAIN)
      stop()
      store.put(`flight/${DOMAIN}`, Uint8Array.from(value))
      world.runFor(10)
      const again = start()
      world.runFor(100)
      expect(again.learner.shapeFor(DOMAIN)).toEqual(fallback)
    }
  })

  it('is learnt again once a day, and replaces the old one', () => {
    const site = new MaskSite({ name: DOMAIN, flightBytes: [3000] })
    const { world, network, learner, looks } = scene((connection) => site.accept(connection))
    world.runFor(10_000)
    const other = new MaskSite({ name: DOMAIN, flightBytes: [5000] })
    network.host(SITE).unlisten(443)
    network.host(SITE).listen(443, other.accept)
    world.runFor(24 * HOUR_MS - 20_000)
    expect([looks.length, learner.shapeFor(DOMAIN).recordBytes]).toEqual([1, 3000])
    world.runFor(6 * HOUR_MS + 20_000)
    expect([looks.length, learner.shapeFor(DOMAIN).recordBytes]).toEqual([2, 5000])
    world.runFor(10 * 30 * HOUR_MS)
    expect(looks.length).toBeGreaterThanOrEqual(2 + 10)
    expect(looks.length).toBeLessThanOrEqual(2 + 13)
  })
})

describe('the flight of a site that shows none', () => {
  const sites: Record<string, { accept?: (connection: Connection) => Handler; why: string; tookMs: [number, number] }> =
    {
      'is out of reach': { why: 'refused', tookMs: [0, 200] },
      'never answers': { accept: (it) => new Site(it, new Uint8Array(0)), why: 'no answer', tookMs: [5_000, 5_100] },
      'ends at once': { accept: (it) => new Site(it, new Uint8Array(0), true), why: 'ended', tookMs: [0, 200] },
      'speaks another protocol': {
        accept: (it) => new Site(it, fromAscii('SSH-2.0-OpenSSH_9.6\r\n')),
        why: 'no TLS server',
        tookMs: [0, 500],
      },
      'sends an alert': {
        accept: (it) => new Site(it, Uint8Array.of(0x15, 3, 3, 0, 2, 2, 40), true),
        why: 'no TLS server',
        tookMs: [0, 500],
      },
      'answers half': {
        accept: (it) => new Site(it, Uint8Array.of(0x16, 3, 3, 1, 0, 2)),
        why: 'no answer',
        tookMs: [300, 500],
      },
      'never stops': {
        accept: (it) => new Site(it, concatRecord(new Uint8Array(200_000))),
        why: 'no TLS server',
        tookMs: [0, 500],
      },
      'has far too much to say': {
        accept: new MaskSite({ name: DOMAIN, flightBytes: new Array<number>(20).fill(16_000) }).accept,
        why: 'half an answer',
        tookMs: [0, 200],
      },
      'has no TLS 1.3': {
        accept: new MaskSite({ name: DOMAIN, extensionOrder: [0x33] }).accept,
        why: 'its answer can not be imitated',
        tookMs: [0, 500],
      },
      'says nothing encrypted': {
        accept: new MaskSite({ name: DOMAIN, flightBytes: [] }).accept,
        why: 'half an answer',
        tookMs: [0, 500],
      },
    }

  it.each(Object.entries(sites))('%s: is a usual one, the same over restarts', (_name, { accept, why, tookMs }) => {
    const { world, learner, events, looks, network, start } = scene(accept)
    const usual = learner.shapeFor(DOMAIN)
    expect(usual).toMatchObject({ cipherSuite: undefined, extensionOrder: USUAL })
    expect(usual.recordBytes).toBeGreaterThanOrEqual(2500)
    expect(usual.recordBytes).toBeLessThan(2500 + 1120)
    world.until(() => events.length > 0, 60_000)
    expect(events).toEqual([`${DOMAIN} ${why}`])
    expect(world.now - looks[0]).toBeGreaterThanOrEqual(tookMs[0])
    expect(world.now - looks[0]).toBeLessThanOrEqual(tookMs[1])
    expect(learner.shapeFor(DOMAIN)).toEqual(usual)
    expect(start().learner.shapeFor(DOMAIN)).toEqual(usual)
    world.runFor(1_000)
    expect([...network.connections].filter(({ local }) => local.ip === '198.51.100.1')).toEqual([])
  })

  it('is asked for after a minute, then less often, and every hour in the end', () => {
    const { world, looks } = scene()
    world.runFor(24 * HOUR_MS)
    const pauses = looks.slice(1).map((at, index) => at - looks[index])
    for (const [index, pause] of pauses.entries()) {
      const wanted = Math.min(60_000 << Math.min(index, 6), HOUR_MS)
      expect(pause).toBeGreaterThanOrEqual(wanted)
      expect(pause).toBeLessThanOrEqual(1.25 * wanted + 200)
    }
    expect(looks.length).toBeGreaterThan(20)
  })

  it('does not outlast its time where a site trickles', () => {
    const { world, events, looks } = scene((connection) => {
      const trickle = () => {
        connection.write(Uint8Array.of(1))
        if (events.length === 0) world.after(100, trickle)
      }
      const site = new Site(connection, Uint8Array.of(0x16, 3, 3, 0x20, 0))
      trickle()
      return site
    })
    world.until(() => events.length > 0, 60_000)
    expect([world.now - looks[0] >= 5_000, world.now - looks[0] <= 5_100, events]).toEqual([
      true,
      true,
      [`${DOMAIN} no answer`],
    ])
  })

  it('is not looked for at a host without an address', () => {
    const { world, network, events, looks } = scene()
    network.setName(DOMAIN, ['10.0.0.5'])
    world.runFor(5 * 60_000)
    expect([looks, new Set(events)]).toEqual([[], new Set([`${DOMAIN} no address`])])
  })
})

describe('domains', () => {
  it('come and go with the settings, a look under way with them', () => {
    const { world, network, current, learner, names, targets, wheel, looks, events } = withSite()
    network.setName('cdn.example.org', [SITE])
    world.until(() => looks.length === 1, 10_000)
    current.settings = settingsWith({ mask: { host: '' }, domain: 'cdn.example.org' })
    targets.refresh()
    learner.refresh()
    world.runFor(10_000)
    expect(events).toEqual(['cdn.example.org 3197'])
    expect(learner.shapeFor(DOMAIN).cipherSuite).toBeUndefined()
    learner.close()
    names.close()
    expect(wheel.armed).toBe(0)
  })

  it('are looked at where the mask host is, if one is configured', () => {
    const { world, looks, network, events } = scene(undefined, { ...settingsWith({ mask: { host: '203.0.113.9' } }) })
    network.host('203.0.113.9').listen(443, new MaskSite({ name: DOMAIN }).accept)
    world.runFor(10_000)
    expect([looks.length, events]).toEqual([1, [`${DOMAIN} 3197`]])
  })
})

/** A hello's head, then far too much behind it. */
function concatRecord(body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(body.length + 5)
  bytes.set([0x16, 3, 3, 0x20, 0])
  bytes.set(body, 5)
  return bytes
}
