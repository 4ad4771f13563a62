import type { Mutant } from './mutant.ts'

const OVERLOAD = 'src/core/guard/overload.ts'

/** What is shed when something is short, and what is not. */
export const OVERLOAD_MUTANTS: readonly Mutant[] = [
  {
    name: 'the first level of overload refuses known sources too',
    invariant: 'I28',
    file: 'src/core/guard/guard.ts',
    find: 'this.#overload.level > (isKnown ? 1 : 0)',
    replace: 'this.#overload.level > (isKnown ? 0 : 0)',
  },
  {
    name: 'the first level of overload lets strangers in',
    invariant: 'I28',
    file: 'src/core/guard/guard.ts',
    find: 'this.#overload.level > (isKnown ? 1 : 0)',
    replace: 'this.#overload.level > (isKnown ? 1 : 1)',
  },
  {
    name: 'the second level of overload lets known sources in',
    invariant: 'I28',
    file: OVERLOAD,
    find: 'if (meter.level > level) level = meter.level',
    replace: 'if (meter.level > level) level = 1',
  },
  {
    name: 'who is refused at the second level of overload is masked',
    invariant: 'I28',
    file: 'src/core/guard/guard.ts',
    find: "lease.isExcess = true\n      lease.refusal = 'overload'",
    replace: "lease.isExcess = false\n      lease.refusal = 'overload'",
  },
  {
    name: 'a level of overload is left at once',
    invariant: 'I28',
    file: OVERLOAD,
    find: 'nowMs - this.#lowSince < HOLD_MS',
    replace: 'nowMs - this.#lowSince < HOLD_MS / 4',
  },
  {
    name: 'the tarpit has no bound',
    invariant: 'I28',
    file: 'src/core/session/tarpit.ts',
    find: 'if (this.#taken >= this.max) return false',
    replace: 'if (this.#taken > 1e9) return false',
  },
]
