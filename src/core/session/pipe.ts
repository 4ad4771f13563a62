import type { BufferPool } from '../memory/pool.ts'
import type { Connection } from '../ports.ts'
import { Outbox } from './outbox.ts'

/** One direction between two connections: keeps order, applies backpressure to the source, passes the FIN on behind the last byte. */
export class Pipe {
  readonly #source: Connection
  readonly #target: Connection
  readonly #outbox: Outbox
  readonly #waitingMax: number
  #isPaused = false
  #hasEnded = false
  #isFinished = false

  /** The source is paused while more than `waitingMax` bytes wait for the target. */
  constructor(source: Connection, target: Connection, pool: BufferPool, waitingMax: number) {
    this.#source = source
    this.#target = target
    this.#outbox = new Outbox(target, pool)
    this.#waitingMax = waitingMax
  }

  /** The source ended and everything, with our FIN, is handed over. */
  get isFinished(): boolean {
    return this.#isFinished
  }

  get waiting(): number {
    return this.#outbox.waiting
  }

  /** Passes bytes on; false when no buffer was left to keep them in. */
  push(bytes: Uint8Array): boolean {
    if (bytes.length === 0) return true
    if (!this.#outbox.send(bytes)) return false
    if (!this.#isPaused && this.#outbox.waiting > this.#waitingMax) {
      this.#isPaused = true
      this.#source.pause()
    }
    return true
  }

  /** The target has room again. */
  drain(): void {
    if (!this.#outbox.flush()) return
    if (this.#hasEnded) this.#finish()
    else if (this.#isPaused) {
      this.#isPaused = false
      this.#source.resume()
    }
  }

  /** The source sends no more. */
  end(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    if (this.#outbox.waiting === 0) this.#finish()
  }

  /** Gives the buffers back. */
  release(): void {
    this.#outbox.release()
  }

  #finish(): void {
    this.#isFinished = true
    this.#target.end()
  }
}
