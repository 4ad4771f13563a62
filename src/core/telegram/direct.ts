import type { Emit } from '../events.ts'
import { Timer, type TimerWheel } from '../memory/wheel.ts'
import type {
  Address,
  Cancellable,
  Clock,
  Connection,
  DialFailure,
  Dialing,
  Handler,
  Network,
  Random,
} from '../ports.ts'
import type { TelegramSettings } from '../settings.ts'
import { Backoff, type AttemptId } from './backoff.ts'
import { DialAhead } from './dial-ahead.ts'
import { addressesOf, isIpv6, ordered } from './dcs.ts'
import { dialBySocks5 } from './socks5.ts'

/** While an attempt hangs, the next address gets its chance after this long (as RFC 8305 does between families). */
const STAGGER_MS = 250

export interface DcDialing {
  /** Called once, or `onFail` is. Returns the handler of the DC's connection. */
  onOpen(connection: Connection, way: 'direct' | 'ahead', waitMs: number): Handler
  onFail(why: 'unknown-dc' | 'dial-failed'): void
}

export interface DialerOptions {
  readonly network: Network
  readonly clock: Clock
  readonly random: Random
  readonly wheel: TimerWheel
  readonly emit: Emit
  readonly settings: () => TelegramSettings
}

/** Opens connections to DCs: addresses in order of preference, the next one soon when one hangs, failing ones left alone. */
export class DirectDialer {
  readonly #options: DialerOptions
  readonly #backoff: Backoff
  readonly #ahead: DialAhead
  /** For `prefer = "auto"`: the family that opened last. */
  #learntIpv6 = false

  constructor(options: DialerOptions) {
    this.#options = options
    this.#backoff = new Backoff(options.random)
    this.#ahead = new DialAhead({
      ...options,
      backoff: this.#backoff,
      dial: (address, dialing) => dialBy(options, address, dialing),
      addresses: (dc) => this.#addresses(dc) ?? [],
      wanted: () => options.settings().prewarm,
      connectTimeoutMs: () => options.settings().connectTimeoutMs,
    })
  }

  /** Connections that wait for a client. */
  get ready(): number {
    return this.#ahead.ready
  }

  close(): void {
    this.#ahead.close()
  }

  /** Either may come before this returns: a connection that was dialled ahead, an unknown DC, every address in its pause. */
  open(dc: number, dialing: DcDialing): Cancellable {
    const addresses = this.#addresses(dc)
    if (addresses === undefined) {
      dialing.onFail('unknown-dc')
      return { cancel() {} }
    }
    const ready = this.#ahead.take(dc)
    if (ready !== undefined) {
      ready.handler = dialing.onOpen(ready, 'ahead', 0)
      return { cancel() {} }
    }
    const opening = new Opening(this.#options, this.#backoff, addresses, {
      onOpen: (connection, address, waitMs) => {
        this.#learntIpv6 = isIpv6(address)
        return dialing.onOpen(connection, 'direct', waitMs)
      },
      onFail: () => dialing.onFail('dial-failed'),
    })
    opening.start()
    return opening
  }

  /** In order of preference; undefined for an unknown DC. */
  #addresses(dc: number): readonly Address[] | undefined {
    const settings = this.#options.settings()
    const addresses = addressesOf(dc, settings)
    if (addresses === undefined) return undefined
    return ordered(addresses, settings.prefer === 'auto' ? this.#learntIpv6 : settings.prefer === 'ipv6')
  }
}

interface Outcome {
  onOpen(connection: Connection, address: Address, waitMs: number): Handler
  onFail(): void
}

interface Attempt {
  readonly address: Address
  readonly id: AttemptId
  readonly startedAt: number
  dial: Cancellable
}

/** One client's way to its DC: several attempts that overlap, of which the first to open wins. */
class Opening extends Timer implements Cancellable {
  readonly #options: DialerOptions
  readonly #backoff: Backoff
  readonly #addresses: readonly Address[]
  readonly #outcome: Outcome
  readonly #startedAt: number
  readonly #attempts: Attempt[] = []
  #nextIndex = 0
  #isOver = false

  constructor(options: DialerOptions, backoff: Backoff, addresses: readonly Address[], outcome: Outcome) {
    super()
    this.#options = options
    this.#backoff = backoff
    this.#addresses = addresses
    this.#outcome = outcome
    this.#startedAt = options.clock.mono()
  }

  start(): void {
    this.#tryNext()
  }

  cancel(): void {
    this.#isOver = true
    this.#options.wheel.disarm(this)
    for (const attempt of this.#attempts) attempt.dial.cancel()
    this.#attempts.length = 0
  }

  override fire(): void {
    const { clock, settings } = this.#options
    if (clock.mono() - this.#startedAt < settings().connectTimeoutMs) {
      this.#tryNext()
      return
    }
    for (const attempt of this.#attempts) this.#report(attempt, 'timeout')
    this.#fail()
  }

  /**
   * Starts the next attempt. With nothing under way and nothing left it fails, unless somebody else is trying one of the
   * addresses just now: then it waits for how that ends, and starts over.
   */
  #tryNext(): void {
    const { clock, wheel, settings } = this.#options
    const now = clock.mono()
    while (this.#nextIndex < this.#addresses.length) {
      const address = this.#addresses[this.#nextIndex++]
      if (this.#backoff.waitMs(address, now) > 0) continue
      this.#attempt(address, now)
      break
    }
    const deadline = this.#startedAt + settings().connectTimeoutMs
    if (this.#attempts.length === 0) {
      if (this.#addresses.some((address) => this.#backoff.isProbed(address))) {
        this.#nextIndex = 0
        wheel.arm(this, Math.min(deadline, now + STAGGER_MS))
      } else this.#fail()
      return
    }
    const isLast = this.#nextIndex === this.#addresses.length
    wheel.arm(this, isLast ? deadline : Math.min(deadline, now + STAGGER_MS))
  }

  #attempt(address: Address, now: number): void {
    const id = this.#backoff.attempt(address, now)
    const attempt: Attempt = { address, id, startedAt: now, dial: { cancel() {} } }
    this.#attempts.push(attempt)
    attempt.dial = dialBy(this.#options, address, {
      onOpen: (connection) => this.#opened(attempt, connection),
      onFail: (why) => {
        this.#forget(attempt)
        this.#report(attempt, why)
        this.#tryNext()
      },
    })
  }

  #opened(attempt: Attempt, connection: Connection): Handler {
    const { clock } = this.#options
    this.#forget(attempt)
    this.#backoff.succeeded(attempt.address)
    // Whoever started earlier and hangs still is as good as failed: the next client shall not wait for it again.
    for (const other of this.#attempts) if (other.startedAt < attempt.startedAt) this.#report(other, 'timeout')
    this.cancel()
    return this.#outcome.onOpen(connection, attempt.address, clock.mono() - this.#startedAt)
  }

  #report({ address, id }: Attempt, why: DialFailure): void {
    this.#backoff.failed(address, id, this.#options.clock.mono())
    this.#options.emit({ kind: 'dial-failed', target: 'dc', address, why })
  }

  #forget(attempt: Attempt): void {
    this.#attempts.splice(this.#attempts.indexOf(attempt), 1)
  }

  #fail(): void {
    if (this.#isOver) return
    this.cancel()
    this.#outcome.onFail()
  }
}

/** Straight, or by the SOCKS5 server of the configuration. */
function dialBy({ network, settings }: DialerOptions, address: Address, dialing: Dialing): Cancellable {
  const { socks5 } = settings()
  return socks5 === undefined ? network.dial(address, dialing) : dialBySocks5(network, socks5, address, dialing)
}
