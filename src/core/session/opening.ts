import type { RecordReader } from '../protocol/faketls/records.ts'
import { makeInit, type Framing } from '../protocol/obfuscated2.ts'
import type { Cancellable, Match } from '../ports.ts'
import { Accumulator } from './accumulator.ts'
import { routeFor } from '../telegram/route.ts'
import { MiddleRelayStage } from './middle-relay.ts'
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

/** On the way to the DC, direct or by middle proxy. The client is not read meanwhile, so what it goes on sending waits in the kernel. */
export class OpeningStage implements Stage {
  readonly name = 'opening'
  readonly #session: Session
  readonly #opened: Opened
  #early: Accumulator
  /** What is under way: a dial, or a wait for a link. */
  #way: Cancellable | undefined

  constructor(session: Session, opened: Opened) {
    this.#session = session
    this.#opened = opened
    this.#early = new Accumulator(session.services.pool, session)
  }

  /** Before `enter`: still encrypted bytes that came behind the init. False when there is no buffer for them. */
  adopt(early: Uint8Array): boolean {
    return this.#early.add(early)
  }

  enter(): void {
    const session = this.#session
    const { settings, secrets, middle } = session.services
    const hasTag = session.secret !== undefined && secrets.get(session.secret)?.adTag !== undefined
    session.client.pause()
    // The ways have time limits of their own; this one only makes sure that none can be forgotten.
    session.setDeadline(3 * settings.telegram.connectTimeoutMs)
    switch (routeFor({ dc: this.#opened.dc, hasTag }, settings.telegram, middle.isReady)) {
      case 'direct':
        this.#openDirect()
        break
      case 'middle':
        this.#openMiddle(hasTag)
        break
      case 'none':
        session.refuse('dial-failed')
    }
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
    this.#way?.cancel()
    this.#early.release()
  }

  /** The DC is asked to encrypt with the client's own downlink key, so that downloads pass through as they are. */
  #openDirect(): void {
    const session = this.#session
    const { dialer, random } = session.services
    const { framing, dc, match } = this.#opened
    const init = makeInit({ random, framing, dc, downlink: match.toClient })
    this.#way = dialer.open(dc, {
      onOpen: (connection, way, waitMs) => {
        this.#way = undefined
        session.way = way
        session.services.emit({ kind: 'relaying', connection: session.id, dc, way, waitMs })
        const relay = new RelayStage(session, connection, this.#opened, init, this.#giveEarly())
        session.guard(() => session.moveTo(relay))
        return relay.dcHandler
      },
      onFail: (why) => {
        this.#way = undefined
        session.guard(() => session.refuse(why))
      },
    })
  }

  /** Where there is no link to be had, clients without an ad tag go the direct way, unless the mode is "middle". */
  #openMiddle(hasTag: boolean): void {
    const session = this.#session
    const { dc } = this.#opened
    const relay = new MiddleRelayStage(session, this.#opened, this.#early)
    let isOver = false
    const way = session.services.middle.attach(dc, relay, {
      onAttached: (slot, waitMs) => {
        isOver = true
        this.#way = undefined
        this.#giveEarly()
        session.way = 'middle'
        session.services.emit({ kind: 'relaying', connection: session.id, dc, way: 'middle', waitMs })
        relay.take(slot)
        session.guard(() => session.moveTo(relay))
      },
      onFail: () => {
        isOver = true
        this.#way = undefined
        session.guard(() => {
          if (hasTag || session.services.settings.telegram.mode === 'middle') session.refuse('dial-failed')
          else this.#openDirect()
        })
      },
    })
    if (!isOver) this.#way = way
  }

  #giveEarly(): Accumulator {
    const early = this.#early
    this.#early = new Accumulator(this.#session.services.pool, this.#session)
    return early
  }
}
