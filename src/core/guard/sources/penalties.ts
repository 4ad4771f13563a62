import type { Emit } from '../../events.ts'
import type { GuardSettings } from '../../settings.ts'
import type { BanReason, BanTable } from './bans.ts'
import { formatPrefix, parentTag, prefixInto, sourceTag, type Prefix } from './prefix.ts'
import type { Reputation } from './reputation.ts'
import type { SourceKey } from './source-key.ts'
import type { SourceTable } from './table.ts'

/** So many banned sources in one prefix above, within some minutes, and all of it is banned. */
const CHILDREN = { 4: 8, 6: 4 } as const
const TIMES_MAX = 255

export interface PenaltyOptions {
  readonly bans: BanTable
  readonly table: SourceTable
  readonly reputation: Reputation
  readonly settings: () => GuardSettings
  readonly emit: Emit
}

/** Makes bans: each longer than the one before, of the source and, where many of its neighbours are banned too, of all of them. */
export class Penalties {
  readonly #options: PenaltyOptions

  constructor(options: PenaltyOptions) {
    this.#options = options
  }

  /** Bans a source; and the prefix above it, unless many use that one well. */
  ban(source: SourceKey, reason: BanReason, score: number, nowMs: number): void {
    if (source.family === 0) return
    const { table, reputation, settings } = this.#options
    if (!this.banPrefix(prefixOf(source, sourceTag(source, settings().ipv6Prefix)), reason, score, nowMs)) return
    const above = prefixOf(source, parentTag(source))
    const entry = table.lock(above.words, above.tag, nowMs)
    if (entry < 0) return
    const children = reputation.childBanned(entry, nowMs)
    const isShared = reputation.isShared(entry)
    table.unlock(entry)
    if (children >= CHILDREN[source.family] && !isShared) this.banPrefix(above, 'children', children, nowMs)
  }

  /** A prefix is bad as a whole: banned, or told of where that is not wanted; `isNew` when it was not before. */
  judgePrefix(source: SourceKey, tag: number, score: number, isNew: boolean, nowMs: number): void {
    const { settings, emit } = this.#options
    const prefix = prefixOf(source, tag)
    if (settings().anomaly === 'enforce') this.banPrefix(prefix, 'prefix', score, nowMs)
    else if (isNew) emit({ kind: 'suspect', prefix: formatPrefix(prefix), detector: 'prefix', score })
  }

  /** For as long as its past says; false when it is banned already. `forMs` replaces that, for a ban by hand. */
  banPrefix(prefix: Prefix, reason: BanReason, score: number, nowMs: number, forMs?: number): boolean {
    const { bans, settings, emit } = this.#options
    const { blockForMs, blockMaxMs } = settings()
    const before = bans.get(prefix)
    if (before !== undefined && before.untilMs > nowMs && forMs === undefined) return false
    // As with fail2ban's increments: who has been good for as long as the longest ban starts anew.
    const isRepeated = before !== undefined && nowMs - before.untilMs < blockMaxMs
    const times = isRepeated ? Math.min(TIMES_MAX, before.times + 1) : 1
    const lengthMs = forMs ?? Math.min(blockMaxMs, blockForMs * (1 << Math.min(30, times - 1)))
    bans.put({ prefix, untilMs: nowMs + lengthMs, times, reason })
    emit({ kind: 'banned', prefix: formatPrefix(prefix), reason, forMs: lengthMs, times, score })
    return true
  }

  /** A ban is lifted, and what led to it forgotten; false when there was none. */
  lift(prefix: Prefix): boolean {
    const { bans, table, reputation, emit } = this.#options
    const entry = table.find(prefix.words, prefix.tag)
    if (entry >= 0) {
      reputation.forgive(entry)
      table.unlock(entry)
    }
    if (!bans.remove(prefix)) return false
    emit({ kind: 'unbanned', prefix: formatPrefix(prefix) })
    return true
  }
}

function prefixOf(source: SourceKey, tag: number): Prefix {
  const words = new Uint32Array(4)
  prefixInto(source, tag, words)
  return { words, tag }
}
