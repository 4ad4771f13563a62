import type { Mutant } from './mutant.ts'

const GUARD = 'src/core/guard'
const FLEET = 'src/workers/fleet.ts'

/** What only several workers show, or a machine that sleeps or starts anew. */
export const WORKER_MUTANTS: readonly Mutant[] = [
  {
    name: 'each worker has a replay ring of its own',
    invariant: 'I12',
    // Tables that only some workers have open make the sum of all grow.
    also: 'I5',
    file: `${GUARD}/replay.ts`,
    find: `memory.open('replay',`,
    replace: 'memory.open(`replay-${worker.column}`,',
  },
  {
    name: 'each worker has bans of its own',
    invariant: 'I4',
    also: 'I5',
    file: `${GUARD}/sources/bans.ts`,
    find: `memory.open('bans',`,
    replace: 'memory.open(`bans-${worker.column}`,',
  },
  {
    name: 'the column of a dead worker stays with its users',
    invariant: 'I3',
    file: `${GUARD}/table-keeper.ts`,
    find: 'this.#users.takeBack(column)',
    replace: 'void column',
  },
  {
    name: 'connections of a user are counted by worker',
    invariant: 'I3',
    file: `${GUARD}/users/rows.ts`,
    find: 'return this.#get(row, CONNECTIONS_AT)',
    replace: 'return this.#own[this.#worker.column * USER_ROWS + row] ?? 0',
  },
  {
    name: 'connections of a source are counted by worker',
    invariant: 'I3',
    file: `${GUARD}/sources/table.ts`,
    find: 'return this.#totals[count * this.entries + entry]',
    replace: 'return this.#own[this.#ownAt(this.#column, entry, count)]',
  },
  {
    name: 'a worker that died is not replaced',
    // Whoever waits at its socket is a client, or somebody who is compared with the site.
    invariant: 'I1',
    also: 'I15',
    file: FLEET,
    find: 'slot.retryAt = mono() + afterMs',
    replace: 'slot.retryAt = undefined',
  },
  {
    name: 'a pause of the machine is held against its workers',
    invariant: 'I11',
    file: FLEET,
    find: 'if (sinceMs < STILL_MS) return',
    replace: 'if (sinceMs > 0) return',
  },
  {
    name: 'the rate of all stays used up when the machine has started anew',
    invariant: 'I1',
    file: `${GUARD}/sources/total-rate.ts`,
    find: `if (origin === 'stale' || this.#words[LAST_SEC_AT] > nowMs / 1000)`,
    replace: 'if (this.#arrivalMs[0] > nowMs + 86_400_000)',
  },
  {
    name: 'a name may lead to a private address',
    invariant: 'I15',
    file: 'src/core/mask/targets.ts',
    find: `return isPrivate(bytes) && !isLiteral ? 'private' : undefined`,
    replace: 'return undefined',
  },
  {
    name: 'a file of Telegram that cannot be read takes the place of the good one',
    invariant: 'I1',
    file: 'src/core/telegram/middle/files.ts',
    find: `this.#tell('refused', value)`,
    replace: `this.value = undefined
      this.#tell('refused', value)`,
  },
]
