import { readCase, type Case } from './case.ts'
import { failureText, shrunkText } from './failure.ts'
import { runCase, type Outcome } from './outcome.ts'
import { explicit, shrink } from './shrink.ts'

/** Failures that are told with what happened before; further ones without, and at last none. */
const TOLD_WHOLE = 5
const TOLD = 50
const SHRUNK_MAX = 3

/** Tells what failed on stdout, and counts. */
export class Report {
  passed = 0
  failed = 0
  /** The first failure of each invariant. */
  readonly #firsts = new Map<string, Outcome>()

  fail(outcome: Outcome): void {
    const { invariant } = outcome.violations[0]
    if (!this.#firsts.has(invariant)) this.#firsts.set(invariant, outcome)
    this.failed++
    if (this.failed <= TOLD) print(failureText(outcome, this.failed <= TOLD_WHOLE))
    else if (this.failed === TOLD + 1) print('further failures are only counted')
  }

  /** What is no case's failure. */
  failAs(what: string): void {
    this.failed++
    print(what)
  }

  /** Looks for less that fails in the same way. */
  shrinkAll(): void {
    for (const [invariant, outcome] of [...this.#firsts].slice(0, SHRUNK_MAX)) {
      process.stderr.write(`shrinking seed ${outcome.seed}, ${invariant}\n`)
      print(shrunkOf(invariant, outcome))
    }
  }
}

function shrunkOf(invariant: string, { case: text, violations }: Outcome): string {
  const one = readCase(text) as Case
  const isTwice = invariant === 'I13'
  const { atMs } = violations[0]
  // Only who comes before it can have to do with it.
  const start = explicit(one, runCase(atMs > 0 ? { ...one, untilMs: atMs + 1 } : one))
  const shrunk = shrink(start, {
    fails: (smaller) => runCase(smaller, { isTwice }).violations.find((each) => each.invariant === invariant),
  })
  if (shrunk === undefined)
    return `seed ${one.seed}: ${invariant} did not fail again in this process, and cannot be shrunk`
  return shrunkText(shrunk)
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
