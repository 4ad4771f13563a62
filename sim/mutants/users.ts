import type { Mutant } from './mutant.ts'

const SESSION = 'src/core/session'
const USERS = 'src/core/guard/users'
const USERS_TESTS = ['--project', 'unit', 'test/core/guard/users', 'test/core/session/users.test.ts']

/** How much a user may have. */
export const USER_MUTANTS: readonly Mutant[] = [
  {
    name: 'a user keeps the place of a hello that was a replay',
    invariant: 'I3',
    file: `${SESSION}/session.ts`,
    find: `if (failure !== undefined) this.hasFailed(failure)
    services.users.leave(this.userLease)`,
    replace: 'if (failure !== undefined) this.hasFailed(failure)',
  },
  {
    name: 'a user gets one connection more than its limit',
    invariant: 'I3',
    file: `${USERS}/places.ts`,
    find: 'rows.connections(row) >= connectionsMax',
    replace: 'rows.connections(row) > connectionsMax',
  },
  {
    name: 'an address counts twice for two connections',
    invariant: 'I3',
    file: `${USERS}/address-table.ts`,
    find: '+= (total > 0 ? 1 : 0) - was',
    replace: '+= (total > 0 ? 1 : 0) - (total > 1 ? 0 : was)',
  },
  {
    name: 'an address is gone with the first of its connections',
    invariant: 'I3',
    file: `${USERS}/address-table.ts`,
    find: '+= (total > 0 ? 1 : 0) - was',
    replace: '+= (total > 1 || was === 0 ? 1 : 0) - was',
  },
  {
    name: 'the place of a user is given back twice',
    invariant: 'I3',
    file: `${USERS}/users.ts`,
    find: 'lease.user = lease.limited = undefined',
    replace: 'lease.limited = undefined',
  },
  {
    name: 'connections of a process that died stay with its users',
    invariant: 'I3',
    file: `${USERS}/rows.ts`,
    find: 'this.#own[column * USER_ROWS + row] = 0',
    replace: 'void column',
  },
  {
    name: 'a quota is checked when a client comes, and not while bytes flow',
    invariant: 'I14',
    file: `${USERS}/quotas.ts`,
    find: 'const granted = Math.max(0, Math.min(bytes, most - used))',
    replace: 'const granted = Math.max(bytes, Math.min(bytes, most - used))',
  },
  {
    name: 'bytes count twice against a quota',
    invariant: 'I14',
    file: `${USERS}/quotas.ts`,
    find: 'rows.setUsed(row, used + granted)',
    replace: 'rows.setUsed(row, Math.min(most, used + 2 * granted))',
  },
  {
    name: 'what clients send does not count against a quota',
    invariant: 'I14',
    file: `${SESSION}/session.ts`,
    find: `passUp(bytes: number): number {
    const passed = this.flow === undefined ? bytes : this.flow.take(bytes)`,
    replace: `passUp(bytes: number): number {
    const passed = this.flow === undefined ? bytes : bytes + this.flow.take(0)`,
  },
  {
    name: 'what is used of a quota is not brought back from the disk',
    invariant: 'I14',
    file: `${USERS}/quota-keeper.ts`,
    find: 'of readQuotas(value)) users.restore',
    replace: 'of readQuotas(value.subarray(value.length))) users.restore',
  },
  {
    name: 'a clock that is set back begins a quota anew',
    invariant: 'I14',
    file: `${USERS}/quotas.ts`,
    find: 'if (rows.period(row) !== period || start > rows.began(row)) rows.beginPeriod',
    replace: 'if (rows.period(row) !== period || start !== rows.began(row)) rows.beginPeriod',
    tests: USERS_TESTS,
  },
  {
    name: 'a client that has waited for bandwidth is not read on',
    invariant: 'I1',
    file: `${SESSION}/pipe.ts`,
    find: `this.#isHeld = false
    if (!this.#isPaused && !this.#hasEnded) this.#source.resume()`,
    replace: 'this.#isHeld = false',
  },
  {
    name: 'room at the target wakes a client that waits for bandwidth',
    invariant: 'I3',
    file: `${SESSION}/pipe.ts`,
    find: 'if (!this.#isHeld) this.#source.resume()',
    replace: 'this.#source.resume()',
    tests: ['--project', 'unit', 'test/core/session/pipe.test.ts'],
  },
  {
    name: 'a bandwidth is twice as wide as it is configured',
    invariant: 'I3',
    file: `${USERS}/bucket.ts`,
    find: '(bytes * 1000) / this.bytesPerSec',
    replace: '(bytes * 500) / this.bytesPerSec',
    tests: USERS_TESTS,
  },
]
