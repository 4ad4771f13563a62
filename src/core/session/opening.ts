import type { RecordReader } from '../protocol/faketls/records.ts'
import { makeInit, type Framing } from '../protocol/obfuscated2.ts'
import type { Cancellable, Match } from '../ports.ts'
import { Accumulator } from './accumulator.ts'
import { RelayStage } from './relay.ts'
import type { Session, Stage } from './session.ts'

/** An authenticated client and where it wants to go. */
export interface Opened {
  readonly framing: Framing
  readonly dc: number
  readonly match: Match & { readonly kind: 'init' }
  /** The reader of its TLS records; absent outside fake TLS. */
  readonly records?: RecordReader
  readonly hasClientEnded: boolean
}

/** Dials the DC. The client is not read meanwhile, so what it goes on sending waits in the kernel. */
export class OpeningStage implements Stage {
  readonly name = 'opening'
  readonly #session: Session
  readonly #opened: Opened
  #early: Accumulator
  #dial: Cancellable | undefined

  constructor(session: Session, opened: Opened) {
    this.#session = session
    this.#opened = opened
    this.#early = new Accumulator(session.services.pool)
  }

  /** Before `enter`: still encrypted bytes that came behind the init. False when there is no buffer for them. */
  adopt(early: Uint8Array): boolean {
    return this.#early.add(early)
  }

  enter(): void {
    const session = this.#session
    const { dialer, random, settings } = session.services
    const { framing, dc, match } = this.#opened
    session.client.pause()
    // The dialer has time limits of its own; this one only makes sure that none can be forgotten.
    session.setDeadline(2 * settings.telegram.connectTimeoutMs)
    // The DC is asked to encrypt with the client's own downlink key, so that downloads pass through as they are.
    const init = makeInit({ random, framing, dc, downlink: match.toClient })
    this.#dial = dialer.open(dc, {
      onOpen: (connection, dialMs) => {
        this.#dial = undefined
        session.services.emit({ kind: 'relaying', connection: session.id, dc, dialMs })
        const relay = new RelayStage(session, connection, this.#opened, init, this.#early)
        this.#early = new Accumulator(session.services.pool)
        session.guard(() => session.moveTo(relay))
        return relay.dcHandler
      },
      onFail: (why) => {
        this.#dial = undefined
        session.guard(() => session.refuse(why))
      },
    })
  }

  onData(chunk: Uint8Array): void {
    if (!this.#early.add(chunk)) this.#session.refuse('overflow')
  }

  onDrain(): void {}

  onEnd(): void {}

  onClose(): void {
    this.#session.close('client-reset', 'failed', 'gone')
  }

  onDeadline(): void {
    this.#session.refuse('dial-failed')
  }

  leave(): void {
    this.#dial?.cancel()
    this.#early.release()
  }
}
