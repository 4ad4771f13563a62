import { FAULTS, type Fault } from '../scenarios/options.ts'
import { PLAIN, type Plain } from './restrict.ts'

/**
 * One run of the simulator: a seed, and how much of what it draws stays. What is absent stays whole. The same case leaves the
 * same trace always, and it is one word of text: `seed=42,talks=3+7,faults=none,untilMs=31204`.
 */
export interface Case extends Restriction {
  readonly seed: number
  /** Distinct sources that come once each beside everything else. */
  readonly strangers?: number
}

/** What may come of a seed, at most. */
export interface Restriction {
  /** What may go wrong, of the faults that the seed draws. */
  readonly faults?: readonly Fault[]
  /** Which honest clients come, by number in the order in which all would come; the first is 1. */
  readonly talks?: readonly number[]
  /** The same of everybody else. */
  readonly probes?: readonly number[]
  /** So many secrets, from the first on. */
  readonly secrets?: number
  /** What is as simple as it can be. */
  readonly plain?: readonly Plain[]
  /** Length of the time with faults. */
  readonly safetyMs?: number
  /** Virtual ms from the start, after which the run ends wherever it is, without a word about what is left. */
  readonly untilMs?: number
}

type Key = keyof Case
type Value = number | readonly (number | string)[]

const SEED_MAX = 2 ** 32 - 1
const COUNT_MAX = 10_000_000
/** The longest run waits for clocks that were hours ahead. */
const MS_MAX = 100_000_000
const LIST_MAX = 10_000

/** How each part is read, and what is said of it when it is wrong. */
const READERS: Readonly<Record<Key, (text: string) => Value | undefined>> = {
  seed: (text) => whole(text, 0, SEED_MAX),
  strangers: (text) => whole(text, 0, COUNT_MAX),
  faults: (text) => listOf(text, (word) => FAULTS.find((fault) => fault === word)),
  talks: (text) => listOf(text, (word) => whole(word, 1, COUNT_MAX)),
  probes: (text) => listOf(text, (word) => whole(word, 1, COUNT_MAX)),
  secrets: (text) => whole(text, 1, COUNT_MAX),
  plain: (text) => listOf(text, (word) => Object.keys(PLAIN).find((name) => name === word)),
  safetyMs: (text) => whole(text, 1, MS_MAX),
  untilMs: (text) => whole(text, 1, MS_MAX),
}
const ALLOWED: Readonly<Record<Key, string>> = {
  seed: `a whole number from 0 to ${SEED_MAX}`,
  strangers: `a whole number from 0 to ${COUNT_MAX}`,
  faults: `none, or some of ${FAULTS.join('+')}`,
  talks: 'none, or numbers such as 3+7',
  probes: 'none, or numbers such as 3+7',
  secrets: 'a whole number from 1 on',
  plain: `none, or some of ${Object.keys(PLAIN).join('+')}`,
  safetyMs: `a whole number from 1 to ${MS_MAX}`,
  untilMs: `a whole number from 1 to ${MS_MAX}`,
}
const KEYS = Object.keys(READERS) as readonly Key[]

/** As `readCase` reads it; parts always in the same order. */
export function caseText(one: Case): string {
  return KEYS.filter((key) => one[key] !== undefined)
    .map((key) => `${key}=${valueText(one[key]!)}`)
    .join(',')
}

/** A case from its text, or one line that says what is wrong with it. */
export function readCase(text: string): Case | { readonly problem: string } {
  const found: Partial<Record<Key, Value>> = {}
  for (const part of text.split(',')) {
    const [name, ...rest] = part.split('=')
    const key = KEYS.find((each) => each === name)
    if (key === undefined || rest.length !== 1)
      return {
        problem: `case: expected parts such as ${KEYS.map((each) => `${each}=`).join(' ')}, got ${quoted(part)}`,
      }
    if (key in found) return { problem: `case: ${key} stands there twice` }
    const value = READERS[key](rest[0])
    if (value === undefined) return { problem: `case: ${key}: expected ${ALLOWED[key]}, got ${quoted(rest[0])}` }
    found[key] = value
  }
  if (found.seed === undefined) return { problem: 'case: expected a seed, such as seed=42' }
  // Each reader gives what the part of its name holds.
  return found as unknown as Case
}

/** The same of an object with the parts as keys, as a JSON file holds it. */
export function readCaseObject(found: unknown): Case | { readonly problem: string } {
  if (typeof found !== 'object' || found === null || Array.isArray(found))
    return { problem: 'case: expected an object such as {"seed": 42}' }
  const parts = Object.entries(found).map(([key, value]) => `${key}=${valueText(value as Value)}`)
  return readCase(parts.join(','))
}

function valueText(value: Value): string {
  if (!Array.isArray(value)) return String(value)
  return value.length === 0 ? 'none' : value.join('+')
}

function whole(text: string, min: number, max: number): number | undefined {
  const found = Number(text)
  return /^\d{1,10}$/.test(text) && found >= min && found <= max ? found : undefined
}

/** Each word once, none of them unknown. */
function listOf<T extends number | string>(
  text: string,
  read: (word: string) => T | undefined,
): readonly T[] | undefined {
  if (text === 'none') return []
  const found = text.split('+').map(read)
  const isGood = found.length <= LIST_MAX && new Set(found).size === found.length && !found.includes(undefined)
  return isGood ? (found as readonly T[]) : undefined
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 80))
}
