import type { Socket } from 'bun'
import type { Address, CloseKind } from '../../core/ports.ts'
import { SocketConnection } from '../connection.ts'
import { plainIp, UNKNOWN_ADDRESS, type DescriptorBudget } from '../network.ts'

/** What hangs on a socket's `data`: a dial under way, then a connection. One object per socket, no closures. */
export interface SocketOwner {
  opened(socket: OwnedSocket): void
  heardData(chunk: Uint8Array): void
  heardDrain(): void
  heardEnd(): void
  heardClose(kind: CloseKind, error: unknown): void
}

export type OwnedSocket = Socket<SocketOwner>

/** `SocketConnection` over a socket of Bun's: write(2) without a queue, and epoll's word on everything else. */
export class BunConnection extends SocketConnection implements SocketOwner {
  readonly #socket: OwnedSocket
  readonly #budget: DescriptorBudget
  #local: Address | undefined

  /** The socket counts in `budget` already; it is given back when the socket is gone. */
  constructor(socket: OwnedSocket, budget: DescriptorBudget, remote: Address, local?: Address) {
    super(remote)
    this.#socket = socket
    this.#budget = budget
    this.#local = local
    socket.setNoDelay(true)
  }

  get local(): Address {
    if (this.#local !== undefined) return this.#local
    // Undefined once the socket is gone.
    const ip = this.#socket.localAddress as string | undefined
    if (ip === undefined) return UNKNOWN_ADDRESS
    this.#local = { ip: plainIp(ip), port: this.#socket.localPort }
    return this.#local
  }

  opened(): void {}

  override heardClose(kind: CloseKind): void {
    this.#budget.open--
    super.heardClose(kind)
  }

  protected socketWrite(bytes: Uint8Array): number {
    return this.#socket.write(bytes)
  }

  protected socketEnd(): void {
    this.#socket.shutdown()
  }

  protected socketPause(): void {
    this.#socket.pause()
  }

  protected socketResume(): void {
    this.#socket.resume()
  }

  protected socketClose(): void {
    this.#socket.close()
  }

  protected socketReset(): void {
    this.#socket.terminate()
  }
}
