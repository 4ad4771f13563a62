import { parseCidr } from '../../address.ts'
import type { AccessSettings } from '../../settings.ts'
import type { Steps } from './flatten.ts'
import { ACCESS_LEVELS, rankOf, type AccessLevel } from './levels.ts'
import { PrefixTable, type PrefixSource } from './prefix-table.ts'
import { Prefixes } from './prefixes.ts'

/** Most lists of a configuration: their places must fit into a value of the table. */
export const LISTS_MAX = 16

/** Which part of the configuration decided. `default`: nothing names the address. */
export type Decider = 'deny' | 'rule' | 'allow' | 'list' | 'default'

export interface Decision {
  readonly level: AccessLevel
  readonly by: Decider
  /** The list it was, by its place in the configuration. */
  readonly list?: number
}

/** What has been read of a list. */
export interface LoadedList {
  readonly level: AccessLevel
  /** By its place in the configuration, 0..15. */
  readonly place: number
  readonly prefixes: Prefixes
}

// The value of a prefix says who names it and what its level is. At equal length the higher value holds:
//   0..63 lists, the stricter level before the looser | 64 allow | 80..83 rules, the stricter likewise | 96 deny
const ALLOW = 64
const RULE = 80
const DENY = 96

/**
 * Who has which level, of all rules together: the longest prefix that holds the address decides; at equal length deny before
 * rules before allow before lists, and among rules or lists the stricter level. Immutable.
 */
export class RuleSet {
  readonly #table: PrefixTable
  /** Of addresses that nothing names. */
  readonly #otherwise: AccessLevel

  private constructor(table: PrefixTable, otherwise: AccessLevel) {
    this.#table = table
    this.#otherwise = otherwise
  }

  static *make(settings: AccessSettings, lists: readonly LoadedList[]): Steps<RuleSet> {
    const { allow, deny, rules } = settings
    const sources: PrefixSource[] = lists.map(({ level, place, prefixes }) => ({
      value: LISTS_MAX * strictness(level) + place,
      prefixes,
    }))
    sources.push({ value: ALLOW, prefixes: prefixesOf(allow) }, { value: DENY, prefixes: prefixesOf(deny) })
    for (const level of ACCESS_LEVELS) {
      const its = rules.filter((rule) => rule.level === level).map(({ cidr }) => cidr)
      sources.push({ value: RULE + strictness(level), prefixes: prefixesOf(its) })
    }
    return new RuleSet(yield* PrefixTable.make(sources), allow.length > 0 ? 'none' : settings.default)
  }

  /** `ip`: 4 or 16 bytes. Allocates nothing. */
  levelOf(ip: Uint8Array): AccessLevel {
    const value = this.#table.find(ip)
    return value < 0 ? this.#otherwise : LEVELS[value]
  }

  /** The same, and who said so. */
  decide(ip: Uint8Array): Decision {
    const value = this.#table.find(ip)
    if (value < 0) return { level: this.#otherwise, by: 'default' }
    const level = LEVELS[value]
    if (value < ALLOW) return { level, by: 'list', list: value % LISTS_MAX }
    return { level, by: value === ALLOW ? 'allow' : value === DENY ? 'deny' : 'rule' }
  }
}

/** 3 for `none` down to 0 for `full`. */
function strictness(level: AccessLevel): number {
  return ACCESS_LEVELS.length - 1 - rankOf(level)
}

/** Level by value of the table. */
const LEVELS: readonly AccessLevel[] = Array.from({ length: DENY + 1 }, (_, value): AccessLevel => {
  if (value === DENY) return 'none'
  if (value >= RULE) return ACCESS_LEVELS[Math.max(0, ACCESS_LEVELS.length - 1 - (value - RULE))]
  return value >= ALLOW ? 'standard' : ACCESS_LEVELS[ACCESS_LEVELS.length - 1 - Math.floor(value / LISTS_MAX)]
})

function prefixesOf(cidrs: readonly string[]): Prefixes {
  const prefixes = new Prefixes()
  for (const text of cidrs) {
    const cidr = parseCidr(text)
    if (cidr !== undefined) prefixes.add(cidr)
  }
  prefixes.trim()
  return prefixes
}
