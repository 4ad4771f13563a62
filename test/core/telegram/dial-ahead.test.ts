import { describe, expect, it } from 'vitest'
import type { ProxyEvent } from '../../../src/core/events.ts'
import { TimerWheel } from '../../../src/core/memory/wheel.ts'
import type { Connection, Handler } from '../../../src/core/ports.ts'
import { DIRECT_ONLY } from '../../../src/core/settings.ts'
import { DirectDialer } from '../../../src/core/telegram/direct.ts'
import { VirtualNetwork } from '../../../sim/world/network.ts'
import { World } from '../../../sim/world/world.ts'

const IPV4 = '149.154.167.51'
const SECOND_IPV4 = '95.161.76.100'
const QUIET: Handler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} }

function scene(prewarm: number | 'predict', latencyMs = 20) {
  const world = new World(1)
  const network = new VirtualNetwork(world)
  network.plan = () => ({ latencyMs, windowBytes: 65_536, segmentBytes: 65_536, isChoppy: false, stallMs: 0 })
  const host = network.host('10.0.0.1')
  const atDc: Connection[] = []
  for (const ip of [IPV4, SECOND_IPV4]) {
    network.host(ip).listen(443, (connection) => {
      atDc.push(connection)
      return QUIET
    })
  }
  let dials = 0
  network.onDial = () => dials++
  const wheel = new TimerWheel(world.now)
  world.addTicker({ everyMs: 50, tick: () => wheel.advance(world.now), nextAt: () => wheel.nextAt() })
  const events: ProxyEvent[] = []
  const dialer = new DirectDialer({
    ...{
      network: host,
      clock: world.clock,
      random: world.random('dialer'),
      wheel,
      emit: (event) => events.push(event),
    },
    settings: () => ({ ...DIRECT_ONLY, prefer: 'ipv4', connectTimeoutMs: 5_000, socks5: undefined, dc: {}, prewarm }),
  })
  const open = (dc = 2) => {
    const result: { connection?: Connection; tookMs?: number; why?: string } = {}
    const startedAt = world.now
    dialer.open(dc, {
      onOpen(connection) {
        Object.assign(result, { connection, tookMs: world.now - startedAt })
        return QUIET
      },
      onFail: (why) => (result.why = why),
    })
    return result
  }
  const results = () => events.flatMap((event) => (event.kind === 'dial-ahead' ? [event.result] : []))
  return { world, network, dialer, open, atDc, results, events, dials: () => dials }
}

describe('connections dialled ahead', () => {
  it('save a client the dial: none waits on a path of 40 ms once the DC is in use', () => {
    const { world, open, results } = scene(2)
    const first = open()
    world.runFor(2_000)
    expect(first.tookMs).toBe(41)
    for (let i = 0; i < 20; i++) {
      expect(open().tookMs).toBe(0)
      world.runFor(500)
    }
    expect(results().filter((result) => result === 'hit')).toHaveLength(20)
  })

  it('are handed out once each', () => {
    const { world, open, dialer } = scene(3)
    open()
    world.runFor(2_000)
    expect(dialer.ready).toBe(3)
    const taken = Array.from({ length: 3 }, () => open().connection)
    expect(new Set(taken).size).toBe(3)
    expect(dialer.ready).toBe(0)
  })

  it('are given up before a DC would, and when they end or break or speak while they wait', () => {
    const { world, open, atDc, dialer, results } = scene(1)
    open()
    world.runFor(2_000)
    atDc[1].end()
    world.runFor(100)
    expect([dialer.ready, results()]).toEqual([0, ['miss', 'lost']])
    world.runFor(2_000)
    atDc[2].reset()
    world.runFor(3_000)
    atDc[3].write(Uint8Array.of(1))
    world.runFor(3_000)
    expect(results()).toEqual(['miss', 'lost', 'lost', 'lost'])
    expect(dialer.ready).toBe(1)
    world.runFor(21_000)
    expect(results().at(-1)).toBe('stale')
  })

  it('end when nobody wants the DC any more, and with the dialer', () => {
    const { world, open, dialer, atDc } = scene(2)
    open()
    world.runFor(100_000)
    expect(dialer.ready).toBe(0)
    open()
    world.runFor(5_000)
    expect(dialer.ready).toBe(2)
    let ended = 0
    for (const connection of atDc) connection.handler = { ...QUIET, onEnd: () => ended++ }
    dialer.close()
    world.runFor(1_000)
    expect([dialer.ready, ended]).toEqual([0, 2])
  })

  it('are as many as the demand of late asks for, within a bound', () => {
    const { world, open, dialer } = scene('predict')
    open()
    world.runFor(3_000)
    expect(dialer.ready).toBe(1)
    for (let i = 0; i < 400; i++) {
      open()
      world.runFor(50)
    }
    expect(dialer.ready).toBeGreaterThan(4)
    expect(dialer.ready).toBeLessThanOrEqual(8)
  })

  it('keep up with 50 clients a second, more than a dial at a time could', () => {
    const { world, open, results } = scene('predict')
    for (let i = 0; i < 1_500; i++) {
      open()
      world.runFor(20)
    }
    const late = results().slice(-1_000)
    expect(late.filter((result) => result === 'hit').length).toBeGreaterThan(990)
  })

  it('are asked for by few dials at a time when a DC goes out of reach', () => {
    const { world, network, open, dialer, dials } = scene(8)
    open()
    world.runFor(5_000)
    expect(dialer.ready).toBe(8)
    for (const ip of [IPV4, SECOND_IPV4]) network.setReachability(ip, 'black-hole')
    const before = dials()
    for (let i = 0; i < 8; i++) open()
    world.runFor(4_000)
    expect(dials() - before).toBe(4)
  })

  it('keep the pauses of an endpoint that fails', () => {
    const { world, network, open, dials, dialer } = scene(4)
    for (const ip of [IPV4, SECOND_IPV4]) network.setReachability(ip, 'refusing')
    for (let i = 0; i < 30; i++) {
      open()
      world.runFor(1_000)
    }
    expect(dialer.ready).toBe(0)
    expect(dials()).toBeLessThanOrEqual(3 * 6)
  })

  it('are none where that is off', () => {
    const { world, open, dials, results } = scene(0)
    open()
    world.runFor(5_000)
    expect([dials(), results()]).toEqual([1, []])
  })
})
