import { TimerWheel } from '../../src/core/memory/wheel.ts'
import type { Handler } from '../../src/core/ports.ts'
import { DIRECT_ONLY } from '../../src/core/settings.ts'
import { DirectDialer } from '../../src/core/telegram/direct.ts'
import { VirtualNetwork } from '../../sim/world/network.ts'
import { World } from '../../sim/world/world.ts'
import type { Arrivals } from './arrivals.ts'
import { spreadOf, type Spread } from './spread.ts'

const DC = { id: 2, ip: '149.154.167.51', port: 443 }
const TICK_MS = 50
/** After the last client: what was dialled ahead and not wanted is given up within this time. */
const REST_MS = 120_000
const QUIET: Handler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} }

export interface AheadResult {
  readonly clients: number
  readonly hits: number
  /** Connections dialled ahead that nobody took. */
  readonly wasted: number
  /** How long clients waited for their DC. */
  readonly waitedMs: Spread
}

/** Clients that come to one DC, `roundTripMs` away, with connections dialled ahead by `prewarm`. */
export function measureAhead(
  seed: number,
  options: { readonly arrivals: Arrivals; readonly prewarm: number | 'predict'; readonly roundTripMs: number },
): AheadResult {
  const world = new World(seed)
  const network = new VirtualNetwork(world)
  const latencyMs = options.roundTripMs / 2
  network.plan = () => ({ latencyMs, windowBytes: 65_536, segmentBytes: 65_536, isChoppy: false, stallMs: 0 })
  network.host(DC.ip).listen(DC.port, () => QUIET)
  const wheel = new TimerWheel(world.now)
  world.addTicker({ everyMs: TICK_MS, tick: () => wheel.advance(world.now), nextAt: () => wheel.nextAt() })
  const counts = { hit: 0, miss: 0, stale: 0, lost: 0, failed: 0 }
  const { prewarm } = options
  const dialer = new DirectDialer({
    network: network.host('10.0.0.1'),
    ...{ clock: world.clock, random: world.random('dialer'), wheel },
    emit: (event) => {
      if (event.kind === 'dial-ahead') counts[event.result]++
    },
    settings: () => ({
      ...{ ...DIRECT_ONLY, prefer: 'ipv4', connectTimeoutMs: 5_000, socks5: undefined, prewarm },
      dc: { [DC.id]: [{ ip: DC.ip, port: DC.port }] },
    }),
  })
  const waits: number[] = []
  const startedAt = world.now
  const arrivals = options.arrivals(world.random('arrivals'))
  for (const at of arrivals) world.at(startedAt + at, () => open())
  world.runFor((arrivals.at(-1) ?? 0) + REST_MS)
  dialer.close()
  return { clients: waits.length, hits: counts.hit, wasted: counts.stale + counts.lost, waitedMs: spreadOf(waits) }

  function open(): void {
    const since = world.now
    dialer.open(DC.id, {
      onOpen() {
        waits.push(world.now - since)
        return QUIET
      },
      onFail(why) {
        throw new Error(`a client did not get to its DC: ${why}`)
      },
    })
  }
}
