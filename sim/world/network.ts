import type { Address, Cancellable, Connection, Dialing, DialFailure, Handler, Network } from '../../src/core/ports.ts'
import { VirtualConnection, type LinkPlan } from './connection.ts'
import type { SeededRandom } from './random.ts'
import type { World } from './world.ts'

const EPHEMERAL_FROM = 32_768
export const READ_MAX_BYTES = 65_536

/** What an endpoint does to whoever dials it. */
export type Reachability = 'open' | 'refusing' | 'black-hole' | 'unreachable'

const CALM: LinkPlan = { latencyMs: 10, windowBytes: 65_536, segmentBytes: READ_MAX_BYTES, isChoppy: false, stallMs: 0 }

/** All hosts of a virtual world and the connections between them. */
export class VirtualNetwork {
  readonly world: World
  /** Draws how each new connection behaves. */
  plan: (from: string, to: Address) => LinkPlan = () => CALM
  /** Told of every attempt, when it is made. */
  onDial: (from: string, to: Address) => void = () => {}
  readonly connections = new Set<VirtualConnection>()
  readonly #hosts = new Map<string, HostNetwork>()
  readonly #random: SeededRandom
  readonly #names = new Map<string, readonly string[]>()
  readonly #reachability = new Map<string, Reachability>()
  #dialled = 0

  constructor(world: World) {
    this.world = world
    this.#random = world.random('network')
  }

  /** A host with these addresses; the first names it. */
  host(...ips: string[]): HostNetwork {
    const host = this.#hosts.get(ips[0]) ?? new HostNetwork(this, ips)
    for (const ip of ips) this.#hosts.set(ip, host)
    return host
  }

  /** What the resolver knows of a name; nothing: it does not exist. */
  setName(name: string, ips: readonly string[] | undefined): void {
    if (ips === undefined) this.#names.delete(name)
    else this.#names.set(name, ips)
  }

  resolve(name: string, reply: (ips: readonly string[]) => void): void {
    this.world.after(20, () => reply(this.#names.get(name) ?? []))
  }

  setReachability(ip: string, how: Reachability): void {
    this.#reachability.set(ip, how)
  }

  dial(from: HostNetwork, to: Address, dialing: Dialing): Cancellable {
    const state = { isCancelled: false, opened: undefined as VirtualConnection | undefined }
    const plan = this.plan(from.ip, to)
    const id = `c${++this.#dialled}`
    this.world.trace(`${id} dial ${from.ip} ${to.ip} ${to.port}`)
    this.onDial(from.ip, to)
    this.world.after(2 * plan.latencyMs + 1, () => {
      if (state.isCancelled) return
      const how = this.#reachability.get(to.ip) ?? 'open'
      if (how === 'black-hole') return
      const accept = this.#hosts.get(to.ip)?.listenerOn(to)
      if (how !== 'open' || accept === undefined) {
        const why: DialFailure = how === 'unreachable' ? 'unreachable' : 'refused'
        this.world.trace(`${id} ${why}`)
        dialing.onFail(why)
        return
      }
      this.#connect(id, plan, from, to, dialing, accept)
    })
    return {
      cancel: () => {
        state.isCancelled = true
      },
    }
  }

  #connect(
    id: string,
    plan: LinkPlan,
    from: HostNetwork,
    to: Address,
    dialing: Dialing,
    accept: (connection: Connection) => Handler,
  ): void {
    const local = { ip: from.addressLike(to.ip), port: from.nextPort() }
    const { world, connections } = this
    const near = new VirtualConnection(world, this.#random, plan, { id: `${id}>`, local, remote: to }, () =>
      connections.delete(near),
    )
    const far = new VirtualConnection(world, this.#random, plan, { id: `${id}<`, local: to, remote: local }, () =>
      connections.delete(far),
    )
    near.peer = far
    far.peer = near
    connections.add(near).add(far)
    far.handler = accept(far)
    near.handler = dialing.onOpen(near)
  }
}

/** The `Network` port of one virtual host. */
export class HostNetwork implements Network {
  readonly readMaxBytes = READ_MAX_BYTES
  readonly ip: string
  readonly #network: VirtualNetwork
  readonly #ips: readonly string[]
  readonly #listeners = new Map<number, (connection: Connection) => Handler>()
  #port = EPHEMERAL_FROM

  constructor(network: VirtualNetwork, ips: readonly string[]) {
    this.#network = network
    this.#ips = ips
    this.ip = ips[0]
  }

  /** On all addresses of the host. False when the port is taken. */
  listen(port: number, accept: (connection: Connection) => Handler): boolean {
    if (this.#listeners.has(port)) return false
    this.#listeners.set(port, accept)
    return true
  }

  /** Stops accepting; connections stay. */
  unlisten(port: number): void {
    this.#listeners.delete(port)
  }

  listenerOn(address: Address): ((connection: Connection) => Handler) | undefined {
    return this.#listeners.get(address.port)
  }

  nextPort(): number {
    this.#port = this.#port === 60_999 ? EPHEMERAL_FROM : this.#port + 1
    return this.#port
  }

  /** Our address of the same family, if we have one. */
  addressLike(ip: string): string {
    return this.#ips.find((own) => own.includes(':') === ip.includes(':')) ?? this.ip
  }

  dial(address: Address, dialing: Dialing): Cancellable {
    return this.#network.dial(this, address, dialing)
  }

  resolve(host: string, reply: (ips: readonly string[]) => void): void {
    this.#network.resolve(host, reply)
  }

  ownAddresses(): readonly string[] {
    return this.#ips
  }
}
