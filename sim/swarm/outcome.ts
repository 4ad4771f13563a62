import { VIOLATED, type Violation } from '../checkers/index.ts'
import { drawOptions, type Profile } from '../scenarios/options.ts'
import { runSeed, type RunResult } from '../scenarios/run.ts'
import { MONO_START } from '../world/world.ts'
import { caseText, type Case } from './case.ts'

/** What came of a case; as JSON it goes from one process to another. */
export interface Outcome {
  readonly seed: number
  readonly case: string
  readonly profile: Profile
  readonly hash: string
  readonly events: number
  readonly violations: readonly Violation[]
  readonly reached: readonly (readonly [what: string, count: number])[]
  readonly came: RunResult['came']
  /** The last lines of the trace before the first violation; empty where there is none. */
  readonly last: readonly string[]
}

export interface RunCaseOptions {
  /** Whether it runs a second time, which must leave the same trace (I13). */
  readonly isTwice?: boolean
  /** Virtual ms since the start, and what happened. */
  readonly onTrace?: (atMs: number, what: string) => void
}

const LAST_LINES = 25

/** Runs a case here and now. */
export function runCase(one: Case, { isTwice = false, onTrace }: RunCaseOptions = {}): Outcome {
  const { seed, strangers = 0, ...only } = one
  const tail = new Tail()
  const result = runSeed(seed, {
    strangers,
    only,
    onTrace: (monoMs, what) => {
      const atMs = monoMs - MONO_START
      tail.add(atMs, what)
      onTrace?.(atMs, what)
    },
  })
  const { hash, events, violations, reached, came } = result
  const isOther = isTwice && runSeed(seed, { strangers, only }).hash !== hash
  return {
    ...{ seed, case: caseText(one), profile: drawOptions(seed).profile, hash, events, came },
    violations: isOther ? [...violations, differs('the same seed left another trace the second time')] : violations,
    reached: [...reached],
    last: tail.beforeViolation,
  }
}

/** I13, which no checker of one run can see. */
export function differs(what: string): Violation {
  return { invariant: 'I13', what, atMs: 0 }
}

/** The last lines of a trace, up to the first violation. */
class Tail {
  readonly #lines: string[] = []
  #at = 0
  #found: readonly string[] | undefined

  get beforeViolation(): readonly string[] {
    return this.#found ?? []
  }

  add(atMs: number, what: string): void {
    if (this.#found !== undefined) return
    if (what.startsWith(VIOLATED)) {
      this.#found = [...this.#lines.slice(this.#at), ...this.#lines.slice(0, this.#at)]
      return
    }
    this.#lines[this.#at] = `${atMs} ms ${what}`
    this.#at = (this.#at + 1) % LAST_LINES
  }
}
