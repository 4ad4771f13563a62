import type { Emit, OverloadLevel, Refusal } from '../events.ts'
import type { Random, SharedMemory, WorkerPlace } from '../ports.ts'
import type { GuardSettings } from '../settings.ts'
import type { AccessLevel } from './access/index.ts'
import { shapeOf, type Use } from './detectors/shape.ts'
import { AttackWatch } from './detectors/watch.ts'
import type { Lease } from './lease.ts'
import { Neighbours } from './neighbours.ts'
import { BanTable, type BanReason } from './sources/bans.ts'
import { Penalties } from './sources/penalties.ts'
import { parentTag, prefixInto, sourceTag, type Prefix } from './sources/prefix.ts'
import { isOver, spend } from './sources/rate.ts'
import { Reputation, WEIGHTS } from './sources/reputation.ts'
import { SourceKey } from './sources/source-key.ts'
import { GREETING, OPEN, REFUSED, RELAYING, SourceTable } from './sources/table.ts'
import { TotalRate } from './sources/total-rate.ts'

export interface GuardOptions {
  readonly memory: SharedMemory
  readonly random: Random
  readonly worker: WorkerPlace
  readonly emit: Emit
  readonly settings: () => GuardSettings
  /** Whether something is short; nothing is, unless said. */
  readonly overload?: { readonly level: OverloadLevel }
  /** Sources remembered, a power of two. */
  readonly entries: number
  /** Monotonic. */
  readonly nowMs: number
}

/** While many attack at once, a source without good use of late gets this part of its limits, */
const TIGHT = 0.25
/** and is banned at this score: with the second failure, since clients of honest people succeed. */
const TIGHT_SCORE = 24
/** Of one source so many failures of late count as signs of an attack by many; beyond that it is an attack by one. */
const FEW_FAILURES = 8

/** What a level gets of the limits of a source; "full" has none, and "none" is masked whatever it gets. */
const SHARES: Readonly<Record<AccessLevel, number>> = { none: 0.25, limited: 0.25, standard: 1, full: 1 }

/** Scores as `guard.block_score` measures them. */
export interface Suspicion {
  readonly source: number
  /** Of the prefix above, where many sources of it failed of late; 0 otherwise. */
  readonly prefix: number
}
const CALM = { level: 0 } as const

/** Failures of handshakes, as the guard weighs them. */
export type Failure = 'failure' | 'halfOpen' | 'replay'

const BAN_REASON_OF: Readonly<Record<Failure, BanReason>> = {
  failure: 'failures',
  halfOpen: 'half-open',
  replay: 'replays',
}

/**
 * Who may come in, and how much of it. `admit` is asked for every connection before anything else, and makes nothing; what
 * becomes of the connection is told afterwards, so that the next answer is a better one.
 */
export class Guard {
  readonly bans: BanTable
  readonly penalties: Penalties
  readonly watch: AttackWatch
  readonly #options: GuardOptions
  readonly #table: SourceTable
  readonly #reputation: Reputation
  readonly #total: TotalRate
  readonly #neighbours: Neighbours
  readonly #overload: { readonly level: OverloadLevel }
  readonly #source = new SourceKey()
  readonly #words = new Uint32Array(4)

  constructor(options: GuardOptions) {
    this.#options = options
    this.#overload = options.overload ?? CALM
    this.bans = new BanTable(options)
    this.#table = new SourceTable(options)
    this.#reputation = new Reputation(this.#table)
    this.#total = new TotalRate(options)
    const { settings, emit } = options
    this.watch = new AttackWatch({ ...options, emit: (event) => settings().anomaly !== 'off' && emit(event) })
    const shared = { table: this.#table, reputation: this.#reputation, settings }
    this.penalties = new Penalties({ ...shared, bans: this.bans, emit })
    this.#neighbours = new Neighbours({ ...shared, penalties: this.penalties })
  }

  /** Sources and prefixes remembered now; counted one by one. */
  get sources(): number {
    return this.#table.used
  }

  /**
   * For a connection that has just come, or whose address a load balancer has just named; fills in `lease`. What it answers holds
   * unless `dry_run` is set: then the lease says that it may come in, and the answer what would have been.
   */
  admit(ip: string, lease: Lease, level: AccessLevel, nowMs: number): Refusal | undefined {
    const settings = this.#options.settings()
    if (!settings.isEnabled) return undefined
    if (this.isShut) {
      lease.isExcess = true
      lease.refusal = 'overload'
      return 'overload'
    }
    this.#source.read(ip)
    this.watch.advance(nowMs)
    const refusal = this.#decide(settings, lease, level, nowMs)
    if (settings.isDryRun) lease.isExcess = false
    else lease.refusal = refusal
    return refusal
  }

  /** Whether nobody new is let in, whoever it is. */
  get isShut(): boolean {
    const { isEnabled, isDryRun } = this.#options.settings()
    return isEnabled && !isDryRun && this.#overload.level === 2
  }

  /** It has said its first byte: a handshake is under way until `failed`, `authenticated` or `release`. */
  greet(lease: Lease, level: AccessLevel, nowMs: number): Refusal | undefined {
    if (lease.entry < 0 || lease.refusal !== undefined || level === 'full') return undefined
    const { handshakesPerIp, credit, isDryRun } = this.#options.settings()
    this.#table.relock(lease.entry)
    const factor = this.#reputation.factor(lease.entry, credit, nowMs) * this.#tightness(lease.entry, nowMs)
    const most = handshakesPerIp * SHARES[level] * factor
    const isMore = this.#table.total(lease.entry, GREETING) >= most
    lease.isGreeting = !isMore
    if (lease.isGreeting) this.#table.count(lease.entry, GREETING, 1)
    this.#table.unlock(lease.entry)
    if (!isMore) return undefined
    if (!isDryRun) lease.refusal = 'handshakes'
    return 'handshakes'
  }

  /** What is held against an address and against the prefix above it, as scores; 0 for one that is not known. */
  suspicion(ip: string): Suspicion {
    this.#source.read(ip)
    const { ipv6Prefix } = this.#options.settings()
    const prefix = this.#neighbours.scoreOf(this.#source)
    prefixInto(this.#source, sourceTag(this.#source, ipv6Prefix), this.#words)
    const entry = this.#table.find(this.#words, sourceTag(this.#source, ipv6Prefix))
    if (entry < 0) return { source: 0, prefix }
    const source = this.#reputation.score(entry)
    this.#table.unlock(entry)
    return { source, prefix }
  }

  /** Whether a handshake must not be answered any more, because its source was banned meanwhile (I4). */
  isBanned(ip: string, lease: Lease, nowMs: number): boolean {
    const { isEnabled, isDryRun } = this.#options.settings()
    return isEnabled && !isDryRun && this.#source.read(ip) && this.#isKeptOut(lease, nowMs)
  }

  /** Bad enough for a ban, but many use it well: such a source is let in, and watched more closely while it is not recognised. */
  isGrey(lease: Lease): boolean {
    if (lease.entry < 0) return false
    this.#table.relock(lease.entry)
    const isBad = this.#reputation.score(lease.entry) >= this.#options.settings().blockScore
    const isGrey = isBad && this.#reputation.isShared(lease.entry)
    this.#table.unlock(lease.entry)
    return isGrey
  }

  /** Its handshake succeeded: good for its source, and for the prefix above. */
  authenticated(ip: string, lease: Lease, nowMs: number): void {
    if (lease.entry < 0) return
    this.#table.relock(lease.entry)
    this.#endGreeting(lease)
    this.#table.count(lease.entry, RELAYING, 1)
    lease.isRelaying = true
    if (this.#isStranger(lease.entry, nowMs)) this.watch.succeeded()
    this.#reputation.succeeded(lease.entry, nowMs)
    this.#table.unlock(lease.entry)
    this.#source.read(ip)
    this.#neighbours.succeeded(this.#source, nowMs)
  }

  /** Its relay is over, and was like this; told once, before `release`. */
  used(lease: Lease, use: Use, nowMs: number): void {
    const shape = shapeOf(use)
    if (lease.entry < 0 || shape === 'usual') return
    this.#table.relock(lease.entry)
    if (shape === 'dumb') this.#reputation.worsen(lease.entry, WEIGHTS.dumb, nowMs)
    if (lease.isRelaying) this.#reputation.unearn(lease.entry)
    this.#table.unlock(lease.entry)
  }

  /** Its handshake failed. Enough of that, and its source is banned; not one that many use well. */
  failed(ip: string, lease: Lease, failure: Failure, nowMs: number): void {
    if (lease.entry < 0 || lease.refusal !== undefined) return
    this.#table.relock(lease.entry)
    this.#endGreeting(lease)
    const { blockScore } = this.#options.settings()
    const isStranger = this.#isStranger(lease.entry, nowMs)
    const isFirst = this.#table.failed[lease.entry] === 0
    if (isStranger && this.#table.failed[lease.entry] < FEW_FAILURES) this.watch.failed(isFirst)
    this.#reputation.failed(lease.entry, WEIGHTS[failure], nowMs)
    const score = this.#reputation.score(lease.entry)
    const isShared = this.#reputation.isShared(lease.entry)
    this.#table.unlock(lease.entry)
    this.#source.read(ip)
    const isTight = isStranger && this.#isTight
    if (score >= blockScore && !isShared) this.penalties.ban(this.#source, BAN_REASON_OF[failure], score, nowMs)
    else if (isTight && score >= TIGHT_SCORE) this.penalties.ban(this.#source, 'attack', score, nowMs)
    this.#neighbours.failed(this.#source, WEIGHTS[failure], isFirst, nowMs)
  }

  /** The connection is closed. */
  release(lease: Lease): void {
    const { entry } = lease
    if (entry < 0) return
    this.#table.relock(entry)
    this.#endGreeting(lease)
    if (lease.isRelaying) this.#table.count(entry, RELAYING, -1)
    this.#table.count(entry, lease.counted, -1)
    this.#table.unlock(entry)
    lease.entry = -1
    lease.isRelaying = false
  }

  /** Another worker has died: what it counted is not open any more. */
  takeBack(column: number): void {
    this.#table.takeBack(column)
    this.bans.takeBack(column)
    this.#total.takeBack(column)
    this.watch.takeBack(column)
  }

  /** At least once a second: what is over is judged. */
  advance(nowMs: number): void {
    this.watch.advance(nowMs)
  }

  #decide(settings: GuardSettings, lease: Lease, level: AccessLevel, nowMs: number): Refusal | undefined {
    let entry = this.#lockPrefix(sourceTag(this.#source, settings.ipv6Prefix), nowMs)
    lease.isKnown = entry >= 0 && this.#reputation.isKnown(entry, nowMs)
    // Where every place is taken by sources with connections, the prefix above stands for it.
    if (entry < 0) entry = this.#lockPrefix(parentTag(this.#source), nowMs)
    if (entry < 0) {
      lease.isExcess = true
      return 'connections'
    }
    if (this.#isStranger(entry, nowMs)) this.watch.arrived()
    const refusal = this.#isKeptOut(lease, nowMs) ? 'banned' : this.#judge(settings, entry, level, nowMs)
    lease.counted = refusal === undefined ? OPEN : REFUSED
    lease.isExcess = refusal !== undefined && this.#table.total(entry, REFUSED) >= settings.handshakesPerIp
    if (!lease.isExcess || settings.isDryRun) {
      lease.entry = entry
      this.#table.count(entry, lease.counted, 1)
    }
    this.#table.unlock(entry)
    return refusal
  }

  /** A ban holds for the source that has just been read; one for what its neighbours did not where it is known itself. */
  #isKeptOut(lease: Lease, nowMs: number): boolean {
    const ban = this.bans.covering(this.#source, nowMs)
    return ban >= 0 && !(lease.isKnown && this.bans.isForNeighbours(ban))
  }

  /** Under the lock of the entry. What is refused uses up nothing. */
  #judge(settings: GuardSettings, entry: number, level: AccessLevel, nowMs: number): Refusal | undefined {
    const known = this.#reputation.factor(entry, settings.credit, nowMs)
    const isKnown = level === 'full' || !this.#isStranger(entry, nowMs)
    if (this.#overload.level > (isKnown ? 1 : 0)) return 'overload'
    if (level === 'full') return undefined
    const factor = known * SHARES[level] * this.#tightness(entry, nowMs)
    if (this.#table.total(entry, OPEN) >= settings.connectionsPerIp * factor) return 'connections'
    const { perSec, burst } = settings.newPerIp
    const { arrivalMs } = this.#table
    if (isOver(arrivalMs, entry, nowMs, perSec, burst)) {
      if (known === 1) this.#reputation.failed(entry, WEIGHTS.excess, nowMs)
      return 'rate'
    }
    if (!this.#total.take(settings.newTotal, this.#reputation.standing(entry, nowMs), nowMs)) return 'total-rate'
    spend(arrivalMs, entry, nowMs, perSec, factor)
    return undefined
  }

  /** Nobody has used it well of late. */
  #isStranger(entry: number, nowMs: number): boolean {
    return !this.#reputation.isKnown(entry, nowMs)
  }

  get #isTight(): boolean {
    return this.watch.isAttack && this.#options.settings().anomaly === 'enforce'
  }

  #tightness(entry: number, nowMs: number): number {
    return this.#isTight && this.#isStranger(entry, nowMs) ? TIGHT : 1
  }

  #lockPrefix(tag: number, nowMs: number): number {
    prefixInto(this.#source, tag, this.#words)
    return this.#table.lock(this.#words, tag, nowMs)
  }

  #endGreeting(lease: Lease): void {
    if (!lease.isGreeting) return
    lease.isGreeting = false
    this.#table.count(lease.entry, GREETING, -1)
  }

  /** Lifts a ban and forgets what led to it; false when there was none. */
  unban(prefix: Prefix): boolean {
    return this.penalties.lift(prefix)
  }
}
