import type {
  Address,
  Cancellable,
  Connection,
  Dialing,
  DialFailure,
  Handler,
  NameAnswer,
} from '../../src/core/ports.ts'
import { VirtualConnection, type End, type LinkPlan } from './connection.ts'
import { HostNetwork, READ_MAX_BYTES } from './host.ts'
import type { SeededRandom } from './random.ts'
import type { World } from './world.ts'

export { READ_MAX_BYTES }
export type { HostNetwork }

/** What an endpoint does to whoever dials it; `resetting`: it accepts, and resets a moment later. */
export type Reachability = 'open' | 'refusing' | 'black-hole' | 'unreachable' | 'resetting'

const NOBODY: Handler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} }
const RESETTING_MS = 50
const CALM: LinkPlan = { latencyMs: 10, windowBytes: 65_536, segmentBytes: READ_MAX_BYTES, isChoppy: false, stallMs: 0 }

/** All hosts of a virtual world and the connections between them. */
export class VirtualNetwork {
  readonly world: World
  /** Draws how each new connection behaves. */
  plan: (from: string, to: Address) => LinkPlan = () => CALM
  /** Told of every attempt, when it is made, and by which process of its machine. */
  onDial: (from: string, to: Address, pid: number) => void = () => {}
  /** Told of every attempt that leads to a connection. */
  onOpen: (from: string, to: Address, pid: number) => void = () => {}
  /** Told when a connection that somebody had is about to be somebody else's. */
  onHandOver: (connection: VirtualConnection) => void = () => {}
  readonly connections = new Set<VirtualConnection>()
  readonly #hosts = new Map<string, HostNetwork>()
  readonly #random: SeededRandom
  /** Nobody answers questions that are put from now on. */
  isResolverFailing = false
  /** What the resolver says in place of the truth; undefined: it says that. */
  resolverLie: ((truth: NameAnswer | undefined) => NameAnswer | undefined) | undefined
  readonly #names = new Map<string, NameAnswer>()
  readonly #reachability = new Map<string, Reachability>()
  #dialled = 0
  #heals = 0

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
  setName(name: string, ips: readonly string[] | undefined, ttlSec = 300): void {
    if (ips === undefined) this.#names.delete(name)
    else this.#names.set(name, { kind: 'addresses', ips, ttlSec })
  }

  query(name: string, reply: (answer: NameAnswer) => void): void {
    const isFailing = this.isResolverFailing
    const lie = this.resolverLie?.(this.#names.get(name))
    this.world.after(20, () => {
      if (isFailing) reply({ kind: 'failed', why: 'out of reach' })
      else reply(lie ?? this.#names.get(name) ?? { kind: 'no-address' })
    })
  }

  setReachability(ip: string, how: Reachability): void {
    this.#reachability.set(ip, how)
  }

  /** Ends what links do to connections, for those that live or are on their way; new ones are still drawn by `plan`. */
  heal(): void {
    this.#heals++
    for (const connection of this.connections) connection.plan = calmed(connection.plan)
  }

  /** For hosts alone. With `local` it comes from there: a host that stands for many has many addresses. */
  dial(from: HostNetwork, to: Address, dialing: Dialing, local?: Address): Cancellable {
    const ip = local?.ip ?? from.ip
    const attempt = new Attempt(`c${++this.#dialled}`, this.plan(ip, to), { from, local, to }, dialing)
    const heals = this.#heals
    if (this.world.isTraced) this.world.trace(`${attempt.id} dial ${ip} ${to.ip} ${to.port}`)
    this.onDial(ip, to, from.number)
    const answer = () => {
      if (attempt.isOver || this.reachability(to.ip) === 'black-hole') return
      attempt.cancel()
      if (heals !== this.#heals) attempt.plan = calmed(attempt.plan)
      this.#answer(attempt)
    }
    this.world.after(2 * attempt.plan.latencyMs + 1, () => from.whenFree(answer))
    return attempt
  }

  reachability(ip: string): Reachability {
    return this.#reachability.get(ip) ?? 'open'
  }

  #answer(attempt: Attempt): void {
    const { from, local, to } = attempt
    if (from.open >= from.descriptorsMax) {
      this.#fail(attempt, 'descriptors')
      return
    }
    const how = this.reachability(to.ip)
    const host = isLoopback(to.ip) ? from : this.#hosts.get(to.ip)
    const accept = host?.listenerOn(to)
    if (how === 'unreachable' || (local === undefined && !from.hasFamilyOf(to.ip))) this.#fail(attempt, 'unreachable')
    else if (how === 'refusing' || host === undefined || accept === undefined) this.#fail(attempt, 'refused')
    else if (from.dialFault !== undefined) this.#fail(attempt, from.dialFault)
    else this.#connect(attempt, host, how === 'resetting' ? this.#resetSoon : accept)
  }

  readonly #resetSoon = (connection: Connection): Handler => {
    this.world.after(this.world.random('resetting').below(RESETTING_MS), () => connection.reset())
    return NOBODY
  }

  #fail({ id, dialing }: Attempt, why: DialFailure): void {
    this.world.trace(`${id} ${why}`)
    dialing.onFail(why)
  }

  #connect(attempt: Attempt, host: HostNetwork, accept: (connection: Connection) => Handler): void {
    const { id, plan, from, to } = attempt
    const local = attempt.local ?? { ip: isLoopback(to.ip) ? to.ip : from.addressLike(to.ip), port: from.nextPort() }
    const near = this.#end(plan, { id: `${id}>`, local, remote: to, end: 'dialler' }, from)
    const far = this.#end(plan, { id: `${id}<`, local: to, remote: local, end: 'listener' }, host)
    this.onOpen(from.ip, to, from.number)
    near.peer = far
    far.peer = near
    host.receive(far, accept)
    // Accepting may end the process that dialled, when both run on one host.
    if (!near.isGone) near.handler = attempt.dialing.onOpen(near)
  }

  #end(
    plan: LinkPlan,
    ends: { id: string; local: Address; remote: Address; end: End },
    host: HostNetwork,
  ): VirtualConnection {
    const connection = new VirtualConnection(this.world, this.#random, plan, ends, host.watcher)
    connection.uplink = host.uplink
    this.connections.add(connection)
    host.connections.add(connection)
    return connection
  }
}

/** A dial on its way. */
class Attempt implements Cancellable {
  readonly id: string
  plan: LinkPlan
  readonly from: HostNetwork
  /** Chosen by whoever dials; undefined: the host's own, and its next port. */
  readonly local: Address | undefined
  readonly to: Address
  readonly dialing: Dialing

  constructor(
    id: string,
    plan: LinkPlan,
    ends: { readonly from: HostNetwork; readonly local: Address | undefined; readonly to: Address },
    dialing: Dialing,
  ) {
    this.id = id
    this.plan = plan
    this.from = ends.from
    this.local = ends.local
    this.to = ends.to
    this.dialing = dialing
    this.from.attempts.add(this)
  }

  get isOver(): boolean {
    return !this.from.attempts.has(this)
  }

  cancel(): void {
    this.from.attempts.delete(this)
  }
}

function calmed({ windowBytes, latencyMs }: LinkPlan): LinkPlan {
  return { ...CALM, windowBytes: Math.max(windowBytes, CALM.windowBytes), latencyMs }
}

function isLoopback(ip: string): boolean {
  return ip === '::1' || ip.startsWith('127.')
}
