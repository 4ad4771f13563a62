import { assert } from '../../src/core/assert.ts'
import type { OverloadLevel, OverloadResource, ProxyEvent, RejectReason } from '../../src/core/events.ts'
import { lower, type AccessLevel } from '../../src/core/guard/access/levels.ts'
import { BLAME } from '../../src/core/guard/blame.ts'
import { Guard } from '../../src/core/guard/guard.ts'
import { Lease } from '../../src/core/guard/lease.ts'
import { tagOf, type Prefix } from '../../src/core/guard/sources/prefix.ts'
import { periodStart } from '../../src/core/guard/users/period.ts'
import { UserRows } from '../../src/core/guard/users/rows.ts'
import { UserLease, Users } from '../../src/core/guard/users/users.ts'
import { TimerWheel } from '../../src/core/memory/wheel.ts'
import { ALONE } from '../../src/core/ports.ts'
import type { SecretSettings } from '../../src/core/settings.ts'
import type { EncryptedPrefix } from '../../src/observe/trace/layout.ts'
import type { RecordedUser } from '../../src/observe/trace/recorded.ts'
import { VirtualClock } from '../world/clock.ts'
import { SeededRandom } from '../world/random.ts'
import { VirtualSharedMemory } from '../world/store.ts'
import { afterSecrets, isOfPolicy, isTriedInVain } from './reasons.ts'
import type { LevelOf, Terms } from './terms.ts'
import type { Happening, Timeline, Visit } from './timeline.ts'
import { isInit, ReplayedTrials, type Trying } from './trials.ts'

/** Why somebody is kept out; `no-secret`: it is none of the configuration's. */
export type Refusal = RejectReason | 'no-secret'

/** What became of one visit. */
export interface Verdict {
  /** Undefined: it came in, or was a stranger like any other. */
  refusal: Refusal | undefined
  /** It was refused when it was recorded, so nobody knows what it would have done. */
  isUnknown: boolean
  /** In the relay, by its user's quota. */
  isCut: boolean
}

export type Ban = Extract<ProxyEvent, { kind: 'banned' }> & { readonly atMs: number }

export interface Outcome {
  /** One for each visit of the timeline. */
  readonly verdicts: readonly Verdict[]
  readonly bans: readonly Ban[]
  /** Visits that knew a secret which the budget of trials would not have come to; places in the timeline. */
  readonly beyondBudget: ReadonlySet<number>
}

export interface EngineOptions {
  readonly timeline: Timeline
  readonly terms: Terms
  readonly levelOf: LevelOf
  /** The terms of each recorded configuration, which then replace each other as they did. */
  readonly recorded?: readonly Terms[]
  readonly used: ReadonlyMap<string, RecordedUser>
  /** Whom the budget of secret trials does not keep out, though it does not come to them. Undefined: it is not asked at all. */
  readonly withinBudget?: 'all' | ReadonlySet<number> | undefined
}

/** A client that gets the mask site instead of a relay goes within this time. */
const MASKED_MS = 15_000
/** Bytes of a relay are counted against its user's quota this often. */
const CHARGE_MS = 10_000
const SECOND_MS = 1_000
const READ_MAX_BYTES = 65_536

/** What one visit holds of the limits. */
interface Play {
  readonly visit: Visit
  /** Its place in the timeline. */
  readonly at: number
  readonly verdict: Verdict
  readonly lease: Lease
  readonly user: UserLease
  level: AccessLevel
  chargedBytes: number
}

/** A recording once more, with the guard that the proxy has and other terms: the same input and terms, the same outcome. */
export function replay(options: EngineOptions): Outcome {
  return new Engine(options).run()
}

class Engine {
  readonly #options: EngineOptions
  readonly #clock: VirtualClock
  readonly #wheel: TimerWheel
  readonly #guard: Guard
  readonly #users: Users
  readonly #trials: ReplayedTrials | undefined
  readonly #beyondBudget = new Set<number>()
  readonly #verdicts: Verdict[]
  readonly #bans: Ban[] = []
  readonly #plays = new Map<number, Play>()
  readonly #overload: { level: OverloadLevel } = { level: 0 }
  readonly #levels = new Map<number, Map<OverloadResource, OverloadLevel>>()
  /** Refused here and served when recorded, in the order in which they go. */
  readonly #leaving: { readonly visit: number; readonly atMs: number }[] = []
  #left = 0
  readonly #relays = new Set<Play>()
  #terms: Terms
  #secondMs: number
  #chargedMs: number

  constructor(options: EngineOptions) {
    const { timeline, terms } = options
    this.#options = options
    this.#terms = terms
    const nowMs = timeline.fromMs
    this.#secondMs = this.#chargedMs = nowMs
    this.#clock = new VirtualClock(nowMs, timeline.fromSec)
    this.#wheel = new TimerWheel(nowMs)
    this.#verdicts = timeline.visits.map(() => ({ refusal: undefined, isUnknown: false, isCut: false }))
    const shared = { memory: new VirtualSharedMemory(), random: new SeededRandom(1, 'replay'), worker: ALONE }
    const settings = () => this.#terms.guard
    const entries = terms.guard.tableEntries
    this.#guard = new Guard({
      ...{ ...shared, settings, entries, nowMs, overload: this.#overload },
      emit: (event) => event.kind === 'banned' && this.#bans.push({ ...event, atMs: this.#clock.mono() }),
    })
    this.#users = new Users({
      ...{ ...shared, settings, entries, clock: this.#clock, wheel: this.#wheel, readMaxBytes: READ_MAX_BYTES },
    })
    if (options.withinBudget !== undefined) this.#trials = new ReplayedTrials({ ...shared, nowMs })
    this.#apply()
    this.#restoreQuotas()
  }

  run(): Outcome {
    for (const happening of this.#options.timeline.happenings) {
      this.#advance(happening.atMs)
      this.#happen(happening)
    }
    return { verdicts: this.#verdicts, bans: this.#bans, beyondBudget: this.#beyondBudget }
  }

  #advance(nowMs: number): void {
    for (let at = this.#secondMs + SECOND_MS; at <= nowMs; at += SECOND_MS) {
      this.#secondMs = at
      this.#clock.advanceTo(at)
      this.#wheel.advance(at)
      this.#guard.advance(at)
      for (; (this.#leaving.at(this.#left)?.atMs ?? Infinity) <= at; this.#left++)
        this.#release(this.#leaving[this.#left].visit)
      if (at - this.#chargedMs >= CHARGE_MS) this.#chargeAll(at)
    }
    this.#clock.advanceTo(nowMs)
  }

  #happen(happening: Happening): void {
    const { kind, run, atMs } = happening
    if (kind === 'config') return this.#reload(happening.config)
    if (kind === 'overload') {
      const levels = this.#levels.get(run) ?? new Map<OverloadResource, OverloadLevel>()
      this.#levels.set(run, levels.set(happening.resource, happening.level))
      return
    }
    if (kind === 'banned') return this.#banByHand(happening)
    if (kind === 'unbanned') {
      this.#guard.unban(asPrefix(happening.prefix))
      return
    }
    const visit = this.#options.timeline.visits[happening.visit]
    if (kind === 'judged') return this.#judge(visit, happening.visit)
    const play = this.#plays.get(happening.visit)
    if (play === undefined) return
    switch (kind) {
      case 'greeted':
        this.#guard.greet(play.lease, play.level, atMs)
        play.verdict.refusal ??= play.lease.refusal
        break
      case 'kept-out':
      case 'entered':
        this.#enter(play)
        break
      case 'rejected':
        this.#reject(play)
        break
      case 'relaying':
        if (play.user.user?.limits.quota !== undefined) this.#relays.add(play)
        break
      case 'closed':
        this.#close(play)
        this.#release(happening.visit)
    }
  }

  /** Only a replay of what was recorded goes along with what was reloaded then. */
  #reload(config: number): void {
    const terms = this.#options.recorded?.at(config)
    if (terms === undefined || terms === this.#terms) return
    this.#terms = terms
    this.#apply()
  }

  #apply(): void {
    const users = [...this.#terms.users.values()]
    this.#users.apply(users)
    this.#trials?.apply(users)
  }

  #judge(visit: Visit, at: number): void {
    const { levelOf } = this.#options
    const lease = new Lease()
    const level = levelOf(visit)
    const verdict = this.#verdicts[at]
    const play: Play = { visit, at, verdict, lease, user: new UserLease(), level, chargedBytes: 0 }
    this.#overload.level = this.#overloadOf(visit.run)
    this.#guard.admit(visit.ip, lease, level, visit.atMs)
    verdict.refusal = lease.refusal
    this.#plays.set(at, play)
    if (lease.refusal === undefined) return
    if (this.#terms.guard.onRefuse === 'drop' || lease.isExcess) this.#release(at)
    else if (visit.user !== undefined) this.#leaving.push({ visit: at, atMs: visit.atMs + MASKED_MS })
  }

  #overloadOf(run: number): OverloadLevel {
    let most: OverloadLevel = 0
    for (const level of this.#levels.get(run)?.values() ?? []) if (level > most) most = level
    return most
  }

  /** It knows a secret. In the order of the hello stage: the secret, the level, the limits of the user, a ban meanwhile. */
  #enter(play: Play): void {
    const { visit, verdict, lease } = play
    const nowMs = this.#clock.mono()
    if (verdict.refusal !== undefined) return
    const secret = visit.user === undefined ? undefined : this.#terms.users.get(visit.user)
    if (!this.#isTried(play, secret)) {
      verdict.refusal = 'trial-budget'
      this.#guard.failed(visit.ip, lease, 'failure', nowMs)
      return
    }
    verdict.refusal = this.#unfit(play, secret)
    if (verdict.refusal !== undefined || secret === undefined) return
    verdict.refusal = this.#users.enter(play.user, secret.id, visit.ip)
    if (verdict.refusal === undefined && this.#guard.isBanned(visit.ip, lease, nowMs)) {
      verdict.refusal = 'banned'
      this.#users.leave(play.user)
    }
    if (verdict.refusal !== undefined) return
    if (visit.keptOut !== undefined) verdict.isUnknown = true
    else if (visit.rejected === undefined) this.#guard.authenticated(visit.ip, lease, nowMs)
  }

  /** Whether the budget of trials comes to its secret, where that is asked and there is one to come to. */
  #isTried(play: Play, secret: SecretSettings | undefined): boolean {
    const { visit, at, level } = play
    const { withinBudget } = this.#options
    if (this.#trials === undefined || withinBudget === undefined || level === 'none') return true
    const trying = this.#trying(play, secret)
    if (secret === undefined) {
      this.#trials.triesInVain(trying)
      return true
    }
    if (visit.mode !== undefined && !secret.modes.includes(visit.mode)) return true
    const isWithin = withinBudget === 'all' || withinBudget.has(at)
    if (this.#trials.tries(trying, secret, isWithin)) return true
    this.#beyondBudget.add(at)
    return isWithin
  }

  #trying({ visit, lease }: Play, secret: SecretSettings | undefined): Trying {
    const isGrey = this.#guard.isGrey(lease)
    return { ip: visit.ip, nowMs: this.#clock.mono(), isGrey, isInit: isInit(visit, secret?.modes) }
  }

  #unfit({ visit, level }: Play, secret: SecretSettings | undefined): Refusal | undefined {
    if (level === 'none') return 'access'
    if (secret === undefined) return 'no-secret'
    if (secret.expiresAt > 0 && secret.expiresAt <= this.#clock.wall()) return 'expired'
    if (visit.mode !== undefined && !secret.modes.includes(visit.mode)) return 'mode-not-allowed'
    return lower(level, secret.access) === 'none' ? 'access' : undefined
  }

  #reject(play: Play): void {
    const { visit, verdict, lease, level, user } = play
    const reason = visit.rejected
    assert(reason !== undefined, 'a visit that was rejected has a reason')
    if (verdict.refusal !== undefined) return
    if (level === 'none' && (reason === 'access' || afterSecrets(reason))) verdict.refusal = 'access'
    // The rules about its user said so, and which one that was is not recorded.
    else if (reason === 'expired' || (reason === 'access' && visit.level !== 'none')) verdict.refusal = reason
    else if (isOfPolicy(reason)) verdict.isUnknown = true
    else {
      if (level !== 'none' && isTriedInVain(visit)) this.#trials?.triesInVain(this.#trying(play, undefined))
      const failure = BLAME[reason]
      if (failure !== undefined) this.#guard.failed(visit.ip, lease, failure, this.#clock.mono())
    }
    this.#users.leave(user)
  }

  #close(play: Play): void {
    const { visit, verdict, lease } = play
    const nowMs = this.#clock.mono()
    const isSilent = visit.rejected === undefined && visit.user === undefined && visit.closed === 'client-reset'
    if (isSilent && verdict.refusal === undefined) this.#guard.failed(visit.ip, lease, 'halfOpen', nowMs)
    if (this.#relays.has(play)) this.#charge(play, nowMs)
    if (visit.relayingMs === undefined || !lease.isRelaying) return
    const { fromClientBytes, toClientBytes, atMs } = visit
    this.#guard.used(lease, { ageMs: nowMs - atMs, fromClientBytes, toClientBytes }, nowMs)
  }

  #release(at: number): void {
    const play = this.#plays.get(at)
    if (play === undefined) return
    this.#plays.delete(at)
    this.#relays.delete(play)
    this.#users.leave(play.user)
    this.#guard.release(play.lease)
  }

  #chargeAll(nowMs: number): void {
    this.#chargedMs = nowMs
    for (const play of this.#relays) this.#charge(play, nowMs)
  }

  /** Its bytes are taken to have come evenly: of what it used there is only the sum. */
  #charge(play: Play, nowMs: number): void {
    const { visit, user } = play
    const quota = user.user?.limits.quota
    if (quota === undefined || visit.relayingMs === undefined) return
    const whole = visit.closedMs - visit.relayingMs
    const share = whole <= 0 ? 1 : Math.min(1, (nowMs - visit.relayingMs) / whole)
    const due = Math.floor(share * (visit.fromClientBytes + visit.toClientBytes)) - play.chargedBytes
    if (due <= 0) return
    play.chargedBytes += due
    if (this.#users.quotas.spend(user.place.row, quota, due) === due) return
    play.verdict.isCut = true
    this.#relays.delete(play)
    this.#users.leave(user)
  }

  #restoreQuotas(): void {
    const { used, timeline } = this.#options
    for (const { name, limits } of this.#terms.users.values()) {
      const before = used.get(name)
      const period = limits?.quota?.period
      if (before === undefined || period === undefined || before.limits.quota?.period !== period) continue
      const { usedBytes } = before
      const beganSec = periodStart(period, timeline.fromSec)
      if (usedBytes > 0) this.#users.restore(UserRows.keyOf(name), { period, beganSec, usedBytes })
    }
  }

  /** What the guard did when it was recorded it does again by itself; what an operator did is done for it. */
  #banByHand({ prefix, reason, forMs, times, isOld }: Happening & { kind: 'banned' }): void {
    const nowMs = this.#clock.mono()
    if (isOld) this.#guard.bans.put({ prefix: asPrefix(prefix), untilMs: nowMs + forMs, times, reason })
    else if (reason === 'by-hand') this.#guard.penalties.banPrefix(asPrefix(prefix), reason, 0, nowMs, forMs)
  }
}

function asPrefix({ ip, bits }: EncryptedPrefix): Prefix {
  const words = new Uint32Array(4)
  const view = new DataView(ip.buffer, ip.byteOffset, ip.length)
  for (let at = 0; at < ip.length / 4; at++) words[at] = view.getUint32(4 * at)
  return { words, tag: tagOf(ip.length === 4 ? 4 : 6, bits) }
}
