import type { Address, CloseKind, Connection, Handler } from '../core/ports.ts'

/** Until the owner is known: bytes cannot come before it is. */
const NOBODY: Handler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} }

/**
 * The promises of `Connection` that neither runtime gives by itself: nothing while paused, nothing after our own close,
 * no event inside a call of ours, the end before an ordered close. The adapters say what the socket did, this says what
 * the handler hears, and when.
 */
export abstract class SocketConnection implements Connection {
  handler: Handler = NOBODY
  readonly remote: Address
  /** `lost`: found gone by a write of ours, and the handler is about to hear of it. `over`: nobody speaks of it any more. */
  #life: 'alive' | 'lost' | 'over' = 'alive'
  #isPaused = false
  #hasEnded = false
  #hasPeerEnded = false
  #wantsDrain = false
  #isCalling = false
  /** What the runtime told too early, in order; undefined nearly always. */
  #held: Held | undefined

  constructor(remote: Address) {
    this.remote = remote
  }

  abstract readonly local: Address

  write(bytes: Uint8Array): number {
    if (this.#life !== 'alive' || this.#hasEnded || bytes.length === 0) return 0
    this.#isCalling = true
    const taken = this.socketWrite(bytes)
    this.#isCalling = false
    if (taken < 0) return this.#lose()
    if (taken < bytes.length) this.#wantsDrain = true
    return taken
  }

  end(): void {
    if (this.#life !== 'alive' || this.#hasEnded) return
    this.#hasEnded = true
    this.#wantsDrain = false
    this.#isCalling = true
    this.socketEnd()
    this.#isCalling = false
  }

  pause(): void {
    if (this.#life !== 'alive' || this.#isPaused) return
    this.#isPaused = true
    this.socketPause()
  }

  resume(): void {
    if (this.#life !== 'alive' || !this.#isPaused) return
    this.#isPaused = false
    if (this.#held === undefined) this.socketResume()
    else queueMicrotask(() => this.#replay())
  }

  close(): void {
    const wasAlive = this.#life === 'alive'
    if (this.#giveUp() && wasAlive) this.socketClose()
  }

  reset(): void {
    const wasAlive = this.#life === 'alive'
    if (this.#giveUp() && wasAlive) this.socketReset()
  }

  /** How many bytes the socket took and no longer needs from the caller; below 0 when the peer is found gone. */
  protected abstract socketWrite(bytes: Uint8Array): number
  protected abstract socketEnd(): void
  protected abstract socketPause(): void
  protected abstract socketResume(): void
  protected abstract socketClose(): void
  protected abstract socketReset(): void

  /** The socket read `chunk`, which lives until this returns. */
  heardData(chunk: Uint8Array): void {
    if (this.#life !== 'alive') return
    if (this.#isPaused || this.#held !== undefined) this.#hold().chunks.push(chunk.slice())
    else this.handler.onData(chunk)
  }

  heardDrain(): void {
    if (this.#life !== 'alive' || !this.#wantsDrain) return
    this.#wantsDrain = false
    this.handler.onDrain()
  }

  heardEnd(): void {
    if (this.#life !== 'alive' || this.#hasPeerEnded) return
    if (this.#isPaused || this.#held !== undefined) this.#hold().hasEnd = true
    else this.#tellEnd()
  }

  /** The socket is gone. An ordered end waits behind what is held; a reset does not, as in the kernel. */
  heardClose(kind: CloseKind): void {
    if (this.#life !== 'alive') return
    if (this.#isCalling) queueMicrotask(() => this.heardClose(kind))
    else if (kind === 'end' && (this.#isPaused || this.#held !== undefined)) this.#hold().hasClose = true
    else this.#tellClose(kind)
  }

  /** False when there is nothing left to give up. */
  #giveUp(): boolean {
    if (this.#life === 'over') return false
    this.#life = 'over'
    this.#held = undefined
    return true
  }

  /** The runtime noticed in a write that the peer is gone, and may not say so again. */
  #lose(): number {
    this.#life = 'lost'
    this.socketReset()
    queueMicrotask(() => {
      if (this.#giveUp()) this.handler.onClose('reset')
    })
    return 0
  }

  #tellEnd(): void {
    this.#hasPeerEnded = true
    this.handler.onEnd()
  }

  #tellClose(kind: CloseKind): void {
    if (kind === 'end' && !this.#hasPeerEnded) this.#tellEnd()
    // The handler may have closed in answer to the end.
    if (!this.#giveUp()) return
    this.handler.onClose(kind)
  }

  #hold(): Held {
    return (this.#held ??= { chunks: [], hasEnd: false, hasClose: false })
  }

  #replay(): void {
    const held = this.#held
    if (held === undefined) return
    while (!this.#isPaused && this.#life === 'alive') {
      const chunk = held.chunks.shift()
      if (chunk === undefined) break
      this.handler.onData(chunk)
    }
    if (this.#isPaused || this.#life !== 'alive') return
    this.#held = undefined
    if (held.hasEnd) this.#tellEnd()
    if (held.hasClose) this.heardClose('end')
    else if (!this.#isPaused && this.#life === 'alive') this.socketResume()
  }
}

interface Held {
  readonly chunks: Uint8Array[]
  hasEnd: boolean
  hasClose: boolean
}
