import { CLOSE_REASONS, REJECT_REASONS } from '../../src/core/events.ts'
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

/** Everything that must come to pass over some hundred seeds: "sometimes", beside what checkers hold to be always. */
export const MARKS: readonly string[] = [
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
  'masked connection held',
  ...TOKEN_TROUBLES.map((trouble) => `token ${trouble}`),
  ...['gone', 'back'].map((state) => `vault ${state}`),
  ...['fresh', 'stale'].map((state) => `name ${state}`),
].filter((what) => !NEVER_NEEDED.includes(what))

/** What can happen and did not. */
export function missed(reached: Reached): readonly string[] {
  return MARKS.filter((what) => !reached.has(what))
}

const COLUMNS = 3

/** How often everything happened, sorted by name, in columns that are read downwards. */
export function marksTable(reached: Reached): string {
  const cells = [...new Set([...reached.keys(), ...MARKS])]
    .sort((a, b) => (a < b ? -1 : 1))
    .map((what) => ({ what, count: String(reached.get(what) ?? 'NEVER') }))
  const rows = Math.ceil(cells.length / COLUMNS)
  const columns = Array.from({ length: COLUMNS }, (_, at) => cells.slice(at * rows, (at + 1) * rows)).map((column) => {
    const [names, counts] = [column.map(({ what }) => what), column.map(({ count }) => count)]
    const [wide, high] = [names, counts].map((texts) => Math.max(0, ...texts.map(({ length }) => length)))
    return column.map(({ what, count }) => `${count.padStart(high)} ${what.padEnd(wide)}`)
  })
  return Array.from({ length: rows }, (_, row) =>
    columns
      .map((column) => column[row] ?? '')
      .join('   ')
      .trimEnd(),
  ).join('\n')
}
