import type { Connection } from '../../src/core/ports.ts'

/**
 * What a connection has not taken yet, for simulated ends, which may always be given more. While more than a limit waits the
 * connection is not read, so that a peer that asks and does not listen is held back.
 */
export class SendQueue {
  readonly #connection: Connection
  readonly #limitBytes: number
  readonly #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #isHolding = false
  #isEnding = false

  constructor(connection: Connection, limitBytes: number) {
    this.#connection = connection
    this.#limitBytes = limitBytes
  }

  get waitingBytes(): number {
    return this.#waitingBytes
  }

  /** `bytes` belong to the queue until they are sent. */
  push(bytes: Uint8Array): void {
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
    if (this.#waiting.length === 1) this.pump()
    if (this.#waitingBytes > this.#limitBytes && !this.#isHolding) {
      this.#isHolding = true
      this.#connection.pause()
    }
  }

  /** Ends our direction behind what waits. */
  end(): void {
    this.#isEnding = true
    this.pump()
  }

  /** Call in `onDrain`. */
  pump(): void {
    let sent = 0
    for (; sent < this.#waiting.length; sent++) {
      const bytes = this.#waiting[sent]
      const taken = this.#connection.write(bytes)
      this.#waitingBytes -= taken
      if (taken < bytes.length) {
        this.#waiting[sent] = bytes.subarray(taken)
        break
      }
    }
    this.#waiting.splice(0, sent)
    if (this.#waiting.length === 0 && this.#isEnding) this.#connection.end()
    if (this.#isHolding && this.#waitingBytes <= this.#limitBytes / 2) {
      this.#isHolding = false
      this.#connection.resume()
    }
  }
}
