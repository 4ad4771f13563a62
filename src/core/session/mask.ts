import type { CloseReason } from '../events.ts'
import type { Flow } from '../guard/users/index.ts'
import type { Address, Cancellable, CloseKind, Connection, DialFailure, Dialing, Handler } from '../ports.ts'
import type { MaskLine } from '../mask/line.ts'
import type { Accumulator } from './accumulator.ts'
import { DiscardStage } from './discard.ts'
import { jittered } from './jitter.ts'
import { PipePair } from './pipe-pair.ts'
import { Pipe } from './pipe.ts'
import type { Session, Stage } from './session.ts'

const MASK_DIAL_MS = 5_000
/** The site is given this much of a reader that does not read; the relay's own limit is for clients. */
const WAITING_MAX_BYTES = 64 << 10

type State =
  | { readonly name: 'dialing'; readonly dial: Cancellable }
  | {
      readonly name: 'relaying'
      readonly site: Connection
      readonly toSite: Pipe
      readonly toClient: Pipe
      readonly both: PipePair
      readonly flow: Flow
    }
  | { readonly name: 'left' }

/**
 * The client is somebody else's: it gets the web site we hide behind, from the first byte it sent, with that site's own
 * certificate, timing and way of closing. Bounded in bytes and in time, and in bandwidth with all others of its network.
 */
export class MaskStage implements Stage {
  readonly name = 'mask'
  readonly #session: Session
  readonly #target: Address
  readonly #seen: Accumulator
  readonly #hasClientEnded: boolean
  readonly #line: MaskLine | undefined
  #bytesLeft: number
  #state: State = { name: 'left' }

  /** Takes over `seen`, every byte the client sent so far, and the line to the site where there is one already. */
  constructor(session: Session, target: Address, seen: Accumulator, hasClientEnded: boolean, line?: MaskLine) {
    const { random, settings } = session.services
    this.#session = session
    this.#target = target
    this.#hasClientEnded = hasClientEnded
    this.#seen = seen
    this.#line = line
    this.#bytesLeft = jittered(settings.mask.maxBytes, random)
  }

  get waitingBytes(): number {
    if (this.#state.name !== 'relaying') return 0
    return Math.max(this.#state.toSite.waiting, this.#state.toClient.waiting)
  }

  enter(): void {
    const { client, services } = this.#session
    client.pause()
    this.#session.setDeadline(MASK_DIAL_MS)
    const dialing: Dialing = { onOpen: (site) => this.#relay(site), onFail: (why) => this.#giveUp(why) }
    this.#state = { name: 'dialing', dial: this.#line ?? services.network.dial(this.#target, dialing) }
    this.#line?.take(dialing)
  }

  onData(chunk: Uint8Array): void {
    if (this.#state.name !== 'relaying') return
    this.#pass(this.#state.flow, this.#state.toSite, chunk)
  }

  onDrain(): void {
    if (this.#state.name !== 'relaying') return
    this.#state.toClient.drain()
    this.#closeIfDone()
  }

  onEnd(): void {
    if (this.#state.name !== 'relaying') return
    this.#state.toSite.end()
    this.#closeIfDone()
  }

  onClose(kind: CloseKind): void {
    if (kind === 'end') this.#closeIfDone()
    else {
      if (this.#state.name === 'relaying') this.#state.site.reset()
      this.#session.close('masked', 'masked', 'gone')
    }
  }

  onDeadline(): void {
    if (this.#state.name === 'dialing') this.#giveUp('timeout')
    else this.#stop('mask-limit')
  }

  giveWay(): void {
    this.#stop('overflow')
  }

  hold(): void {
    if (this.#state.name === 'relaying') this.#state.both.hold()
  }

  letGo(): void {
    if (this.#state.name === 'relaying') this.#state.both.letGo()
  }

  leave(): void {
    const state = this.#state
    this.#state = { name: 'left' }
    this.#seen.release()
    if (state.name === 'dialing') state.dial.cancel()
    if (state.name === 'relaying') {
      this.#session.services.maskBandwidth.leave(this.#session.clientAddress.ip, state.flow)
      state.toSite.release()
      state.toClient.release()
      state.site.close()
    }
  }

  #relay(site: Connection): Handler {
    const session = this.#session
    const { maskBandwidth, pool, random, settings } = session.services
    const toSite = new Pipe(session.client, site, pool, WAITING_MAX_BYTES, session)
    const toClient = new Pipe(site, session.client, pool, WAITING_MAX_BYTES, session)
    const flow = maskBandwidth.enter(session.clientAddress.ip, session)
    this.#state = { name: 'relaying', site, toSite, toClient, both: new PipePair(toSite, toClient), flow }
    session.setDeadline(jittered(settings.mask.maxTimeMs, random))
    session.guard(() => {
      this.#pass(flow, toSite, this.#seen.bytes)
      this.#seen.release()
      if (this.#state.name !== 'relaying') return
      if (this.#hasClientEnded) toSite.end()
      if (!flow.isHeld) session.client.resume()
    })
    return {
      onData: (chunk) => session.guard(() => this.#fromSite(chunk)),
      onDrain: () =>
        session.guard(() => {
          toSite.drain()
          this.#closeIfDone()
        }),
      onEnd: () =>
        session.guard(() => {
          toClient.end()
          this.#closeIfDone()
        }),
      onClose: (kind) => {
        if (kind === 'reset') session.close('masked', 'masked', 'reset')
        else this.#closeIfDone()
      },
    }
  }

  #fromSite(chunk: Uint8Array): void {
    if (this.#state.name !== 'relaying') return
    this.#session.toClientBytes += chunk.length
    this.#pass(this.#state.flow, this.#state.toClient, chunk)
  }

  #pass(flow: Flow, pipe: Pipe, bytes: Uint8Array): void {
    flow.take(bytes.length)
    this.#bytesLeft -= bytes.length
    if (!pipe.push(bytes)) this.#stop('overflow')
    else if (this.#bytesLeft < 0) this.#stop('mask-limit')
  }

  #closeIfDone(): void {
    if (this.#state.name !== 'relaying') return
    if (this.#state.toSite.isFinished && this.#state.toClient.isFinished) this.#session.close('masked', 'masked')
  }

  /** Among those who made room for others it may have been itself. */
  #stop(reason: CloseReason): void {
    if (this.#state.name === 'left') return
    this.#session.moveTo(new DiscardStage(this.#session, reason, false, true))
  }

  #giveUp(why: DialFailure): void {
    this.#session.services.emit({ kind: 'dial-failed', target: 'mask', address: this.#target, why })
    this.#session.moveTo(new DiscardStage(this.#session, 'discarded', this.#hasClientEnded))
  }
}
