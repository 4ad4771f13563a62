import type { CloseReason, Outcome } from '../events.ts'
import { jittered } from './jitter.ts'
import type { Session, Stage } from './session.ts'

/** How long and how much is read before we end: about what a patient web server grants, jittered. */
const DISCARD_MS = 60_000
const DISCARD_BYTES = 1 << 20
/** After our FIN the client has this long to send its own. */
const LINGER_MS = 5_000
/** Nobody of ours, and nothing of ours failed. */
const DISCARDED: readonly CloseReason[] = ['discarded', 'bad-init', 'vault-failed', 'refused']

/**
 * Reads and says nothing. Closing with unread data would make the kernel send RST or FIN depending on how much the
 * peer sent, which is how proxies are told apart (security.md, E5); so we read to a jittered bound, send FIN, read on, and close.
 */
export class DiscardStage implements Stage {
  readonly name = 'discard'
  readonly #session: Session
  readonly #reason: CloseReason
  readonly #hasClientEnded: boolean
  #bytesLeft = 0
  #isEnding = false

  constructor(session: Session, reason: CloseReason, hasClientEnded: boolean, endFirst = false) {
    this.#session = session
    this.#reason = reason
    this.#hasClientEnded = hasClientEnded
    this.#isEnding = endFirst
  }

  enter(): void {
    const { client, services } = this.#session
    this.#bytesLeft = jittered(DISCARD_BYTES, services.random)
    if (this.#hasClientEnded) {
      this.#close()
      return
    }
    client.resume()
    if (this.#isEnding) this.#end()
    else this.#session.setDeadline(jittered(DISCARD_MS, services.random))
  }

  onData(chunk: Uint8Array): void {
    if (this.#isEnding) return
    this.#bytesLeft -= chunk.length
    if (this.#bytesLeft < 0) this.#end()
  }

  onDrain(): void {}

  onEnd(): void {
    this.#close()
  }

  onClose(): void {
    this.#session.close(this.#reason, this.#outcome(), 'gone')
  }

  onDeadline(): void {
    if (this.#isEnding) this.#close()
    else this.#end()
  }

  leave(): void {}

  #end(): void {
    this.#isEnding = true
    this.#session.client.end()
    this.#session.setDeadline(jittered(LINGER_MS, this.#session.services.random))
  }

  #close(): void {
    this.#session.close(this.#reason, this.#outcome())
  }

  #outcome(): Outcome {
    if (this.#reason === 'mask-limit') return 'masked'
    return DISCARDED.includes(this.#reason) ? 'discarded' : 'failed'
  }
}
