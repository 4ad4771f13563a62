import type { Socket } from 'bun'

/** What a workload wants to hear about one end of a connection. */
export interface EndHandler {
  onData(end: End, chunk: Uint8Array): void
  /** The other end sends no more. */
  onEnd(end: End): void
}

const NOTHING: EndHandler = { onData() {}, onEnd() {} }

/**
 * One end of a generated connection, a client's or the DC's. It can pump a block of bytes over and over into the
 * socket without looking at them, which is what keeps the generator cheaper than what it measures.
 */
export class End {
  handler: EndHandler = NOTHING
  socket: Socket<End> | undefined
  received = 0
  #hasPeerEnded = false
  #block: Uint8Array = new Uint8Array(0)
  #at = 0
  #left = 0

  /** Sends `block` again and again until `total` bytes are out, then ends this direction. */
  pump(block: Uint8Array, total: number): void {
    this.#block = block
    this.#at = 0
    this.#left = total
    this.#push()
  }

  /** For small messages that always fit. */
  send(bytes: Uint8Array): void {
    const taken = this.socket?.write(bytes)
    if (taken !== bytes.length) throw new Error(`a message of ${bytes.length} bytes did not go out whole`)
  }

  /** The other end sends no more. Bun says so by `end`, or by `close` alone when this end was through before. */
  peerEnded(): void {
    if (this.#hasPeerEnded) return
    this.#hasPeerEnded = true
    this.handler.onEnd(this)
  }

  drain(): void {
    if (this.#left > 0) this.#push()
  }

  #push(): void {
    const { socket } = this
    if (socket === undefined) return
    while (this.#left > 0) {
      const piece = this.#block.subarray(this.#at, Math.min(this.#block.length, this.#at + this.#left))
      const taken = Math.max(0, socket.write(piece))
      this.#left -= taken
      this.#at = (this.#at + taken) % this.#block.length
      if (taken < piece.length) return
    }
    socket.shutdown()
  }
}

/** The socket handlers that clients and the DC share; `open` and what comes before the payload differ. */
export const endHandlers = {
  data(socket: Socket<End>, chunk: Uint8Array) {
    socket.data.received += chunk.length
    socket.data.handler.onData(socket.data, chunk)
  },
  drain(socket: Socket<End>) {
    socket.data.drain()
  },
  end(socket: Socket<End>) {
    socket.data.peerEnded()
  },
  close(socket: Socket<End>) {
    socket.data.socket = undefined
    socket.data.peerEnded()
  },
}
