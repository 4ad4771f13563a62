import type { Handler } from '../../src/core/ports.ts'
import type { VirtualConnection } from '../world/connection.ts'
import type { ProxyProcess } from './process.ts'

/** As many as a socket's backlog holds. */
const QUEUE_MAX = 512

/** One of several listening sockets of a port (SO_REUSEPORT): what is dealt to it waits in it while no process accepts. */
export class Slot {
  readonly #queue: VirtualConnection[] = []
  #running: ProxyProcess | undefined

  take(connection: VirtualConnection): Handler {
    if (this.#running !== undefined) this.#give(connection, this.#running)
    else if (this.#queue.length < QUEUE_MAX) {
      connection.pause()
      this.#queue.push(connection)
    } else connection.reset()
    return connection.handler
  }

  /** That process accepts from now on. */
  attach(running: ProxyProcess): void {
    this.#running = running
    for (const connection of this.#queue.splice(0)) {
      if (connection.isGone) continue
      connection.resume()
      this.#give(connection, running)
    }
  }

  /** It accepts no longer. */
  detach(running: ProxyProcess): void {
    if (this.#running === running) this.#running = undefined
  }

  /** The socket is closed by everybody who had it. */
  close(): void {
    this.#running = undefined
    for (const connection of this.#queue.splice(0)) connection.reset()
  }

  #give(connection: VirtualConnection, running: ProxyProcess): void {
    running.host.receive(connection, running.accept)
  }
}
