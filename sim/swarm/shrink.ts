import type { Violation } from '../checkers/index.ts'
import { drawOptions } from '../scenarios/options.ts'
import { caseText, type Case } from './case.ts'
import type { Outcome } from './outcome.ts'
import { PLAIN, type Plain } from './restrict.ts'

/** The first violation of a case, of the invariant that is looked for; undefined when the case holds it. */
export type Fails = (one: Case) => Violation | undefined

export interface ShrinkOptions {
  readonly fails: Fails
  /** Cases that are tried at most. */
  readonly triesMax?: number
  /** Told of each smaller case that fails still. */
  readonly onSmaller?: (one: Case, tries: number) => void
}

export interface Shrunk {
  readonly case: Case
  readonly violation: Violation
  readonly tries: number
  /** Whether nothing can be left out of it any more; false when the tries were used up. */
  readonly isMinimal: boolean
}

type List = 'faults' | 'talks' | 'probes'
type Items = readonly (number | string)[]

const TRIES_MAX = 1_000
const SAFETY_MIN_MS = 1_000

/** What a failing case can be made of: everything that it draws, item by item. */
export function explicit(one: Case, { came }: Pick<Outcome, 'came'>): Case {
  const { faults, settings, safetyMs } = drawOptions(one.seed)
  const upTo = (count: number) => Array.from({ length: count }, (_, at) => at + 1)
  return {
    faults: [...faults],
    talks: upTo(came.talks),
    probes: upTo(came.probes),
    secrets: settings.secrets.length,
    plain: [],
    safetyMs,
    ...one,
  }
}

/**
 * A case that fails as `start` does and from which nothing can be left out, by delta debugging (Zeller and Hildebrandt, 2002):
 * pieces of each list are left out, half of it first and single items last, until a whole round finds nothing any more. The run ends
 * with the violation. Undefined when `start` itself does not fail.
 */
export function shrink(start: Case, options: ShrinkOptions): Shrunk | undefined {
  const search = new Search(options)
  if (!search.tries(start)) return undefined
  for (let before: Case | undefined; before !== search.best;) {
    before = search.best
    for (const name of ['probes', 'talks', 'faults'] as const) fewer(search, name)
    for (const name of Object.keys(PLAIN) as Plain[]) search.tries(simpler(search.best, name))
    for (let secrets = 1; secrets < (search.best.secrets ?? 1); secrets++) search.tries({ ...search.best, secrets })
    shorter(search)
    lessStrangers(search)
  }
  const { best, violation, count } = search
  return { case: best, violation: violation!, tries: count, isMinimal: !search.isUsedUp }
}

/** The smallest case so far, and what has been tried. */
class Search {
  best: Case = { seed: 0 }
  violation: Violation | undefined
  count = 0
  isUsedUp = false
  readonly #options: ShrinkOptions
  readonly #tried = new Set<string>()

  constructor(options: ShrinkOptions) {
    this.#options = options
  }

  /** Whether it fails, too; then it is the best from now on, and ends where it fails. */
  tries(one: Case): boolean {
    const text = caseText(one)
    if (this.#tried.has(text)) return false
    if (this.count >= (this.#options.triesMax ?? TRIES_MAX)) {
      this.isUsedUp = true
      return false
    }
    this.#tried.add(text)
    this.count++
    const violation = this.#options.fails(one)
    if (violation === undefined) return false
    this.violation = violation
    this.best = cut(one, violation)
    this.#tried.add(caseText(this.best))
    this.#options.onSmaller?.(this.best, this.count)
    return true
  }
}

/** Ends a case behind its violation; one that only two runs show has no time. */
function cut(one: Case, { atMs }: Violation): Case {
  return atMs === 0 ? one : { ...one, untilMs: Math.min(one.untilMs ?? Infinity, atMs + 1) }
}

/** Leaves out of a list what can be left out: all, then ever smaller pieces. */
function fewer(search: Search, name: List): void {
  const items = () => (search.best[name] ?? []) as Items
  const without = (from: number, count: number) => ({
    ...search.best,
    [name]: [...items().slice(0, from), ...items().slice(from + count)],
  })
  if (items().length === 0 || search.tries(without(0, items().length))) return
  for (let size = items().length >> 1; size >= 1; size >>= 1)
    for (let at = 0; at < items().length;) if (!search.tries(without(at, size))) at += size
}

function simpler(one: Case, name: Plain): Case {
  return { ...one, plain: [...new Set([...(one.plain ?? []), name])] }
}

function shorter(search: Search): void {
  for (;;) {
    const safetyMs = Math.floor((search.best.safetyMs ?? 0) / 2)
    if (safetyMs < SAFETY_MIN_MS || !search.tries({ ...search.best, safetyMs })) return
  }
}

function lessStrangers(search: Search): void {
  for (;;) {
    const { strangers = 0, ...without } = search.best
    if (strangers === 0 || search.tries(without)) return
    if (!search.tries({ ...without, strangers: Math.floor(strangers / 2) })) return
  }
}
