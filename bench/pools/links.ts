import { BufferPool } from '../../src/core/memory/pool.ts'
import { TimerWheel } from '../../src/core/memory/wheel.ts'
import { readProxySecret } from '../../src/core/protocol/rpc/index.ts'
import { DIRECT_ONLY } from '../../src/core/settings.ts'
import { Backoff } from '../../src/core/telegram/backoff.ts'
import { PublicAddresses } from '../../src/core/telegram/middle/public-address.ts'
import { Fleet } from '../../src/core/telegram/middle/fleet.ts'
import type { LinkClient, LinkSlot } from '../../src/core/telegram/middle/link.ts'
import { SimulatedDc } from '../../sim/telegram/dc.ts'
import { SimulatedMiddleProxy } from '../../sim/telegram/middle-proxy.ts'
import { VirtualNetwork } from '../../sim/world/network.ts'
import { World } from '../../sim/world/world.ts'
import { PROXY_SECRET } from '../load/proxy-secret.ts'
import type { Arrivals } from './arrivals.ts'
import { spreadOf, type Spread } from './spread.ts'

const DC = 2
const TARGET = { ip: '10.0.0.7', port: 8888 }
const TICK_MS = 50
const SETTLE_MS = 5_000
const IDLE_CLIENT: LinkClient = {
  ...{ onAnswer() {}, onQuickAck() {}, onAnswersEnd() {}, onTurn() {}, onCloseExt() {} },
  onLinkLost() {
    throw new Error('a link ended')
  },
}

export interface LinksResult {
  readonly clients: number
  readonly links: number
  readonly fewest: number
  readonly most: number
  /** How long clients waited for their place. */
  readonly waitedMs: Spread
}

/** Clients of one DC that come, stay and say nothing, on links to a middle proxy `roundTripMs` away, with the settings' defaults. */
export function measureLinks(
  seed: number,
  { arrivals, roundTripMs }: { readonly arrivals: Arrivals; readonly roundTripMs: number },
): LinksResult {
  const world = new World(seed)
  const { clock, after } = world
  const network = new VirtualNetwork(world)
  const latencyMs = roundTripMs / 2
  network.plan = () => ({ latencyMs, windowBytes: 65_536, segmentBytes: 65_536, isChoppy: false, stallMs: 0 })
  const secret = readProxySecret(PROXY_SECRET)
  if ('fault' in secret) throw new Error(secret.fault)
  const backend = new SimulatedDc({ clock, random: world.random('dc') })
  const middle = new SimulatedMiddleProxy({ clock, random: world.random('middle'), after, secret, dc: DC, backend })
  network.host(TARGET.ip).listen(TARGET.port, middle.accept)
  const wheel = new TimerWheel(world.now)
  world.addTicker({ everyMs: TICK_MS, tick: () => wheel.advance(world.now), nextAt: () => wheel.nextAt() })
  const random = world.random('fleet')
  const middleSettings = () => ({ ...DIRECT_ONLY.middle, nat: '10.0.0.1' })
  const addresses = new PublicAddresses({ port: undefined, clock, emit: () => {}, settings: middleSettings })
  const fleet = new Fleet(DC, {
    network: network.host('10.0.0.1'),
    ...{ clock, random, wheel, pool: new BufferPool({ ceilingBytes: 64 << 20 }), emit: () => {} },
    ...{ run: { pid: 1, startedSec: clock.wall() }, backoff: new Backoff(random) },
    settings: () => DIRECT_ONLY.middle,
    connectTimeoutMs: () => 5_000,
    ...{ targets: () => [TARGET], secret: () => secret, addresses },
  })
  const slots: LinkSlot[] = []
  const waits: number[] = []
  const attach = () =>
    fleet.attach(IDLE_CLIENT, {
      onAttached: (slot, waitedMs) => {
        slots.push(slot)
        waits.push(waitedMs)
      },
      onFail: () => {
        throw new Error('a client got no place')
      },
    })
  const startedAt = world.now
  const times = arrivals(world.random('arrivals'))
  for (const at of times) world.at(startedAt + at, attach)
  world.runFor((times.at(-1) ?? 0) + SETTLE_MS)
  const counts = [...new Set(slots.map(({ link }) => link))].map(({ clients }) => clients)
  return {
    ...{ clients: fleet.clients, links: fleet.links },
    ...{ fewest: Math.min(...counts), most: Math.max(...counts), waitedMs: spreadOf(waits) },
  }
}
