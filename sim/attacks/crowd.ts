import type { Address, Cancellable, Dialing, Handler, Connection } from '../../src/core/ports.ts'
import type { HostNetwork } from '../world/host.ts'
import type { AddressTruth, Truth } from './truth.ts'

const PORT_MIN = 1_024
const PORT_MAX = 65_535

/** Everybody outside: one host with all their addresses, which knows whose each of its connections is. */
export class Crowd {
  readonly #host: HostNetwork
  readonly #proxy: Address
  readonly #ofConnection = new Map<string, Truth>()
  readonly #ofAddress = new Map<string, AddressTruth>()
  #port = PORT_MIN

  constructor(host: HostNetwork, proxy: Address) {
    this.#host = host
    this.#proxy = proxy
  }

  /** As that address, for that side. `dialing.onOpen` gives the handler, as for every dial. */
  dial(ip: string, truth: Truth, dialing: Dialing): Cancellable {
    const local = { ip, port: this.#nextPort() }
    this.#ofConnection.set(keyOf(local), truth)
    const before = this.#ofAddress.get(ip)
    if (before !== truth.side && before !== 'both') this.#ofAddress.set(ip, before === undefined ? truth.side : 'both')
    return this.#host.dialFrom(local, this.#proxy, {
      onOpen: (connection: Connection): Handler => dialing.onOpen(connection),
      onFail: (why) => {
        this.#ofConnection.delete(keyOf(local))
        dialing.onFail(why)
      },
    })
  }

  /** Of a connection that the proxy has accepted and not closed. */
  truthOf(client: Address): Truth | undefined {
    return this.#ofConnection.get(keyOf(client))
  }

  /** Addresses that honest users come from. */
  *honestAddresses(): Iterable<string> {
    for (const [ip, truth] of this.#ofAddress) if (truth !== 'attack') yield ip
  }

  /** The proxy has closed it. */
  forget(client: Address): void {
    this.#ofConnection.delete(keyOf(client))
  }

  /** All lines to the proxy break. */
  sever(): void {
    for (const connection of [...this.#host.connections]) connection.sever()
  }

  #nextPort(): number {
    this.#port = this.#port === PORT_MAX ? PORT_MIN : this.#port + 1
    return this.#port
  }
}

function keyOf({ ip, port }: Address): string {
  return `${ip} ${port}`
}
