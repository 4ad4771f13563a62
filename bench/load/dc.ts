import type { Socket, TCPSocketListener } from 'bun'
import { End, endHandlers, type EndHandler } from './end.ts'

const INIT_LENGTH = 64
/** What the DC says first, so that the client sees that the whole path is open. */
export const GREETING_LENGTH = 16
const GREETING = new Uint8Array(GREETING_LENGTH)

export class DcEnd extends End {
  /** The obfuscated2 init as it came; whole once the end is among `Dc.ends`. */
  readonly init = new Uint8Array(INIT_LENGTH)
  initLength = 0
}

/** A DC that takes any 64 bytes for an init, greets, and leaves the rest to the workload. */
export class Dc {
  /** Connections that have greeted and are not closed. */
  readonly ends = new Set<DcEnd>()
  /** Given to every connection once it has greeted. */
  handler: EndHandler | undefined
  onClosed: () => void = () => {}
  readonly #listener: TCPSocketListener<End>

  constructor() {
    const reader: EndHandler = { onData: (end, chunk) => this.#readInit(end as DcEnd, chunk), onEnd() {} }
    this.#listener = Bun.listen<End>({
      hostname: '127.0.0.1',
      port: 0,
      allowHalfOpen: true,
      socket: {
        ...endHandlers,
        open(socket) {
          const end = new DcEnd()
          end.handler = reader
          end.socket = socket
          socket.data = end
          socket.setNoDelay(true)
        },
        close: (socket: Socket<End>) => {
          endHandlers.close(socket)
          if (this.ends.delete(socket.data as DcEnd)) this.onClosed()
        },
      },
    })
  }

  get port(): number {
    return this.#listener.port
  }
  get open(): number {
    return this.ends.size
  }

  endAll(): void {
    for (const end of this.ends) end.socket?.end()
  }

  #readInit(end: DcEnd, chunk: Uint8Array): void {
    const piece = chunk.subarray(0, INIT_LENGTH - end.initLength)
    end.init.set(piece, end.initLength)
    end.initLength += piece.length
    if (end.initLength < INIT_LENGTH) return
    end.received = chunk.length - piece.length
    end.handler = this.handler ?? { onData() {}, onEnd() {} }
    this.ends.add(end)
    end.send(GREETING)
    if (chunk.length > piece.length) end.handler.onData(end, chunk.subarray(piece.length))
  }
}
