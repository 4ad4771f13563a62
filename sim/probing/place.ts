import { assert } from '../../src/core/assert.ts'
import type { Address, Dialing } from '../../src/core/ports.ts'
import { Proxy } from '../../src/core/proxy.ts'
import type { Settings } from '../../src/core/settings.ts'
import { MemoryVault } from '../../src/vault/memory.ts'
import { MaskSite } from '../telegram/mask-site.ts'
import type { HostNetwork } from '../world/host.ts'
import { VirtualNetwork } from '../world/network.ts'
import { VirtualSharedMemory, VirtualStore } from '../world/store.ts'
import { World } from '../world/world.ts'
import { Front } from './front.ts'

/** Whom a censor connects to. */
export type Whom = 'proxy' | 'site' | 'bare-site'

const PROXY: Address = { ip: '10.0.0.1', port: 443 }
const FRONT: Address = { ip: '10.0.0.2', port: 443 }
/** A name must not lead to a private address. */
const SITE: Address = { ip: '93.184.216.34', port: 443 }
const EVERYBODY = '198.18.0.1'
const TICK_MS = 50
/** Long enough for names to be resolved and the mask host to be looked at. */
const SETTLE_MS = 5_000
const EVENTS_MAX = 2_000_000_000
const TTL_SEC = 300
/** One way, ms: the censor is anywhere, the site is near the proxy, or near its own front. */
const LATENCY_MS = { near: { least: 2, most: 8 }, far: { least: 10, most: 90 } } as const
const LINE = { windowBytes: 131_072, segmentBytes: 65_536, isChoppy: false, stallMs: 0 }

/**
 * The proxy and the site it hides behind, in virtual time, both behind lines with the same latencies. Beside the proxy stands
 * the site with a front that adds the same hop: what a hop costs shows in any proxy that ends TCP (security.md, P20), and
 * must not hide what ours would add to it. The bare site has no front.
 */
export class Place {
  readonly world: World
  readonly #crowd: HostNetwork
  #port = 1_024

  constructor(seed: number, settings: Settings, keys: readonly Uint8Array[]) {
    const world = new World(seed, { eventsMax: EVENTS_MAX, isTraced: false })
    const network = new VirtualNetwork(world)
    const links = world.random('links')
    network.plan = (from, to) => {
      const isNear = to.ip === SITE.ip && [PROXY.ip, FRONT.ip].includes(from)
      const { least, most } = LATENCY_MS[isNear ? 'near' : 'far']
      return { ...LINE, latencyMs: links.between(least, most) }
    }
    this.world = world
    this.#crowd = network.host(EVERYBODY)
    network.host(SITE.ip).listen(SITE.port, new MaskSite({ name: 'site', after: world.after }).accept)
    for (const { domain } of settings.secrets) network.setName(domain, [SITE.ip], TTL_SEC)
    const front = network.host(FRONT.ip)
    front.listen(FRONT.port, new Front(world, front, SITE, settings.mask.dialsEarly !== true).accept)
    openProxy(world, network.host(PROXY.ip), settings, keys)
    world.runFor(SETTLE_MS)
  }

  /** From that address, and a port that nobody else has. */
  dial(ip: string, whom: Whom, dialing: Dialing): void {
    this.#port = this.#port === 65_535 ? 1_024 : this.#port + 1
    const to = { proxy: PROXY, site: FRONT, 'bare-site': SITE }[whom]
    this.#crowd.dialFrom({ ip, port: this.#port }, to, dialing)
  }
}

function openProxy(world: World, host: HostNetwork, settings: Settings, keys: readonly Uint8Array[]): void {
  const vault = new MemoryVault()
  settings.secrets.forEach(({ id }, at) => vault.put(id, keys[at]))
  const proxy = new Proxy(
    {
      ...{ clock: world.clock, random: world.random('proxy'), network: host, resolver: host, vault },
      ...{ memory: new VirtualSharedMemory(), store: new VirtualStore(world), sharesAhead: 1 },
    },
    settings,
    (event) => assert(event.kind !== 'fault', `no step fails, as one did in ${JSON.stringify(event)}`),
  )
  host.listen(PROXY.port, (connection) => proxy.accept(connection))
  proxy.start([PROXY])
  world.addTicker({ everyMs: TICK_MS, tick: () => proxy.tick(), nextAt: () => proxy.wheel.nextAt() })
}
