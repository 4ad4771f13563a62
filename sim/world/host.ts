import type {
  Address,
  Cancellable,
  Connection,
  DialFailure,
  Dialing,
  Handler,
  NameAnswer,
  Network,
  Resolver,
} from '../../src/core/ports.ts'
import type { ConnectionWatcher, VirtualConnection } from './connection.ts'
import type { Uplink } from './uplink.ts'
import type { VirtualNetwork } from './network.ts'

export const READ_MAX_BYTES = 65_536
const EPHEMERAL_FROM = 32_768
const EPHEMERAL_TO = 60_999

/** The `Network` port of one virtual host, and its resolver. */
export class HostNetwork implements Network, Resolver {
  readonly readMaxBytes = READ_MAX_BYTES
  readonly ip: string
  /** Which of the processes of its machine; 0: the machine itself, where it is not divided. */
  readonly number: number
  readonly #network: VirtualNetwork
  readonly #ips: readonly string[]
  /** Ends that live here. */
  readonly connections = new Set<VirtualConnection>()
  /** Told by ends that live here. */
  readonly watcher: ConnectionWatcher
  /** What all its connections send through together; undefined: no bound. Of connections that are made from now on. */
  uplink: Uplink | undefined
  /** Most sockets held at a time, dials under way included. */
  descriptorsMax = Infinity
  /** Why no dial can set out, as where every port is taken; undefined: it can. */
  dialFault: DialFailure | undefined
  /** Dials that are not answered yet. */
  readonly attempts = new Set<Cancellable>()
  /** Accepted connections closed at once for want of descriptors. */
  refused = 0
  readonly #listeners = new Map<number, (connection: Connection) => Handler>()
  readonly #ports: PortCounter
  /** Counts processes that ran here, one after the other: an answer meant for a dead one is dropped. */
  #life = 0
  /** Virtual ms until which nothing is told here. */
  #busyUntil = 0

  constructor(
    network: VirtualNetwork,
    ips: readonly string[],
    { number, ports } = { number: 0, ports: new PortCounter() },
  ) {
    this.#network = network
    this.#ips = ips
    this.ip = ips[0]
    this.number = number
    this.#ports = ports
    this.watcher = {
      freeAt: () => this.#busyUntil,
      onHandOver: (connection) => network.onHandOver(connection),
      onCome: (connection) => {
        network.connections.add(connection)
        this.connections.add(connection)
      },
      onGone: (connection) => {
        network.connections.delete(connection)
        this.connections.delete(connection)
      },
    }
  }

  /** Sockets held now: connections of both kinds and dials under way. */
  get open(): number {
    return this.connections.size + this.attempts.size
  }

  /** Nothing is short any more. */
  heal(): void {
    this.descriptorsMax = Infinity
    this.dialFault = undefined
  }

  /** One of several processes of this machine, by its number: the same addresses, with sockets of its own. */
  fork(number: number): HostNetwork {
    return new HostNetwork(this.#network, this.#ips, { number, ports: this.#ports })
  }

  /** For so many milliseconds the process here hears and does nothing: a long call, a garbage collection, a machine that sleeps. */
  stall(ms: number): void {
    this.#busyUntil = Math.max(this.#busyUntil, this.#network.world.now + ms)
  }

  get isBusy(): boolean {
    return this.#network.world.now < this.#busyUntil
  }

  /** Virtual ms; in the past while it is not stalled. */
  get freeAt(): number {
    return this.#busyUntil
  }

  /** Does that as soon as the process here does anything; never if it dies first. */
  whenFree(run: () => void): void {
    const life = this.#life
    if (!this.isBusy) run()
    else this.#network.world.at(this.#busyUntil, () => life === this.#life && this.whenFree(run))
  }

  /** A connection that has come to this machine is this process's from now on. It is given back where no descriptor is left. */
  receive(connection: VirtualConnection, accept: (connection: Connection) => Handler): void {
    connection.moveTo(this.watcher)
    if (this.open > this.descriptorsMax) {
      // The kernel has accepted it; an adapter without descriptors left gives it back at once.
      this.refused++
      connection.close()
      return
    }
    if (!this.isBusy) {
      connection.handler = accept(connection)
      return
    }
    connection.pause()
    this.whenFree(() => {
      if (connection.isGone) return
      connection.resume()
      connection.handler = accept(connection)
    })
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
    return this.#ports.next()
  }

  /** Our address of the same family, if we have one. */
  addressLike(ip: string): string {
    return this.#ips.find((own) => own.includes(':') === ip.includes(':')) ?? this.ip
  }

  /** Whether a packet could set out at all. */
  hasFamilyOf(ip: string): boolean {
    return this.#ips.some((own) => own.includes(':') === ip.includes(':'))
  }

  /** The process here is killed: the kernel closes its sockets, and none of its handlers hears of it. */
  kill(): void {
    this.#leaveAll((connection) => connection.close())
  }

  /** The machine loses its power: peers wait for ever, or until their kernel gives up on what they sent. */
  losePower(): void {
    this.#leaveAll((connection) => connection.vanish())
  }

  dial(address: Address, dialing: Dialing): Cancellable {
    return this.#network.dial(this, address, dialing)
  }

  /** From an address and port of the caller's choice: for a host that stands for many. */
  dialFrom(local: Address, to: Address, dialing: Dialing): Cancellable {
    return this.#network.dial(this, to, dialing, local)
  }

  query(host: string, reply: (answer: NameAnswer) => void): void {
    const life = this.#life
    this.#network.query(host, (answer) => {
      if (life === this.#life) this.whenFree(() => reply(answer))
    })
  }

  #leaveAll(leave: (connection: VirtualConnection) => void): void {
    this.#life++
    this.#busyUntil = 0
    this.heal()
    this.#listeners.clear()
    for (const connection of [...this.connections]) leave(connection)
    for (const attempt of [...this.attempts]) attempt.cancel()
  }

  ownAddresses(): readonly string[] {
    return this.#ips
  }
}

/** Ephemeral ports of one machine, whichever of its processes asks. */
class PortCounter {
  #port = EPHEMERAL_FROM

  next(): number {
    this.#port = this.#port === EPHEMERAL_TO ? EPHEMERAL_FROM : this.#port + 1
    return this.#port
  }
}
