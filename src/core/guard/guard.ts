import type { Emit, Refusal } from '../events.ts'
import type { Random, SharedMemory, WorkerPlace } from '../ports.ts'
import type { GuardSettings } from '../settings.ts'
import type { AccessLevel } from './access/index.ts'
import { BanTable, type BanReason } from './sources/bans.ts'
import { Penalties } from './sources/penalties.ts'
import { parentTag, prefixInto, sourceTag, type Prefix } from './sources/prefix.ts'
import { admitAt } from './sources/rate.ts'
import { Reputation, WEIGHTS } from './sources/reputation.ts'
import { SourceKey } from './sources/source-key.ts'
import { GREETING, OPEN, REFUSED, RELAYING, SourceTable, type Count } from './sources/table.ts'
import { TotalRate } from './sources/total-rate.ts'

export interface GuardOptions {
  readonly memory: SharedMemory
  readonly random: Random
  readonly worker: WorkerPlace
  readonly emit: Emit
  readonly settings: () => GuardSettings
  /** Sources remembered, a power of two. */
  readonly entries: number
  /** Monotonic. */
  readonly nowMs: number
}

/** What one connection holds of its source's limits. Given back once, by `release`. */
export class Lease {
  /** In the table of sources; -1: not counted there. */
  entry = -1
  /** As what it is counted: among the open ones, or among those that were refused and get the mask. */
  counted: Count = OPEN
  refusal: Refusal | undefined
  /** Refused, and so many of its source are masked already that this one gets nothing. */
  isExcess = false
  isGreeting = false
  isRelaying = false
  /** Its source was used well of late when it came: what its neighbours do is not held against it. */
  isKnown = false
}

/** What a level gets of the limits of a source; "full" has none, and "none" is masked whatever it gets. */
const SHARES: Readonly<Record<AccessLevel, number>> = { none: 0.25, limited: 0.25, standard: 1, full: 1 }

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
  readonly #options: GuardOptions
  readonly #table: SourceTable
  readonly #reputation: Reputation
  readonly #total: TotalRate
  readonly #source = new SourceKey()
  readonly #words = new Uint32Array(4)

  constructor(options: GuardOptions) {
    this.#options = options
    this.bans = new BanTable(options)
    this.#table = new SourceTable(options)
    this.#reputation = new Reputation(this.#table)
    this.#total = new TotalRate(options)
    const { settings, emit } = options
    this.penalties = new Penalties({
      bans: this.bans,
      table: this.#table,
      reputation: this.#reputation,
      settings,
      emit,
    })
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
    this.#source.read(ip)
    const refusal = this.#decide(settings, lease, level, nowMs)
    if (settings.isDryRun) lease.isExcess = false
    else lease.refusal = refusal
    return refusal
  }

  /** It has said its first byte: a handshake is under way until `failed`, `authenticated` or `release`. */
  greet(lease: Lease, level: AccessLevel, nowMs: number): Refusal | undefined {
    if (lease.entry < 0 || lease.refusal !== undefined || level === 'full') return undefined
    const { handshakesPerIp, credit, isDryRun } = this.#options.settings()
    this.#table.relock(lease.entry)
    const most = handshakesPerIp * SHARES[level] * this.#reputation.factor(lease.entry, credit, nowMs)
    const isMore = this.#table.total(lease.entry, GREETING) >= most
    lease.isGreeting = !isMore
    if (lease.isGreeting) this.#table.count(lease.entry, GREETING, 1)
    this.#table.unlock(lease.entry)
    if (!isMore) return undefined
    if (!isDryRun) lease.refusal = 'handshakes'
    return 'handshakes'
  }

  /** Whether a handshake must not be answered any more, because its source was banned meanwhile (I4). */
  isBanned(ip: string, lease: Lease, nowMs: number): boolean {
    const { isEnabled, isDryRun } = this.#options.settings()
    return isEnabled && !isDryRun && this.#source.read(ip) && this.#isKeptOut(lease, nowMs)
  }

  /** Its handshake succeeded: good for its source, and for the prefix above. */
  authenticated(ip: string, lease: Lease, nowMs: number): void {
    if (lease.entry < 0) return
    this.#table.relock(lease.entry)
    this.#endGreeting(lease)
    this.#table.count(lease.entry, RELAYING, 1)
    lease.isRelaying = true
    this.#reputation.succeeded(lease.entry, nowMs)
    this.#table.unlock(lease.entry)
    this.#source.read(ip)
    const parent = this.#lockPrefix(parentTag(this.#source), nowMs)
    if (parent < 0) return
    this.#reputation.succeeded(parent, nowMs)
    this.#table.unlock(parent)
  }

  /** Its handshake failed. Enough of that, and its source is banned; not one that many use well. */
  failed(ip: string, lease: Lease, failure: Failure, nowMs: number): void {
    if (lease.entry < 0 || lease.refusal !== undefined) return
    this.#table.relock(lease.entry)
    this.#endGreeting(lease)
    this.#reputation.failed(lease.entry, WEIGHTS[failure], nowMs)
    const score = this.#reputation.score(lease.entry)
    const isShared = this.#reputation.isShared(lease.entry)
    this.#table.unlock(lease.entry)
    if (score < this.#options.settings().blockScore || isShared) return
    this.#source.read(ip)
    this.penalties.ban(this.#source, BAN_REASON_OF[failure], score, nowMs)
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
    if (level === 'full') return undefined
    const known = this.#reputation.factor(entry, settings.credit, nowMs)
    const factor = known * SHARES[level]
    if (this.#table.total(entry, OPEN) >= settings.connectionsPerIp * factor) return 'connections'
    const { perSec, burst } = settings.newPerIp
    const arrivalMs = admitAt(this.#table.arrivalMs[entry], nowMs, perSec, burst, factor)
    if (Number.isNaN(arrivalMs)) {
      if (known === 1) this.#reputation.failed(entry, WEIGHTS.excess, nowMs)
      return 'rate'
    }
    if (!this.#total.take(settings.newTotal, this.#reputation.isKnown(entry, nowMs), nowMs)) return 'total-rate'
    this.#table.arrivalMs[entry] = arrivalMs
    return undefined
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
