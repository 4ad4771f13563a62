import type { Cancellable, Connection, Dialing, Handler } from '../../src/core/ports.ts'
import { concat } from '../../src/core/protocol/bytes.ts'
import { HANDSHAKE, RANDOM_AT, SESSION_ID_AT } from '../../src/core/protocol/faketls/tls.ts'
import { answerLength, isAnswer } from '../actors/fake-tls.ts'
import type { Script } from './kinds/scripts.ts'
import type { Timeline } from './stage.ts'
import type { AttackEnd } from './tally.ts'

export interface IntruderOptions {
  readonly world: Timeline
  readonly script: Script
  /** How long it stays behind its last piece. */
  readonly holdMs: number
  readonly keys: readonly Uint8Array[]
  /** It was answered as a client. */
  readonly onServed: () => void
  /** It is over, and was not served. */
  readonly onEnd?: (end: Exclude<AttackEnd, 'served'>) => void
}

/** Plays one script and listens as little as it can: tens of thousands of them must be cheap. */
export class Intruder implements Handler, Dialing {
  readonly #options: IntruderOptions
  #connection: Connection | undefined
  #timer: Cancellable | undefined
  #next = 0
  #seen: Uint8Array | undefined
  #hasHeard = false
  #isTold = false

  constructor(options: IntruderOptions) {
    this.#options = options
    if (options.script.mayBeAnswered === true) this.#seen = new Uint8Array(0)
  }

  onOpen(connection: Connection): Handler {
    this.#connection = connection
    this.#speak()
    return this
  }

  onFail(): void {
    this.#over('unmade')
  }

  onData(chunk: Uint8Array): void {
    // It may have left while this was on its way.
    if (this.#isTold) return
    this.#hasHeard = true
    if (this.#seen === undefined) return
    this.#seen = concat(this.#seen, chunk)
    const length = answerLength(this.#seen)
    if (length === undefined) return
    if (length > 0 && this.#isServed(this.#seen.subarray(0, length))) {
      this.#isTold = true
      this.#options.onServed()
    }
    this.#seen = undefined
  }

  onDrain(): void {}

  onEnd(): void {
    this.#leave('closed')
  }

  onClose(): void {
    this.#timer?.cancel()
    this.#over('closed')
  }

  #speak(): void {
    const { world, script, holdMs } = this.#options
    const { pieces } = script
    while (this.#next < pieces.length) {
      const { afterMs, bytes } = pieces[this.#next]
      if (afterMs > 0 && this.#timer === undefined) {
        this.#timer = world.after(afterMs, () => this.#speak())
        return
      }
      this.#timer = undefined
      this.#next++
      this.#connection?.write(bytes)
    }
    this.#timer = world.after(holdMs, () => this.#leave('silent'))
  }

  #isServed(answer: Uint8Array): boolean {
    const { script, keys } = this.#options
    const hello = script.pieces[0].bytes
    if (hello[0] !== HANDSHAKE) return false
    return keys.some((key) => isAnswer(answer, hello.subarray(RANDOM_AT, SESSION_ID_AT), key))
  }

  #leave(end: 'closed' | 'silent'): void {
    this.#timer?.cancel()
    this.#connection?.close()
    this.#over(end)
  }

  #over(end: 'closed' | 'silent' | 'unmade'): void {
    if (this.#isTold) return
    this.#isTold = true
    this.#options.onEnd?.(this.#hasHeard ? 'answered' : end)
  }
}
