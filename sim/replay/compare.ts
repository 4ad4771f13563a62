import type { RejectReason } from '../../src/core/events.ts'
import { formatPrefix, parsePrefix } from '../../src/core/guard/sources/prefix.ts'
import type { RecordedConfig } from '../../src/observe/trace/recorded.ts'
import type { Ban, Outcome, Refusal } from './engine.ts'
import { isOfPolicy } from './reasons.ts'
import type { Terms } from './terms.ts'
import { bandwidthOf, type Crowded } from './bandwidth.ts'
import type { Timeline, Visit } from './timeline.ts'

/** Connections that one reason decides otherwise. */
export interface ReasonRow {
  readonly reason: Refusal
  connections: number
  /** Of those, the ones that were let in with a secret when recorded; of newly admitted ones none was. */
  served: number
  readonly sources: Set<string>
}

export interface SourceRow {
  readonly address: string
  /** All that came from there. */
  connections: number
  /** Let in with a secret when recorded. */
  served: number
  newlyRefused: number
  newlyAdmitted: number
  /** Let in with a secret when recorded, and refused or cut off now. */
  victims: number
  readonly reasons: Set<string>
  readonly users: Set<string>
  /** Unix second of the first that is decided otherwise. */
  firstSec: number
}

export interface UserRow {
  readonly name: string
  connections: number
  newlyRefused: number
  newlyAdmitted: number
  /** Relays that its quota ends, and did not before. */
  cut: number
  /** Minutes in which more was relayed for it than its bandwidth lets pass now; 0 where it has none. */
  crowdedMinutes: number
  readonly reasons: Set<string>
}

export interface BanRow {
  readonly prefix: string
  readonly reason: string
  readonly times: number
  readonly firstSec: number
}

/** `same`: as they were recorded, of `all` connections. */
export interface Agreement {
  readonly all: number
  readonly same: number
  /** "recorded as → replayed as", and how many; the most first. */
  readonly others: readonly { readonly recorded: string; readonly replayed: string; readonly connections: number }[]
}

export interface Report {
  readonly fromSec: number
  readonly spanSec: number
  readonly connections: number
  readonly sources: number
  readonly served: number
  readonly lostRecords: number
  readonly agreement: Agreement
  readonly refusedBefore: number
  readonly refusedNow: number
  readonly newlyRefused: readonly ReasonRow[]
  readonly newlyAdmitted: readonly ReasonRow[]
  /** Of the newly admitted those of whom nobody knows what they would have done. */
  readonly unknown: number
  readonly newlyBanned: readonly BanRow[]
  readonly noLongerBanned: readonly BanRow[]
  /** Those whom limits of users decide otherwise. */
  readonly users: readonly UserRow[]
  /** Of which a connection is decided otherwise; those that were served when recorded first. */
  readonly differing: readonly SourceRow[]
  readonly notes: readonly string[]
}

export interface CompareOptions {
  readonly timeline: Timeline
  /** What the same engine decides by what was in force, and by the new terms. */
  readonly before: Outcome
  readonly now: Outcome
  readonly next: Terms
  readonly notes: readonly string[]
}

/** What would be decided otherwise. */
export function compare({ timeline, before, now, next, notes }: CompareOptions): Report {
  const { visits, fromMs, fromSec, untilMs } = timeline
  const secOf = (atMs: number) => Math.floor(fromSec + (atMs - fromMs) / 1000)
  const tally = new Tally(secOf)
  visits.forEach((visit, at) => tally.visit(visit, before.verdicts[at], now.verdicts[at]))
  tally.crowded(bandwidthOf(visits, next))
  return {
    ...{ fromSec, spanSec: (untilMs - fromMs) / 1000, connections: visits.length, lostRecords: timeline.lost },
    ...tally.report(),
    agreement: agreementOf(timeline, before),
    newlyBanned: bansOnlyIn(now.bans, before.bans, secOf),
    noLongerBanned: bansOnlyIn(before.bans, now.bans, secOf),
    notes,
  }
}

/** How a connection was turned away when it was recorded. */
export function recordedRefusal(visit: Visit, configs: readonly RecordedConfig[]): RejectReason | undefined {
  const { guard } = configs[visit.config]
  if (visit.judged !== undefined && guard.isEnabled && !guard.isDryRun) return visit.judged
  if (visit.keptOut !== undefined) return visit.keptOut
  return visit.rejected !== undefined && isOfPolicy(visit.rejected) ? visit.rejected : undefined
}

/** It knew a secret and was let in: an honest client, as far as anybody can tell. */
export function wasServed({ user, keptOut, rejected }: Visit): boolean {
  return user !== undefined && keptOut === undefined && rejected === undefined
}

function agreementOf({ visits, configs }: Timeline, { verdicts }: Outcome): Agreement {
  const others = new Map<string, { recorded: string; replayed: string; connections: number }>()
  let same = 0
  visits.forEach((visit, at) => {
    const recorded = recordedRefusal(visit, configs) ?? 'admitted'
    const replayed = verdicts[at].refusal ?? 'admitted'
    if (recorded === replayed) {
      same++
      return
    }
    const key = `${recorded} ${replayed}`
    const row = others.get(key) ?? { recorded, replayed, connections: 0 }
    others.set(key, row)
    row.connections++
  })
  return { all: visits.length, same, others: [...others.values()].sort((a, b) => b.connections - a.connections) }
}

function bansOnlyIn(bans: readonly Ban[], others: readonly Ban[], secOf: (atMs: number) => number): BanRow[] {
  const known = new Set(others.map(({ prefix }) => prefix))
  const rows = new Map<string, BanRow>()
  for (const { prefix, reason, times, atMs } of bans) {
    if (known.has(prefix)) continue
    const firstSec = rows.get(prefix)?.firstSec ?? secOf(atMs)
    rows.set(prefix, { prefix: shown(prefix), reason, times, firstSec })
  }
  return [...rows.values()]
}

/** A ban of one address is written as the address. */
function shown(text: string): string {
  const prefix = parsePrefix(text)
  return prefix === undefined ? text : formatPrefix(prefix)
}

type Decided = Outcome['verdicts'][number]

class Tally {
  readonly #secOf: (atMs: number) => number
  readonly #refused = new Map<Refusal, ReasonRow>()
  readonly #admitted = new Map<Refusal, ReasonRow>()
  readonly #sources = new Map<string, SourceRow>()
  readonly #users = new Map<string, UserRow>()
  readonly #counts = { served: 0, refusedBefore: 0, refusedNow: 0, unknown: 0 }

  constructor(secOf: (atMs: number) => number) {
    this.#secOf = secOf
  }

  visit(visit: Visit, before: Decided, now: Decided): void {
    const isServed = wasServed(visit)
    const source = this.#source(visit)
    const user = visit.user === undefined ? undefined : this.#user(visit.user)
    source.connections++
    if (user !== undefined) user.connections++
    if (isServed) {
      source.served++
      this.#counts.served++
    }
    if (before.refusal !== undefined) this.#counts.refusedBefore++
    if (now.refusal !== undefined) this.#counts.refusedNow++
    const isCut = now.isCut && !before.isCut
    if (now.refusal === before.refusal && !isCut) return
    const { reasons } = source
    if (before.refusal === undefined && (now.refusal !== undefined || isCut)) {
      source.newlyRefused++
      if (isServed) source.victims++
      reasons.add(now.refusal ?? 'quota')
      count(this.#refused, now.refusal ?? 'quota', visit)
      if (user !== undefined) this.#lose(user, now)
    } else if (now.refusal === undefined && before.refusal !== undefined) {
      source.newlyAdmitted++
      count(this.#admitted, before.refusal, visit)
      if (now.isUnknown) this.#counts.unknown++
      reasons.add(`was ${before.refusal}`)
      if (user !== undefined) user.newlyAdmitted++
    } else return
    source.firstSec = Math.min(source.firstSec, this.#secOf(visit.atMs))
    if (visit.user !== undefined) source.users.add(visit.user)
  }

  crowded(found: Crowded): void {
    for (const [name, minutes] of found) this.#user(name).crowdedMinutes = minutes
  }

  report() {
    const rows = (of: ReadonlyMap<Refusal, ReasonRow>) => [...of.values()].sort((a, b) => b.connections - a.connections)
    const differing = [...this.#sources.values()].filter(
      ({ newlyRefused, newlyAdmitted }) => newlyRefused + newlyAdmitted > 0,
    )
    const isTouched = (user: UserRow) => user.newlyRefused + user.newlyAdmitted + user.cut + user.crowdedMinutes > 0
    return {
      ...this.#counts,
      sources: this.#sources.size,
      newlyRefused: rows(this.#refused),
      newlyAdmitted: rows(this.#admitted),
      users: [...this.#users.values()].filter(isTouched).sort((a, b) => b.newlyRefused - a.newlyRefused),
      differing: differing.sort(byHarm),
    }
  }

  #lose(user: UserRow, { refusal, isCut }: Decided): void {
    if (isCut) user.cut++
    else user.newlyRefused++
    user.reasons.add(refusal ?? 'quota')
  }

  #source({ ip }: Visit): SourceRow {
    const known = this.#sources.get(ip)
    if (known !== undefined) return known
    const row: SourceRow = {
      ...{ address: ip, connections: 0, served: 0, newlyRefused: 0, newlyAdmitted: 0, victims: 0 },
      ...{ reasons: new Set<string>(), users: new Set<string>(), firstSec: Infinity },
    }
    this.#sources.set(ip, row)
    return row
  }

  #user(name: string): UserRow {
    const known = this.#users.get(name)
    if (known !== undefined) return known
    const row: UserRow = {
      ...{ name, connections: 0, newlyRefused: 0, newlyAdmitted: 0, cut: 0, crowdedMinutes: 0 },
      reasons: new Set<string>(),
    }
    this.#users.set(name, row)
    return row
  }
}

function count(rows: Map<Refusal, ReasonRow>, reason: Refusal, visit: Visit): void {
  const row = rows.get(reason) ?? { reason, connections: 0, served: 0, sources: new Set<string>() }
  rows.set(reason, row)
  row.connections++
  if (wasServed(visit)) row.served++
  row.sources.add(visit.ip)
}

/** Whoever was served and is not any more comes first. */
function byHarm(a: SourceRow, b: SourceRow): number {
  return b.victims - a.victims || b.newlyRefused - a.newlyRefused || b.newlyAdmitted - a.newlyAdmitted
}
