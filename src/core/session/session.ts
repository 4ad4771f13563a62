import { assert } from '../assert.ts'
import type { CloseReason, Outcome, RejectReason } from '../events.ts'
import type { AccessLevel } from '../guard/access/index.ts'
import { Lease, type Failure } from '../guard/guard.ts'
import type { Owner } from '../memory/pool.ts'
import { Timer } from '../memory/wheel.ts'
import type { Address, CloseKind, Connection, Handler, SecretId } from '../ports.ts'
import type { Accumulator } from './accumulator.ts'
import { DiscardStage } from './discard.ts'
import { MaskStage } from './mask.ts'
import type { Services } from './services.ts'
import { MOVES, type StageName } from './stages.ts'

/** One stage of a connection. It is told what the client does until it hands over to the next one. */
export interface Stage extends Handler {
  readonly name: StageName
  /** Bytes kept for the slower of its readers; none kept unless said. */
  readonly waitingBytes?: number
  /** Called once when the session enters the stage; sets the deadline. */
  enter(): void
  onDeadline(): void
  /** Ends, since its buffers are needed more elsewhere; for stages that keep bytes for a reader. */
  giveWay?(): void
  /** Gives back what the stage still holds: called exactly once, when the session leaves it. */
  leave(): void
}

const CLOSED: Stage = {
  name: 'closed',
  enter() {},
  onData() {},
  onDrain() {},
  onEnd() {},
  onClose() {},
  onDeadline() {},
  leave() {},
}

/** What a rejection says about the source; nothing where it is not to blame. */
const FAILURES: Readonly<Partial<Record<RejectReason, Failure>>> = {
  'not-a-client': 'failure',
  'bad-hello': 'failure',
  'bad-digest': 'failure',
  'sni-mismatch': 'failure',
  'mode-not-allowed': 'failure',
  'trial-budget': 'failure',
  'handshake-timeout': 'failure',
  skew: 'failure',
  'first-byte-timeout': 'halfOpen',
  'client-ended': 'halfOpen',
  replay: 'replay',
}

/**
 * One client connection from its first byte to its last. The session holds what outlives a stage (the connection, the one
 * live deadline, the counts) and is the single place where it ends: one reason, one event, everything given back.
 */
export class Session extends Timer implements Handler, Owner {
  readonly id: number
  readonly client: Connection
  readonly services: Services
  /** The socket's peer, or whom a trusted load balancer named. */
  clientAddress: Address
  /** What it holds of the limits of its source. */
  readonly lease = new Lease()
  /** Of the address once it is known; once authenticated the lower of that and the user's. */
  level: AccessLevel = 'none'
  /** Once authenticated. */
  secret: SecretId | undefined
  fromClientBytes = 0
  toClientBytes = 0
  readonly #openedAt: number
  readonly #onClosed: (session: Session) => void
  #stage: Stage = CLOSED

  constructor(id: number, client: Connection, services: Services, onClosed: (session: Session) => void) {
    super()
    this.id = id
    this.client = client
    this.services = services
    this.clientAddress = client.remote
    this.#onClosed = onClosed
    this.#openedAt = services.clock.mono()
  }

  get stage(): Stage {
    return this.#stage
  }

  get isClosed(): boolean {
    return this.#stage === CLOSED
  }

  /** What it holds buffers for. */
  get label(): string {
    return this.#stage.name
  }

  /** Nobody's secret is known to it, or was asked for yet. */
  get isStranger(): boolean {
    return this.secret === undefined
  }

  giveWay(): void {
    this.guard(() => this.#stage.giveWay?.())
  }

  /** The first stage; every later one comes by `moveTo`. */
  begin(stage: Stage): void {
    this.#stage = stage
    stage.enter()
  }

  /** Asks the guard about this client. False when it is to get nothing at all; refused ones get the mask where that is so configured. */
  admit(): boolean {
    const { access, guard, clock, emit, settings } = this.services
    this.level = access.levelOf(this.clientAddress.ip)
    const refusal = guard.admit(this.clientAddress.ip, this.lease, this.level, clock.mono())
    if (refusal === undefined) return true
    if (this.lease.refusal === undefined) {
      emit({ kind: 'would-refuse', client: this.clientAddress, reason: refusal })
      return true
    }
    if (settings.guard.onRefuse === 'mask' && !this.lease.isExcess) return true
    emit({ kind: 'rejected', connection: this.id, client: this.clientAddress, reason: refusal, trials: 0 })
    return false
  }

  /** Its handshake failed, which the guard remembers of its source. */
  hasFailed(failure: Failure): void {
    const { guard, clock } = this.services
    guard.failed(this.clientAddress.ip, this.lease, failure, clock.mono())
  }

  moveTo(next: Stage): void {
    const from = this.#stage
    assert(MOVES[from.name].includes(next.name), 'stages move along the table and never back')
    this.services.wheel.disarm(this)
    from.leave()
    this.#stage = next
    next.enter()
  }

  /** Replaces the one deadline of the session. */
  setDeadline(afterMs: number): void {
    this.services.wheel.arm(this, this.services.clock.mono() + afterMs)
  }

  /** Not a client of ours: everything read so far goes to the mask host, or to nobody. Takes over `seen`. */
  reject(reason: RejectReason, seen: Accumulator, hello: { sni?: string; trials: number; hasEnded: boolean }): void {
    const { services } = this
    const failure = FAILURES[reason]
    if (failure !== undefined) this.hasFailed(failure)
    services.emit({ kind: 'rejected', connection: this.id, client: this.clientAddress, reason, trials: hello.trials })
    const target = services.targets.targetFor(hello.sni)
    if (target !== undefined) this.moveTo(new MaskStage(this, target, seen, hello.hasEnded))
    else {
      seen.release()
      this.moveTo(new DiscardStage(this, 'discarded', hello.hasEnded))
    }
  }

  /**
   * Ends a session of ours that never got to the relay. FIN goes out at once and what still comes is read: a close over
   * unread bytes would be a reset.
   */
  refuse(reason: CloseReason): void {
    this.moveTo(new DiscardStage(this, reason, false, true))
  }

  /** Ends the session. `how` says what the client sees: an ordered end, a reset, or nothing (it is gone already). */
  close(reason: CloseReason, outcome: Outcome, how: 'close' | 'reset' | 'gone' = 'close'): void {
    if (this.isClosed) return
    const from = this.#stage
    this.#stage = CLOSED
    this.services.wheel.disarm(this)
    from.leave()
    const { guard, clock } = this.services
    const ageMs = clock.mono() - this.#openedAt
    const { fromClientBytes, toClientBytes } = this
    if (from.name === 'relay') guard.used(this.lease, { ageMs, fromClientBytes, toClientBytes }, clock.mono())
    guard.release(this.lease)
    if (how === 'close') this.client.close()
    else if (how === 'reset') this.client.reset()
    this.#onClosed(this)
    this.services.emit({
      kind: 'closed',
      connection: this.id,
      client: this.clientAddress,
      reason,
      outcome,
      ...{ fromClientBytes, toClientBytes, ageMs },
    })
  }

  /** Runs a step that belongs to this session; an assertion that fails in it ends this session alone. */
  guard(step: () => void): void {
    try {
      step()
    } catch (error) {
      this.fault(error)
    }
  }

  fault(error: unknown): void {
    const message = error instanceof Error ? error.message : 'unknown'
    this.services.emit({ kind: 'fault', where: this.#stage.name, message })
    this.close('fault', 'failed', 'reset')
  }

  override fire(): void {
    try {
      this.#stage.onDeadline()
    } catch (error) {
      this.fault(error)
    }
  }

  onData(chunk: Uint8Array): void {
    this.fromClientBytes += chunk.length
    try {
      this.#stage.onData(chunk)
    } catch (error) {
      this.fault(error)
    }
  }

  onDrain(): void {
    try {
      this.#stage.onDrain()
    } catch (error) {
      this.fault(error)
    }
  }

  onEnd(): void {
    try {
      this.#stage.onEnd()
    } catch (error) {
      this.fault(error)
    }
  }

  onClose(kind: CloseKind): void {
    try {
      this.#stage.onClose(kind)
    } catch (error) {
      this.fault(error)
    }
  }
}
