import type { BanKeeper } from '../core/guard/ban-keeper.ts'
import type { Guard } from '../core/guard/guard.ts'
import type { Ban } from '../core/guard/sources/bans.ts'
import { covers, formatPrefix, parsePrefix, type Prefix } from '../core/guard/sources/prefix.ts'
import type { Clock } from '../core/ports.ts'
import type { GuardSettings } from '../core/settings.ts'
import type { Request } from './requests.ts'

/** One ban in force, as `palisade bans --json` prints it. Its prefix is whole whatever `log.addresses` says: `unban` needs it. */
export interface BanRow {
  readonly prefix: string
  readonly reason: string
  /** How many in a row, this one included. */
  readonly times: number
  /** Unix time. */
  readonly until_sec: number
  readonly remaining_sec: number
  /** What handshakes of late say about it; null where nothing is remembered. */
  readonly score: number | null
}

export interface Bans {
  readonly total: number
  /** The longest first. */
  readonly rows: readonly BanRow[]
}

export interface Banned extends BanRow {
  /** What was left of the ban that this one replaces; null: there was none. */
  readonly replaced_sec: number | null
  /** False: `guard.enabled` or `guard.dry_run` say that nobody is refused. */
  readonly enforced: boolean
}

export interface Unbanned {
  /** Prefixes whose ban is lifted, at most as many as an answer has room for. */
  readonly lifted: readonly string[]
  readonly total: number
  /** Bans of wider prefixes that still keep it out. */
  readonly covered_by: readonly string[]
}

export interface BanDeskOptions {
  readonly guard: Guard
  readonly keeper: BanKeeper
  readonly clock: Clock
  readonly settings: () => GuardSettings
}

const LIFTED_SHOWN = 1_000

/** Bans by hand. They lie in memory that all workers map, so one process speaks for all of them. */
export class BanDesk {
  readonly #options: BanDeskOptions

  constructor(options: BanDeskOptions) {
    this.#options = options
  }

  list({ limit }: Request<'bans'>): Bans {
    const found = this.#inForce().sort((a, b) => b.untilMs - a.untilMs)
    return { total: found.length, rows: found.slice(0, limit).map((ban) => this.#row(ban)) }
  }

  /** In force that cover an address or a range, itself included; the longest prefix first. */
  covering(text: string): readonly BanRow[] {
    const prefix = prefixOf(text)
    return this.#inForce()
      .filter((ban) => covers(ban.prefix, prefix))
      .sort((a, b) => b.prefix.tag - a.prefix.tag)
      .map((ban) => this.#row(ban))
  }

  /** Settles once the ban is on the disk; rejects when it holds now, but could not be written. */
  async ban({ prefix: text, for_ms }: Request<'ban'>): Promise<Banned> {
    const { guard, clock, settings } = this.#options
    const prefix = prefixOf(text)
    const now = clock.mono()
    const before = guard.bans.get(prefix)
    const leftMs = before === undefined ? 0 : before.untilMs - now
    const { isEnabled, isDryRun, blockForMs } = settings()
    guard.penalties.banPrefix(prefix, 'by-hand', 0, now, for_ms ?? blockForMs)
    const ban = guard.bans.get(prefix)
    await this.#flush([prefix], 'the ban')
    if (ban === undefined) throw new Error('the ban was lifted at the same moment')
    const replaced_sec = leftMs > 0 ? Math.ceil(leftMs / 1000) : null
    return { ...this.#row(ban), replaced_sec, enforced: isEnabled && !isDryRun }
  }

  /** Lifts the ban of a prefix and of all that lies in it, and forgets what led to them. Settles as `ban` does. */
  async unban(request: Request<'unban'>): Promise<Unbanned> {
    const { guard } = this.#options
    const prefix = 'prefix' in request ? prefixOf(request.prefix) : undefined
    // Those that are over as well: the next one would be longer for them.
    const meant = [...guard.bans.list()].filter((ban) => prefix === undefined || covers(prefix, ban.prefix))
    const now = this.#options.clock.mono()
    const lifted = meant.filter((ban) => guard.unban(ban.prefix) && ban.untilMs > now)
    // Its past is forgotten even where it had not come to a ban yet.
    if (prefix !== undefined && meant.length === 0) guard.unban(prefix)
    await this.#flush(
      meant.map((ban) => ban.prefix),
      'that they are lifted',
    )
    const covered_by = 'prefix' in request ? this.covering(request.prefix).map((row) => row.prefix) : []
    const shown = lifted.slice(0, LIFTED_SHOWN).map((ban) => formatPrefix(ban.prefix))
    return { lifted: shown, total: lifted.length, covered_by }
  }

  #inForce(): Ban[] {
    const now = this.#options.clock.mono()
    return [...this.#options.guard.bans.list()].filter(({ untilMs }) => untilMs > now)
  }

  async #flush(prefixes: readonly Prefix[], what: string): Promise<void> {
    const { guard, keeper } = this.#options
    const buckets = new Set(prefixes.map((prefix) => guard.bans.bucketOf(prefix)))
    const done = await Promise.all(
      [...buckets].map((bucket) => new Promise<boolean>((resolve) => keeper.flush(bucket, resolve))),
    )
    if (done.includes(false)) throw new Error(`holds now, but ${what} could not be written to the disk: see the log`)
  }

  #row({ prefix, reason, times, untilMs }: Ban): BanRow {
    const { guard, clock } = this.#options
    const leftMs = untilMs - clock.mono()
    const score = guard.penalties.scoreOf(prefix)
    return {
      prefix: formatPrefix(prefix),
      ...{ reason, times },
      until_sec: Math.ceil(clock.wall() + leftMs / 1000),
      remaining_sec: Math.ceil(leftMs / 1000),
      score: score === undefined ? null : Math.round(score),
    }
  }
}

/** The request was looked at before. */
function prefixOf(text: string): Prefix {
  const prefix = parsePrefix(text)
  if (prefix === undefined) throw new Error(`${text}: expected an IP address or a range`)
  return prefix
}
