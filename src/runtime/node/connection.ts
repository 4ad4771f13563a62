import type { Socket } from 'node:net'
import type { Address } from '../../core/ports.ts'
import { SocketConnection } from '../connection.ts'
import { plainIp, UNKNOWN_ADDRESS, type DescriptorBudget } from '../network.ts'

/**
 * Most of a connection's bytes that wait in Node's own queue. Node does not say how much of a write the kernel took, so
 * bytes go out in pieces of this size, and the first one that is not taken whole is the last.
 */
const PIECE_BYTES = 64 * 1024
/** How long a peer that reads nothing may keep us after `close`; the kernel would take about as long to give up. */
const LINGER_MS = 60_000

/** Where a piece is copied before Node sees it. Used again while the kernel takes it at once, else left to Node. */
let piece = Buffer.allocUnsafeSlow(PIECE_BYTES)

const OWNER = Symbol('owner')
type OwnedSocket = Socket & { [OWNER]?: NodeConnection }

/** `SocketConnection` over node:net. */
export class NodeConnection extends SocketConnection {
  readonly #socket: OwnedSocket
  readonly #budget: DescriptorBudget
  readonly #onWritten: () => void
  #local: Address | undefined
  /** Node holds a piece the kernel has not taken. */
  #isQueued = false
  #endsWhenWritten = false
  #closesWhenWritten = false

  /** The socket counts in `budget` already; it is given back when the socket is gone. */
  constructor(socket: Socket, budget: DescriptorBudget, remote: Address) {
    super(remote)
    this.#socket = socket
    this.#budget = budget
    this.#onWritten = () => this.#written()
    this.#socket[OWNER] = this
    socket.on('end', onEnd)
    socket.on('error', onError)
    socket.on('close', onClose)
  }

  /** For sockets whose reads come as events; the others bring them by `heardData`. */
  readByEvents(): void {
    this.#socket.on('data', onData)
  }

  get local(): Address {
    if (this.#local !== undefined) return this.#local
    // Undefined once the socket is gone.
    const { localAddress, localPort } = this.#socket
    if (localAddress === undefined || localPort === undefined) return UNKNOWN_ADDRESS
    this.#local = { ip: plainIp(localAddress), port: localPort }
    return this.#local
  }

  heardGone(hadError: boolean): void {
    this.#budget.open--
    this.heardClose(hadError ? 'reset' : 'end')
  }

  protected socketWrite(bytes: Uint8Array): number {
    const socket = this.#socket
    let taken = 0
    while (taken < bytes.length && !this.#isQueued && !socket.destroyed) {
      const length = Math.min(PIECE_BYTES, bytes.length - taken)
      const copy = piece.subarray(0, length)
      copy.set(bytes.subarray(taken, taken + length))
      socket.write(copy, this.#onWritten)
      taken += length
      if (socket.writableLength > 0) {
        this.#isQueued = true
        piece = Buffer.allocUnsafeSlow(PIECE_BYTES)
      }
    }
    return taken
  }

  protected socketEnd(): void {
    // Node could not reset a socket that has a FIN waiting behind bytes.
    if (this.#isQueued) this.#endsWhenWritten = true
    else this.#socket.end()
  }

  protected socketPause(): void {
    this.#socket.pause()
  }

  protected socketResume(): void {
    this.#socket.resume()
  }

  protected socketClose(): void {
    if (!this.#isQueued) {
      this.#socket.destroy()
      return
    }
    this.#closesWhenWritten = true
    // Unread bytes would turn the FIN into a reset.
    this.#socket.resume()
    const timer = setTimeout(() => this.#socket.resetAndDestroy(), LINGER_MS)
    timer.unref()
    this.#socket.once('close', () => clearTimeout(timer))
  }

  protected socketReset(): void {
    const socket = this.#socket
    // While the FIN is on its way to the kernel libuv refuses a reset and would leak the descriptor.
    if (socket.writableEnded && !socket.writableFinished) socket.once('finish', () => socket.resetAndDestroy())
    else socket.resetAndDestroy()
  }

  #written(): void {
    if (!this.#isQueued || this.#socket.writableLength > 0) return
    this.#isQueued = false
    if (this.#closesWhenWritten) this.#socket.destroy()
    else if (this.#endsWhenWritten) this.#socket.end()
    else this.heardDrain()
  }
}

function onData(this: OwnedSocket, chunk: Uint8Array): void {
  this[OWNER]?.heardData(chunk)
}

function onEnd(this: OwnedSocket): void {
  this[OWNER]?.heardEnd()
}

/** Every error is followed by `close`, which tells it. */
function onError(): void {}

function onClose(this: OwnedSocket, hadError: boolean): void {
  this[OWNER]?.heardGone(hadError)
}
