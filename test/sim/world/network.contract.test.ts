import { describe, it } from 'vitest'
import type { Address, Connection, Handler, Network } from '../../../src/core/ports.ts'
import { VirtualNetwork, type HostNetwork } from '../../../sim/world/network.ts'
import type { LinkPlan } from '../../../sim/world/connection.ts'
import { World } from '../../../sim/world/world.ts'
import { networkCases } from '../../contract/network.cases.ts'
import type { NetworkSubject, SubjectListener } from '../../contract/network.subject.ts'

const UNTIL_MS = 3_600_000
const SETTLE_MS = 60_000

/** The virtual network driven by its world: waiting means letting virtual time pass. */
class VirtualSubject implements NetworkSubject {
  readonly network: Network
  readonly floodBytes = 4 << 20
  readonly #world: World
  readonly #host: HostNetwork
  #port = 1000

  constructor(seed: number, plan: LinkPlan) {
    this.#world = new World(seed, { eventsMax: 20_000_000 })
    const net = new VirtualNetwork(this.#world)
    net.plan = () => plan
    this.#host = this.network = net.host('127.0.0.1', '::1')
  }

  listen(accept: (connection: Connection) => Handler, family: 4 | 6 = 4): Promise<SubjectListener> {
    const address = { ip: family === 4 ? '127.0.0.1' : '::1', port: ++this.#port }
    this.#host.listen(address.port, accept)
    return Promise.resolve({ address, close: () => this.#host.unlisten(address.port) })
  }

  closedAddress(): Promise<Address> {
    return Promise.resolve({ ip: '127.0.0.1', port: 1 })
  }

  until(what: string, condition: () => boolean): Promise<void> {
    const isSo = this.#world.until(condition, UNTIL_MS)
    return isSo ? Promise.resolve() : Promise.reject(new Error(`did not come to pass: ${what}`))
  }

  settle(): Promise<void> {
    this.#world.runFor(SETTLE_MS)
    return Promise.resolve()
  }
}

const PLANS: Readonly<Record<string, LinkPlan>> = {
  'without latency': { latencyMs: 0, windowBytes: 262_144, segmentBytes: 65_536, isChoppy: false, stallMs: 0 },
  'in small pieces, with stalls': {
    latencyMs: 7,
    windowBytes: 200_000,
    segmentBytes: 20_000,
    isChoppy: true,
    stallMs: 40,
    coalesceMs: 3,
    isStingy: true,
  },
}

describe.each(Object.entries(PLANS))('the virtual network %s', (_name, plan) => {
  it.each(networkCases.map((one, seed) => ({ ...one, seed })))('$name', ({ run, seed }) =>
    run(new VirtualSubject(seed, plan)),
  )
})
