import { connect, createServer, isIPv6, type Server, type Socket } from 'node:net'
import type { Address, Cancellable, Connection, DialFailure, Dialing, Handler } from '../../core/ports.ts'
import { ownAddresses } from '../names.ts'
import {
  DescriptorBudget,
  dialFailure,
  errorCode,
  listenError,
  plainIp,
  type ListenError,
  type Listener,
  type ListenOptions,
  type NetworkOptions,
  type RuntimeNetwork,
} from '../network.ts'
import { NodeConnection } from './connection.ts'

/** What libuv offers one read(2). */
const READ_MAX_BYTES = 64 * 1024

/** All dialled sockets read into this: what a read brought is used up before the next one. */
const shared = Buffer.allocUnsafeSlow(READ_MAX_BYTES)

/** `RuntimeNetwork` over node:net. */
export class NodeNetwork implements RuntimeNetwork {
  readonly readMaxBytes = READ_MAX_BYTES
  readonly descriptors: DescriptorBudget

  constructor(options: NetworkOptions = {}) {
    this.descriptors = new DescriptorBudget(options.descriptorsMax)
  }

  listen(
    options: ListenOptions,
    accept: (connection: Connection) => Handler,
    reply: (result: Listener | { readonly error: ListenError }) => void,
  ): void {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket, accept))
    const onError = (error: unknown) => reply({ error: listenError(options, errorCode(error)) })
    server.once('error', onError)
    const { host, port, backlog, fd } = options
    const where = fd === undefined ? { host, port, ipv6Only: isIPv6(host), exclusive: true } : { fd }
    server.listen({ ...where, backlog }, () => {
      server.off('error', onError)
      // What goes wrong with one accept is that connection's end; the listener stays.
      server.on('error', () => {})
      reply({ address: boundAddress(server), close: () => void server.close() })
    })
  }

  dial(address: Address, dialing: Dialing): Cancellable {
    const dial = new Dial(address, dialing, this.descriptors)
    dial.begin()
    return dial
  }

  ownAddresses(): readonly string[] {
    return ownAddresses()
  }

  #accept(socket: Socket, accept: (connection: Connection) => Handler): void {
    const { remoteAddress, remotePort } = socket
    if (!this.descriptors.canAccept) this.descriptors.refused++
    // No address: reset before we had a look.
    if (!this.descriptors.canAccept || remoteAddress === undefined || remotePort === undefined) {
      socket.on('error', () => {})
      socket.destroy()
      return
    }
    this.descriptors.open++
    const connection = new NodeConnection(socket, this.descriptors, { ip: plainIp(remoteAddress), port: remotePort })
    connection.handler = accept(connection)
    connection.readByEvents()
  }
}

function boundAddress(server: Server): Address {
  const bound = server.address()
  return bound === null || typeof bound === 'string'
    ? { ip: '', port: 0 }
    : { ip: plainIp(bound.address), port: bound.port }
}

class Dial implements Cancellable {
  readonly #address: Address
  readonly #budget: DescriptorBudget
  /** Undefined once it was told, or must not be any more. */
  #dialing: Dialing | undefined
  #socket: Socket | undefined
  #connection: NodeConnection | undefined

  constructor(address: Address, dialing: Dialing, budget: DescriptorBudget) {
    this.#address = address
    this.#dialing = dialing
    this.#budget = budget
  }

  begin(): void {
    if (!this.#budget.canDial) {
      queueMicrotask(() => this.#failed('descriptors'))
      return
    }
    this.#budget.open++
    const socket = connect({
      host: this.#address.ip,
      port: this.#address.port,
      allowHalfOpen: true,
      noDelay: true,
      autoSelectFamily: false,
      onread: { buffer: shared, callback: (length, buffer) => this.#read(length, buffer) },
    })
    this.#socket = socket
    socket.once('connect', () => this.#connected(socket))
    socket.once('error', (error) => this.#failed(dialFailure(errorCode(error))))
    socket.once('close', () => {
      if (this.#connection === undefined) this.#budget.open--
    })
  }

  cancel(): void {
    if (this.#dialing === undefined) return
    this.#dialing = undefined
    this.#socket?.destroy()
  }

  #connected(socket: Socket): void {
    const dialing = this.#dialing
    if (dialing === undefined) return
    this.#dialing = undefined
    const connection = new NodeConnection(socket, this.#budget, this.#address)
    this.#connection = connection
    connection.handler = dialing.onOpen(connection)
  }

  #failed(why: DialFailure): void {
    const dialing = this.#dialing
    this.#dialing = undefined
    dialing?.onFail(why)
  }

  #read(length: number, buffer: Uint8Array): boolean {
    this.#connection?.heardData(length === buffer.length ? buffer : buffer.subarray(0, length))
    return true
  }
}
