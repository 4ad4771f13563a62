import type { Settings } from '../../src/core/settings.ts'
import { compare, type Report } from './compare.ts'
import { replay } from './engine.ts'
import {
  knowsHosts,
  Names,
  newLevel,
  newTerms,
  recordedLevel,
  recordedTerms,
  usedAtStart,
  type Listed,
} from './terms.ts'
import type { Timeline } from './timeline.ts'

export interface WhatIfOptions {
  readonly timeline: Timeline
  /** Undefined: what was in force, which then differs in nothing. */
  readonly next: Settings | undefined
  /** Whether addresses are those of clients, and not pseudonyms. */
  readonly hasKey: boolean
  /** None unless given. */
  readonly listed?: Listed
  readonly notes: readonly string[]
}

/**
 * Plays a recording twice, by what was in force and by `next`, and compares. Both times it is the same engine, so that what it gets wrong
 * is wrong both times, and is no difference.
 */
export function whatIf({ timeline, next, hasKey, notes, listed = new Map() }: WhatIfOptions): Report {
  const names = new Names()
  const used = usedAtStart(timeline)
  const recorded = timeline.configs.map((config) => recordedTerms(config, names, listed))
  // Whoever was served was within the budget, whatever it says here of what was before the recording.
  const budget = knowsHosts(timeline) ? 'all' : undefined
  const before = replay({
    ...{ timeline, terms: recorded[0], levelOf: recordedLevel, recorded, used, withinBudget: budget },
  })
  if (next === undefined) return compare({ timeline, before, now: before, next: recorded[0], notes })
  const terms = newTerms(next, names, listed)
  const withinBudget = budget && before.beyondBudget
  const now = replay({ timeline, terms, levelOf: newLevel(terms, recorded, hasKey), used, withinBudget })
  return compare({ timeline, before, now, next: terms, notes })
}
