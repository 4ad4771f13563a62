import type { GuardSettings } from '../settings.ts'
import { areMany, isBadPrefix } from './detectors/prefix.ts'
import type { Penalties } from './sources/penalties.ts'
import { parentTag, prefixInto } from './sources/prefix.ts'
import type { Reputation } from './sources/reputation.ts'
import type { SourceKey } from './sources/source-key.ts'
import type { SourceTable } from './sources/table.ts'

export interface NeighbourOptions {
  readonly table: SourceTable
  readonly reputation: Reputation
  readonly penalties: Penalties
  readonly settings: () => GuardSettings
}

/** What the prefix above a source, a /24 or a /48, remembers of all that lies in it: who takes another address each time is found there. */
export class Neighbours {
  readonly #options: NeighbourOptions
  readonly #words = new Uint32Array(4)

  constructor(options: NeighbourOptions) {
    this.#options = options
  }

  succeeded(source: SourceKey, nowMs: number): void {
    const { table, reputation } = this.#options
    const entry = this.#lock(source, nowMs)
    if (entry < 0) return
    reputation.succeeded(entry, nowMs)
    table.unlock(entry)
  }

  /** `isFirst`: of that source, of late. Enough of it from many sources, and the prefix is judged as a whole. */
  failed(source: SourceKey, weight: number, isFirst: boolean, nowMs: number): void {
    const { table, reputation, penalties, settings } = this.#options
    const { blockScore, anomaly } = settings()
    const { family } = source
    if (family === 0 || anomaly === 'off') return
    const entry = this.#lock(source, nowMs)
    if (entry < 0) return
    const before = reputation.score(entry)
    reputation.failed(entry, weight, nowMs)
    if (isFirst) table.failing[entry] += 1
    const score = reputation.score(entry)
    const isShared = reputation.isShared(entry)
    const failing = table.failing[entry]
    table.unlock(entry)
    if (!isBadPrefix(family, failing, score, isShared, blockScore)) return
    penalties.judgePrefix(source, parentTag(source), score, before < blockScore, nowMs)
  }

  /** Its score, where many of it failed of late; 0 otherwise. */
  scoreOf(source: SourceKey): number {
    const { table, reputation } = this.#options
    const { family } = source
    if (family === 0) return 0
    prefixInto(source, parentTag(source), this.#words)
    const entry = table.find(this.#words, parentTag(source))
    if (entry < 0) return 0
    const score = areMany(family, table.failing[entry]) ? reputation.score(entry) : 0
    table.unlock(entry)
    return score
  }

  #lock(source: SourceKey, nowMs: number): number {
    const tag = parentTag(source)
    prefixInto(source, tag, this.#words)
    return this.#options.table.lock(this.#words, tag, nowMs)
  }
}
