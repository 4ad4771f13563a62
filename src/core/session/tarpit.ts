import { jittered } from './jitter.ts'
import type { Session, Stage } from './session.ts'

/** How long somebody is held, jittered. */
const TARPIT_MS = 100_000
/** How often one read is made, so that those who have left are noticed. */
const LOOK_MS = 10_000
/** Who has sent more is let go. */
const READ_MAX_BYTES = 64 << 10
/** Held at a time: at most as many, and at most this part of the sockets there may be. */
const PLACES_MAX = 1024
const SOCKETS_SHARE = 8

/** How many are held, for all sessions. */
export class TarpitPlaces {
  readonly max: number
  #taken = 0

  /** `socketsMax`: what this process may hold of sockets. */
  constructor(socketsMax: number) {
    this.max = Math.min(PLACES_MAX, Math.floor(socketsMax / SOCKETS_SHARE))
  }

  get taken(): number {
    return this.#taken
  }

  /** False where all are taken. */
  take(): boolean {
    if (this.#taken >= this.max) return false
    this.#taken++
    return true
  }

  giveBack(): void {
    this.#taken--
  }
}

/**
 * A refused client that is held: it is told nothing, and next to nothing of it is read, so that it waits for us as long as we
 * like, at the price of a descriptor. Takes over a place of `TarpitPlaces`.
 */
export class TarpitStage implements Stage {
  readonly name = 'tarpit'
  readonly #session: Session
  #bytesLeft = READ_MAX_BYTES
  #untilMs = 0

  constructor(session: Session) {
    this.#session = session
  }

  enter(): void {
    const { client, services } = this.#session
    client.pause()
    this.#untilMs = services.clock.mono() + jittered(TARPIT_MS, services.random)
    this.#wait()
  }

  onData(chunk: Uint8Array): void {
    this.#session.client.pause()
    this.#bytesLeft -= chunk.length
    if (this.#bytesLeft < 0) this.#close()
  }

  onDrain(): void {}

  onEnd(): void {
    this.#close()
  }

  onClose(): void {
    this.#session.close('tarpit', 'discarded', 'gone')
  }

  onDeadline(): void {
    const { client, services } = this.#session
    if (services.clock.mono() >= this.#untilMs) {
      this.#close()
      return
    }
    client.resume()
    this.#wait()
  }

  leave(): void {
    this.#session.services.tarpits.giveBack()
  }

  #wait(): void {
    const { clock, random } = this.#session.services
    this.#session.setDeadline(Math.min(jittered(LOOK_MS, random), Math.max(0, this.#untilMs - clock.mono())))
  }

  #close(): void {
    this.#session.close('tarpit', 'discarded')
  }
}
