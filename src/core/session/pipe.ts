import type { Turn } from '../memory/backlog.ts'
import type { BufferPool, Owner } from '../memory/pool.ts'
import type { Connection } from '../ports.ts'
import { Outbox } from './outbox.ts'

/** One direction between two connections: keeps order, applies backpressure to the source, passes the FIN on behind the last byte. */
export class Pipe implements Turn {
  readonly #source: Connection
  readonly #target: Connection
  readonly #pool: BufferPool
  readonly #outbox: Outbox
  readonly #waitingMax: number
  #isPaused = false
  /** For want of bandwidth. */
  #isHeld = false
  #hasEnded = false
  #isFinished = false

  /** The source is paused while more than `waitingMax` bytes wait for the target, and while any do when the pool is tight. */
  constructor(source: Connection, target: Connection, pool: BufferPool, waitingMax: number, owner?: Owner) {
    this.#source = source
    this.#target = target
    this.#pool = pool
    this.#outbox = new Outbox(target, pool, owner)
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
    if (!this.#isPaused && this.#outbox.waiting > 0) this.#pauseIfTooMuch()
    return true
  }

  /** The target has room again. */
  drain(): void {
    if (!this.#outbox.flush()) return
    if (this.#hasEnded) this.#finish()
    else if (this.#isPaused) {
      if (this.#pool.isTight) this.#pool.backlog.waitForTurn(this)
      else this.onTurn()
    }
  }

  /** There is room for another read. */
  onTurn(): void {
    this.#isPaused = false
    if (!this.#isHeld) this.#source.resume()
  }

  /** Stops the source for another reason than its target, until `letGo`. */
  hold(): void {
    this.#isHeld = true
    if (!this.#isPaused && !this.#hasEnded) this.#source.pause()
  }

  letGo(): void {
    this.#isHeld = false
    if (!this.#isPaused && !this.#hasEnded) this.#source.resume()
  }

  /** The source sends no more. */
  end(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#pool.backlog.forget(this)
    if (this.#outbox.waiting === 0) this.#finish()
  }

  /** Gives the buffers back. */
  release(): void {
    this.#pool.backlog.forget(this)
    this.#outbox.release()
  }

  #pauseIfTooMuch(): void {
    const isTooMuch = this.#outbox.waiting > this.#waitingMax
    if (!isTooMuch && !this.#pool.isTight) return
    if (!isTooMuch) this.#pool.backlog.countPause()
    this.#isPaused = true
    this.#source.pause()
  }

  #finish(): void {
    this.#isFinished = true
    this.#target.end()
  }
}
