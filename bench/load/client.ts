import type { Socket } from 'bun'
import { End, endHandlers, type EndHandler } from './end.ts'
import type { LoadMode } from './job.ts'
import { flightLength, isGenuineFlight, type Opening } from './opening.ts'

const RECORD_HEADER = 5

/** A client's end, handed over once a greeting, of the DC or of the middle proxy, has come back through the subject. */
export class ClientEnd extends End {
  readonly opening: Opening
  readonly mode: LoadMode
  /** What was greeted with, without records around it: padding of a frame included. */
  greetedBytes = 0

  constructor(mode: LoadMode, opening: Opening) {
    super()
    this.mode = mode
    this.opening = opening
  }
}

/** Connects to the subject and says what `opening` holds; the promise is kept when the whole way is open. */
export function openClient(port: number, mode: LoadMode, opening: Opening): Promise<ClientEnd> {
  return new Promise((resolve, reject) => {
    const end = new ClientEnd(mode, opening)
    const handler = new OpeningHandler(end, resolve, reject)
    end.handler = handler
    Bun.connect<End>({
      hostname: '127.0.0.1',
      port,
      allowHalfOpen: true,
      data: end,
      socket: { ...endHandlers, open: (socket) => handler.onOpen(socket) },
    }).catch(reject)
  })
}

/** Reads the server's flight where there is one, then the greeting. */
class OpeningHandler implements EndHandler {
  readonly #end: ClientEnd
  readonly #resolve: (end: ClientEnd) => void
  readonly #reject: (error: Error) => void
  #seen: Uint8Array = new Uint8Array(0)
  #greetingLeft: number
  #isFlightDue: boolean

  constructor(end: ClientEnd, resolve: (end: ClientEnd) => void, reject: (error: Error) => void) {
    this.#end = end
    this.#resolve = resolve
    this.#reject = reject
    this.#isFlightDue = end.opening.hello !== undefined
    this.#greetingLeft = end.opening.greetingBytes + (this.#isFlightDue ? RECORD_HEADER : 0)
  }

  onOpen(socket: Socket<End>): void {
    this.#end.socket = socket
    socket.setNoDelay(true)
    this.#end.send(this.#end.opening.hello ?? this.#end.opening.init)
  }

  onData(_end: End, chunk: Uint8Array): void {
    if (!this.#isFlightDue) {
      this.#greetingLeft -= chunk.length
      if (this.#greetingLeft <= 0) this.#opened()
      return
    }
    this.#seen = this.#seen.length === 0 ? chunk.slice() : Buffer.concat([this.#seen, chunk])
    try {
      this.#readFlight()
    } catch (error) {
      this.#reject(error as Error)
    }
  }

  onEnd(): void {
    this.#reject(new Error('the subject ended a connection before it was open'))
  }

  #readFlight(): void {
    const { hello, init } = this.#end.opening
    const length = flightLength(this.#seen)
    if (length === undefined || hello === undefined) return
    if (length !== this.#seen.length || !isGenuineFlight(this.#seen, hello))
      throw new Error('the answer to the hello is not genuine')
    this.#isFlightDue = false
    this.#end.send(init)
  }

  #opened(): void {
    this.#end.received = 0
    this.#end.greetedBytes = this.#end.opening.greetingBytes - this.#greetingLeft
    this.#resolve(this.#end)
  }
}
