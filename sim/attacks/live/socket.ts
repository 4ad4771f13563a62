import { connect, type Socket } from 'node:net'
import type { Address, Cancellable, Dialing } from '../../../src/core/ports.ts'
import { SocketConnection } from '../../../src/runtime/connection.ts'
import { dialFailure, errorCode, plainIp } from '../../../src/runtime/network.ts'

/**
 * Connects from the address `from`, which the network port cannot: a proxy has no use for it. Whoever keeps the sockets in
 * `sockets` ends them all.
 */
export function dialFrom(from: string, to: Address, dialing: Dialing, sockets: Set<Socket>): Cancellable {
  const socket = connect({
    ...{ host: to.ip, port: to.port, localAddress: from },
    ...{ allowHalfOpen: true, noDelay: true, autoSelectFamily: false },
  })
  sockets.add(socket)
  let connection: LiveConnection | undefined
  let isOver = false
  socket.on('connect', () => {
    if (isOver) return
    isOver = true
    connection = new LiveConnection(socket, to)
    connection.handler = dialing.onOpen(connection)
  })
  socket.on('data', (chunk) => connection?.heardData(chunk))
  socket.on('end', () => connection?.heardEnd())
  socket.on('error', (error) => {
    if (isOver) return
    isOver = true
    dialing.onFail(dialFailure(errorCode(error)))
  })
  socket.on('close', (hadError) => {
    sockets.delete(socket)
    connection?.heardClose(hadError ? 'reset' : 'end')
  })
  return {
    cancel: () => {
      if (isOver) return
      isOver = true
      socket.destroy()
    },
  }
}

/** Of somebody who says little: what is written is left to the runtime whole. */
class LiveConnection extends SocketConnection {
  readonly local: Address
  readonly #socket: Socket

  constructor(socket: Socket, remote: Address) {
    super(remote)
    this.#socket = socket
    this.local = { ip: plainIp(socket.localAddress ?? ''), port: socket.localPort ?? 0 }
  }

  protected socketWrite(bytes: Uint8Array): number {
    this.#socket.write(bytes.slice())
    return bytes.length
  }

  protected socketEnd(): void {
    this.#socket.end()
  }

  protected socketPause(): void {
    this.#socket.pause()
  }

  protected socketResume(): void {
    this.#socket.resume()
  }

  protected socketClose(): void {
    this.#socket.destroySoon()
  }

  protected socketReset(): void {
    this.#socket.resetAndDestroy()
  }
}
