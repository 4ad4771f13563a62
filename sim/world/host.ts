import type {
  Address,
  Cancellable,
  Connection,
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
  /** Dials that are not answered yet. */
  readonly attempts = new Set<Cancellable>()
  /** Accepted connections closed at once for want of descriptors. */
  refused = 0
  readonly #listeners = new Map<number, (connection: Connection) => Handler>()
  #port = EPHEMERAL_FROM
  /** Counts processes that ran here, one after the other: an answer meant for a dead one is dropped. */
  #life = 0

  constructor(network: VirtualNetwork, ips: readonly string[]) {
    this.#network = network
    this.#ips = ips
    this.ip = ips[0]
    this.watcher = {
      onHandOver: (connection) => network.onHandOver(connection),
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
    this.#port = this.#port === EPHEMERAL_TO ? EPHEMERAL_FROM : this.#port + 1
    return this.#port
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
      if (life === this.#life) reply(answer)
    })
  }

  #leaveAll(leave: (connection: VirtualConnection) => void): void {
    this.#life++
    this.#listeners.clear()
    for (const connection of [...this.connections]) leave(connection)
    for (const attempt of [...this.attempts]) attempt.cancel()
  }

  ownAddresses(): readonly string[] {
    return this.#ips
  }
}
