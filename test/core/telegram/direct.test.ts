import { describe, expect, it } from 'vitest'
import type { ProxyEvent } from '../../../src/core/events.ts'
import { TimerWheel } from '../../../src/core/memory/wheel.ts'
import type { Handler } from '../../../src/core/ports.ts'
import { DIRECT_ONLY, type TelegramSettings } from '../../../src/core/settings.ts'
import { DirectDialer } from '../../../src/core/telegram/direct.ts'
import { VirtualNetwork } from '../../../sim/world/network.ts'
import { World } from '../../../sim/world/world.ts'

const IPV4 = '149.154.167.51'
const SECOND_IPV4 = '95.161.76.100'
const IPV6 = '2001:67c:4e8:f002::a'
const QUIET: Handler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} }

function scene(changes: Partial<TelegramSettings> = {}) {
  const world = new World(1)
  const network = new VirtualNetwork(world)
  const host = network.host('10.0.0.1', 'fd00::1')
  for (const ip of [IPV4, SECOND_IPV4, IPV6]) network.host(ip).listen(443, () => QUIET)
  const dialled: string[] = []
  network.onDial = (_from, to) => dialled.push(to.ip)
  const wheel = new TimerWheel(world.now)
  world.addTicker({ everyMs: 50, tick: () => wheel.advance(world.now), nextAt: () => wheel.nextAt() })
  const events: ProxyEvent[] = []
  const dialer = new DirectDialer({
    network: host,
    clock: world.clock,
    random: world.random('dialer'),
    wheel,
    emit: (event) => events.push(event),
    settings: () => ({
      prefer: 'ipv4',
      connectTimeoutMs: 5_000,
      socks5: undefined,
      dc: {},
      ...DIRECT_ONLY,
      ...changes,
    }),
  })
  /** Opens and says what came of it: the address, or why not; with the virtual time it took. */
  const open = (dc = 2) => {
    const result: { what?: string; tookMs?: number; cancel?: () => void } = {}
    const startedAt = world.now
    const end = (what: string) => Object.assign(result, { what, tookMs: world.now - startedAt })
    const opening = dialer.open(dc, {
      onOpen(connection) {
        end(connection.remote.ip)
        return QUIET
      },
      onFail: end,
    })
    result.cancel = () => opening.cancel()
    return result
  }
  const down = (...ips: string[]) => ips.forEach((ip) => network.setReachability(ip, 'refusing'))
  const hang = (...ips: string[]) => ips.forEach((ip) => network.setReachability(ip, 'black-hole'))
  const up = (...ips: string[]) => ips.forEach((ip) => network.setReachability(ip, 'open'))
  return { world, dialled, events, open, down, hang, up, wheel }
}

describe('the way to a DC', () => {
  it('takes the preferred family first', () => {
    const four = scene()
    const first = four.open()
    four.world.runFor(1_000)
    expect(first.what).toBe(IPV4)
    const six = scene({ prefer: 'ipv6' })
    const second = six.open(-2)
    six.world.runFor(1_000)
    expect(second.what).toBe(IPV6)
    expect(six.dialled).toEqual([IPV6])
  })

  it('goes on at once where an address refuses', () => {
    const { world, open, down } = scene()
    down(IPV4)
    const result = open()
    world.runFor(1_000)
    expect(result).toMatchObject({ what: SECOND_IPV4, tookMs: 42 })
  })

  it('gives the next address its chance a quarter of a second after one that hangs, and leaves that alone', () => {
    const { world, open, hang, dialled, events } = scene()
    hang(IPV4, SECOND_IPV4)
    const result = open()
    world.runFor(1_000)
    expect(result.what).toBe(IPV6)
    expect(result.tookMs).toBeLessThan(2 * 300 + 50)
    expect(events.map((event) => event.kind === 'dial-failed' && event.address.ip)).toEqual([IPV4, SECOND_IPV4])
    const again = open()
    world.runFor(100)
    expect(again.what).toBe(IPV6)
    expect(dialled).toEqual([IPV4, SECOND_IPV4, IPV6, IPV6])
  })

  it('fails by its deadline when everything hangs, and then at once while the pause lasts', () => {
    const { world, open, hang, dialled } = scene()
    hang(IPV4, SECOND_IPV4, IPV6)
    const result = open()
    world.runFor(6_000)
    expect(result.what).toBe('dial-failed')
    expect(result.tookMs).toBeLessThanOrEqual(5_050)
    expect(open()).toMatchObject({ what: 'dial-failed', tookMs: 0 })
    expect(dialled).toHaveLength(3)
  })

  it('does not turn clients away while somebody is trying an address that failed before', () => {
    const { world, open, down, up, dialled } = scene()
    down(IPV4, SECOND_IPV4, IPV6)
    open()
    world.runFor(3_000)
    up(IPV4, SECOND_IPV4, IPV6)
    const results = Array.from({ length: 20 }, () => open())
    world.runFor(1_000)
    expect(results.filter(({ what }) => what === IPV4).length).toBeGreaterThan(15)
    expect(results.filter(({ what }) => what === undefined || what === 'dial-failed')).toEqual([])
    expect(dialled).toHaveLength(3 + 20)
  })

  it('makes few attempts at what is down, however many clients come', () => {
    const { world, open, down, dialled } = scene()
    down(IPV4, SECOND_IPV4, IPV6)
    for (let i = 0; i < 600; i++) {
      open()
      world.runFor(100)
    }
    // A minute: after pauses of 1, 2, 4, 8, 16 and 32 seconds at least, for three addresses.
    expect(dialled.length).toBeLessThanOrEqual(3 * 7)
    expect(dialled.length).toBeGreaterThan(3 * 4)
  })

  it('remembers the family that worked when none is preferred', () => {
    const { world, open, hang, dialled } = scene({ prefer: 'auto' })
    hang(IPV4, SECOND_IPV4)
    open()
    world.runFor(1_000)
    open()
    world.runFor(1_000)
    expect(dialled.slice(3)).toEqual([IPV6])
  })

  it('knows no other DCs than those of the table and of the configuration', () => {
    const own = { '77': [{ ip: IPV4, port: 443 }], '-2': [{ ip: IPV6, port: 443 }] }
    const { world, open, dialled } = scene({ dc: own })
    for (const dc of [0, 6, 9_999, 20_002, -32_768]) expect(open(dc)).toMatchObject({ what: 'unknown-dc' })
    open(77)
    open(-77)
    open(-2)
    world.runFor(1_000)
    expect(dialled).toEqual([IPV4, IPV4, IPV6])
  })

  it('leaves nothing behind when it is cancelled', () => {
    const { world, open, hang, wheel, events } = scene()
    hang(IPV4, SECOND_IPV4, IPV6)
    const result = open()
    world.runFor(300)
    result.cancel?.()
    world.runFor(10_000)
    expect([result.what, wheel.armed, events]).toEqual([undefined, 0, []])
  })
})
