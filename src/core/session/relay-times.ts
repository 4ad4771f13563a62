import type { Session } from './session.ts'

/** The two limits of a relay: silence of the pair, and its lifetime. One deadline, moved only when it comes. */
export class RelayTimes {
  readonly #session: Session
  readonly #since: number
  #lastActive: number

  constructor(session: Session) {
    this.#session = session
    this.#since = this.#lastActive = session.services.wheel.now
  }

  /** Something passed, in either direction. */
  touch(): void {
    this.#lastActive = this.#session.services.wheel.now
  }

  arm(): void {
    const { clock, settings } = this.#session.services
    const { idleTimeoutMs, maxLifetimeMs } = settings.relay
    const idleAt = this.#lastActive + idleTimeoutMs
    const at = maxLifetimeMs > 0 ? Math.min(idleAt, this.#since + maxLifetimeMs) : idleAt
    this.#session.setDeadline(Math.max(0, at - clock.mono()))
  }

  /** When the deadline has come: ends the session, or goes on. */
  expire(): void {
    const { clock, settings } = this.#session.services
    const { idleTimeoutMs, maxLifetimeMs } = settings.relay
    const now = clock.mono()
    // Whoever waits for bandwidth would say something.
    if (this.#session.isHeld) this.touch()
    if (maxLifetimeMs > 0 && now - this.#since >= maxLifetimeMs) this.#session.close('lifetime', 'relayed')
    else if (now - this.#lastActive >= idleTimeoutMs) this.#session.close('idle', 'relayed')
    else this.arm()
  }
}
