import { CLOSE_REASONS, REJECT_REASONS } from '../../src/core/events.ts'
import type { Violation } from '../checkers/index.ts'
import { FAULTS } from '../scenarios/options.ts'
import { TOKEN_TROUBLES } from '../scenarios/token-trouble.ts'

/** What happened over some runs, and how often. */
export type Reached = Map<string, number>

/**
 * A fault is a bug; a full generation takes 24,576 hellos, a spent budget 256 trials from one prefix, the limits of all and of
 * handshakes more connections than a run has, and nobody kills a session by hand: tested on their own.
 */
const NEVER_NEEDED = [
  ...['closed fault', 'closed killed', 'rejected replay-full', 'rejected trial-budget'],
  ...['rejected total-rate', 'rejected handshakes'],
]
/** Properties of links, which leave no mark of their own. */
const SILENT_FAULTS: readonly string[] = ['stalls', 'resets', 'dead-paths', 'stingy-writes']

const VIOLATIONS_SHOWN = 3

/** The first violations of a seed, and the command that shows them again. */
export function failure(seed: number, violations: readonly Violation[]): string {
  const first = violations.slice(0, VIOLATIONS_SHOWN)
  const lines = first.map(({ invariant, what, atMs }) => `seed ${seed}: ${invariant} after ${atMs} ms: ${what}`)
  return [...lines, `  to see it again: palisade sim run --seed ${seed} --trace`].join('\n')
}

/** What can happen and did not. */
export function missed(reached: Reached): readonly string[] {
  const wanted = [
    ...CLOSE_REASONS.map((reason) => `closed ${reason}`),
    ...REJECT_REASONS.map((reason) => `rejected ${reason}`),
    ...FAULTS.filter((fault) => !SILENT_FAULTS.includes(fault)).map((fault) => `fault ${fault}`),
    'overload',
    'talk done',
    'handed out',
    'talk broken',
    ...['hit', 'miss', 'stale', 'lost', 'failed'].map((result) => `dial-ahead ${result}`),
    'migrated',
    'mask-learnt',
    'mask-unreachable',
    ...TOKEN_TROUBLES.map((trouble) => `token ${trouble}`),
    ...['gone', 'back'].map((state) => `vault ${state}`),
    ...['fresh', 'stale'].map((state) => `name ${state}`),
  ]
  return wanted.filter((what) => !reached.has(what) && !NEVER_NEEDED.includes(what))
}

/** One line for each thing, sorted. */
export function summary(reached: Reached): string {
  const sorted = [...reached].sort(([a], [b]) => (a < b ? -1 : 1))
  return sorted.map(([what, count]) => `${String(count).padStart(8)}  ${what}`).join('\n')
}
