import { assert } from '../assert.ts'
import {
  REFUSALS,
  type CloseReason,
  type Mode,
  type Outcome,
  type RejectReason,
  type UserRefusal,
  type Way,
} from '../events.ts'
import type { AccessLevel } from '../guard/access/index.ts'
import { Lease } from '../guard/lease.ts'
import { BLAME } from '../guard/blame.ts'
import type { Failure } from '../guard/guard.ts'
import { UserLease, type Flow, type Paced } from '../guard/users/index.ts'
import type { Owner } from '../memory/pool.ts'
import { Timer } from '../memory/wheel.ts'
import type { Address, CloseKind, Connection, Handler, SecretId } from '../ports.ts'
import type { MaskLine } from '../mask/line.ts'
import type { Accumulator } from './accumulator.ts'
import { DiscardStage } from './discard.ts'
import { MaskStage } from './mask.ts'
import type { Services } from './services.ts'
import { MOVES, type StageName } from './stages.ts'
import { TarpitStage } from './tarpit.ts'

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
  /** Stops its sources for want of bandwidth, until `letGo`; for stages that have any. */
  hold?(): void
  letGo?(): void
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

function isRefusal(reason: RejectReason): boolean {
  return (REFUSALS as readonly RejectReason[]).includes(reason)
}

/**
 * One client connection from its first byte to its last. The session holds what outlives a stage (the connection, the one
 * live deadline, the counts) and is the single place where it ends: one reason, one event, everything given back.
 */
export class Session extends Timer implements Handler, Owner, Paced {
  readonly id: number
  readonly client: Connection
  readonly services: Services
  /** The socket's peer, or whom a trusted load balancer named. */
  clientAddress: Address
  /** What it holds of the limits of its source. */
  readonly lease = new Lease()
  /** What it holds of the limits of its user. */
  readonly userLease = new UserLease()
  /** What its bytes go through; undefined where nothing limits them. */
  flow: Flow | undefined
  /** Of the address once it is known; once authenticated the lower of that and the user's. */
  level: AccessLevel = 'none'
  /** Once authenticated. */
  secret: SecretId | undefined
  /** What its secret is called, whatever a reload does to it afterwards. */
  user: string | undefined
  mode: Mode | undefined
  /** What it asked for, once it has: signed, as the wire has it. */
  dc: number | undefined
  /** Once it is in the relay. */
  way: Way | undefined
  fromClientBytes = 0
  toClientBytes = 0
  /** Monotonic ms. */
  readonly openedAt: number
  readonly #onClosed: (session: Session) => void
  #stage: Stage = CLOSED

  constructor(id: number, client: Connection, services: Services, onClosed: (session: Session) => void) {
    super()
    this.id = id
    this.client = client
    this.services = services
    this.clientAddress = client.remote
    this.#onClosed = onClosed
    this.openedAt = services.clock.mono()
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
    emit({ kind: 'judged', connection: this.id, client: this.clientAddress, level: this.level, refusal })
    if (refusal === undefined) return true
    if (this.lease.refusal === undefined) {
      emit({ kind: 'would-refuse', client: this.clientAddress, reason: refusal })
      return true
    }
    if (settings.guard.onRefuse === 'mask' && !this.lease.isExcess) return true
    emit({ kind: 'rejected', connection: this.id, client: this.clientAddress, reason: refusal, trials: 0 })
    return false
  }

  /** Whether there is no room even to wait for the header of a load balancer. */
  isShutOut(): boolean {
    const { guard, emit } = this.services
    if (!guard.isShut) return false
    emit({ kind: 'rejected', connection: this.id, client: this.clientAddress, reason: 'overload', trials: 0 })
    return true
  }

  /** What a refused client gets that is not masked: it is held where there is a place for that, else it ends. */
  turnAway(): void {
    const { settings, tarpits, overload } = this.services
    const mayHold = settings.guard.onRefuse === 'tarpit' && !this.lease.isExcess && overload.level === 0
    if (mayHold && tarpits.take()) this.moveTo(new TarpitStage(this))
    else if (this.fromClientBytes === 0) this.close('refused', 'discarded')
    else this.refuse('refused')
  }

  /** It knows that secret: counts as its user's until it is closed or rejected, unless that is over a limit. */
  enterAs(secret: SecretId): UserRefusal | undefined {
    const { users, emit } = this.services
    const refusal = users.enter(this.userLease, secret, this.clientAddress.ip)
    if (refusal === undefined) emit({ kind: 'entered', connection: this.id, client: this.clientAddress, secret })
    else emit({ kind: 'kept-out', connection: this.id, secret, reason: refusal })
    return refusal
  }

  /** So many bytes of the client's have come: counts them, and returns how many may pass. Fewer: the quota is used up with them. */
  passUp(bytes: number): number {
    const passed = this.flow === undefined ? bytes : this.flow.take(bytes)
    this.services.totals.clientToDcBytes += passed
    if (this.userLease.user !== undefined) this.userLease.user.clientToDcBytes += passed
    return passed
  }

  /** The same for bytes of the DC's. */
  passDown(bytes: number): number {
    const passed = this.flow === undefined ? bytes : this.flow.take(bytes)
    this.services.totals.dcToClientBytes += passed
    if (this.userLease.user !== undefined) this.userLease.user.dcToClientBytes += passed
    this.toClientBytes += passed
    return passed
  }

  /** Once authenticated, and after every change of limits. */
  refreshFlow(): void {
    this.flow = this.services.users.flowFor(this.userLease, this.level, this, this.flow)
  }

  /** Its sources are stopped for want of bandwidth. */
  get isHeld(): boolean {
    return this.flow !== undefined && this.flow.isHeld
  }

  hold(): void {
    this.#stage.hold?.()
  }

  letGo(): void {
    this.guard(() => this.#stage.letGo?.())
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

  /** Not a client of ours: everything read so far goes to the mask host, or to nobody. Takes over `seen` and `line`. */
  reject(
    why: RejectReason,
    seen: Accumulator,
    hello: { readonly sni?: string; readonly trials: number; readonly hasEnded: boolean },
    line?: MaskLine,
  ): void {
    const { services } = this
    // What the guard said counts, whatever came then.
    const reason = this.lease.refusal ?? why
    const failure = BLAME[reason]
    if (failure !== undefined) this.hasFailed(failure)
    services.users.leave(this.userLease)
    services.emit({ kind: 'rejected', connection: this.id, client: this.clientAddress, reason, trials: hello.trials })
    if (isRefusal(reason) && services.settings.guard.onRefuse !== 'mask') {
      seen.release()
      line?.cancel()
      this.turnAway()
      return
    }
    const target = services.targets.targetFor(hello.sni)
    const isUseful = target !== undefined && line?.isFor(target) === true
    if (!isUseful) line?.cancel()
    if (target !== undefined)
      this.moveTo(new MaskStage(this, target, seen, hello.hasEnded, isUseful ? line : undefined))
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
    this.flow?.end()
    this.services.users.leave(this.userLease)
    const { guard, clock } = this.services
    const ageMs = clock.mono() - this.openedAt
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

  /** Ends it by an operator's word: a relay at once, anything else in order, as its client would see any server end. */
  kill(): void {
    const { name } = this.#stage
    if (name === 'relay' || name === 'discard') this.close('killed', name === 'relay' ? 'relayed' : 'discarded')
    else if (!this.isClosed) this.guard(() => this.refuse('killed'))
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
