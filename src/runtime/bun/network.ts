import type { SocketHandler } from 'bun'
import type { Address, Cancellable, CloseKind, Connection, DialFailure, Dialing, Handler } from '../../core/ports.ts'
import { ownAddresses } from '../names.ts'
import {
  DescriptorBudget,
  dialFailure,
  errorCode,
  closeKindOf,
  listenError,
  plainIp,
  type ListenError,
  type Listener,
  type ListenOptions,
  type NetworkOptions,
  type RuntimeNetwork,
} from '../network.ts'
import { BunConnection, type OwnedSocket, type SocketOwner } from './connection.ts'
import { beginConnect, closeDescriptor, setBacklog } from './dial.ts'

/** The receive buffer of Bun's event loop: one read brings at most this. */
const READ_MAX_BYTES = 512 * 1024

/** One for all sockets: each event goes to the object that hangs on the socket. */
const socketHandler: SocketHandler<SocketOwner, 'uint8array'> = {
  binaryType: 'uint8array',
  open: (socket) => socket.data.opened(socket),
  data: (socket, chunk) => socket.data.heardData(chunk),
  drain: (socket) => socket.data.heardDrain(),
  end: (socket) => socket.data.heardEnd(),
  close: (socket, error) => socket.data.heardClose(closeKindOf(error), error),
  connectError: (socket, error) => socket.data.heardClose('reset', error),
  /** A handler threw. As on Node that is for the process to decide; without this it would pass unseen. */
  error: (_socket, error) => {
    queueMicrotask(() => {
      throw error
    })
  },
}

/** `RuntimeNetwork` over Bun's own sockets. */
export class BunNetwork implements RuntimeNetwork {
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
    let result: Listener | { readonly error: ListenError }
    try {
      result = startListening(options, new Acceptor(this.descriptors, accept))
    } catch (error) {
      result = { error: listenError(options, errorCode(error)) }
    }
    queueMicrotask(() => reply(result))
  }

  dial(address: Address, dialing: Dialing): Cancellable {
    const dial = new Dial(address, dialing, this.descriptors)
    dial.begin()
    return dial
  }

  ownAddresses(): readonly string[] {
    return ownAddresses()
  }
}

interface OwnFd {
  readonly fd: number
}

function startListening(options: ListenOptions, acceptor: Acceptor): Listener {
  const { host, port, fd } = options
  const where = fd === undefined ? { hostname: host, port, ipv6Only: host.includes(':') } : { fd }
  const socketOptions = {
    ...where,
    allowHalfOpen: true,
    data: acceptor,
    // The types of `listen` know chunks as Buffer only.
    socket: socketHandler as unknown as SocketHandler<SocketOwner>,
  }
  // The types know no `fd` for TCP, neither on the way in nor on the way out.
  const listen = Bun.listen as unknown as (from: typeof socketOptions) => Bun.TCPSocketListener<SocketOwner> & OwnFd
  const server = listen(socketOptions)
  setBacklog(server.fd, options.backlog)
  // Of a socket that was handed to it Bun does not know the port.
  const address = { ip: plainIp(host), port: fd === undefined ? server.port : port }
  if (options.host !== '::' && options.host !== '0.0.0.0') acceptor.local = address
  return { address, close: () => server.stop() }
}

/** Owner of a socket that was just accepted, the same for all of a listener; makes the connection, which takes over. */
class Acceptor implements SocketOwner {
  /** Ours on every connection, unless the listener takes them on all addresses. */
  local: Address | undefined
  readonly #budget: DescriptorBudget
  readonly #accept: (connection: Connection) => Handler

  constructor(budget: DescriptorBudget, accept: (connection: Connection) => Handler) {
    this.#budget = budget
    this.#accept = accept
  }

  opened(socket: OwnedSocket): void {
    if (!this.#budget.canAccept) {
      this.#budget.refused++
      socket.close()
      return
    }
    const ip = socket.remoteAddress as string | undefined
    if (ip === undefined) {
      // Reset before we had a look.
      socket.close()
      return
    }
    this.#budget.open++
    const remote = { ip: plainIp(ip), port: socket.remotePort }
    const connection = new BunConnection(socket, this.#budget, remote, this.local)
    socket.data = connection
    connection.handler = this.#accept(connection)
  }

  /** Only of sockets that were closed at once. */
  heardData(): void {}
  heardDrain(): void {}
  heardEnd(): void {}
  heardClose(): void {}
}

/** A connection on its way. The first sign that the socket works is that it can be written to. */
class Dial implements SocketOwner, Cancellable {
  readonly #address: Address
  readonly #budget: DescriptorBudget
  /** Undefined once it was told, or must not be any more. */
  #dialing: Dialing | undefined
  #socket: OwnedSocket | undefined

  constructor(address: Address, dialing: Dialing, budget: DescriptorBudget) {
    this.#address = address
    this.#dialing = dialing
    this.#budget = budget
  }

  begin(): void {
    if (!this.#budget.canDial) {
      this.#failSoon('descriptors')
      return
    }
    const fd = beginConnect(this.#address)
    if (typeof fd === 'string') {
      this.#failSoon(dialFailure(fd))
      return
    }
    this.#budget.open++
    this.#adopt(fd)
  }

  cancel(): void {
    if (this.#dialing === undefined) return
    this.#dialing = undefined
    this.#socket?.terminate()
  }

  /** Told while `Bun.connect` runs, long before the peer has answered. */
  opened(socket: OwnedSocket): void {
    this.#socket = socket
  }

  heardDrain(): void {
    this.#connected()
  }

  heardData(chunk: Uint8Array): void {
    this.#connected()?.heardData(chunk)
  }

  heardEnd(): void {
    this.#connected()?.heardEnd()
  }

  heardClose(_kind: CloseKind, error: unknown): void {
    this.#budget.open--
    this.#failSoon(dialFailure(errorCode(error)))
  }

  #adopt(fd: number): void {
    const options = { fd, allowHalfOpen: true, data: this as SocketOwner, socket: socketHandler }
    // The types know no `fd` for TCP.
    const connect = Bun.connect as unknown as (from: typeof options) => Promise<unknown>
    connect(options).catch(() => {
      if (this.#socket !== undefined) return
      closeDescriptor(fd)
      this.heardClose('reset', undefined)
    })
  }

  #connected(): BunConnection | undefined {
    const dialing = this.#dialing
    const socket = this.#socket
    if (dialing === undefined || socket === undefined) return undefined
    this.#dialing = undefined
    const connection = new BunConnection(socket, this.#budget, this.#address)
    socket.data = connection
    connection.handler = dialing.onOpen(connection)
    return connection
  }

  #failSoon(why: DialFailure): void {
    queueMicrotask(() => {
      const dialing = this.#dialing
      this.#dialing = undefined
      dialing?.onFail(why)
    })
  }
}
