import type { Mutant } from './mutant.ts'

const SESSION = 'src/core/session'
const SOURCES = 'src/core/guard/sources'
/** Models of the limits, in every order of events. */
const GUARD_TESTS = ['--project', 'unit', 'test/core/guard']

const DETECTOR_TESTS = ['--project', 'unit', 'test/core/guard/detectors']
const DETECTORS = 'src/core/guard/detectors'

/** Who may come in, and how much of it. */
export const GUARD_MUTANTS: readonly Mutant[] = [
  {
    name: 'an address that may not come in is let in',
    invariant: 'I2',
    also: 'I15',
    file: `${SESSION}/session.ts`,
    find: 'this.level = access.levelOf(this.clientAddress.ip)',
    replace: "this.level = access.listed < 0 ? 'none' : 'standard'",
  },
  {
    name: 'a user who may not come in is let in',
    invariant: 'I2',
    also: 'I15',
    file: `${SESSION}/hello.ts`,
    find: "return lower(this.#session.level, this.#session.services.secrets.get(id)?.access ?? 'none')",
    replace: 'return lower(this.#session.level, id > 0 ? this.#session.level : this.#session.level)',
  },
  {
    name: 'a source gets one connection more than its limit',
    invariant: 'I3',
    file: 'src/core/guard/guard.ts',
    find: 'this.#table.total(entry, OPEN) >= settings.connectionsPerIp * factor',
    replace: 'this.#table.total(entry, OPEN) > settings.connectionsPerIp * factor',
    tests: GUARD_TESTS,
  },
  {
    name: 'a burst may be longer than it is configured',
    invariant: 'I3',
    file: `${SOURCES}/rate.ts`,
    find: 'return arrivals[at] - nowMs > ((burst - 1) * 1000) / perSec',
    replace: 'return arrivals[at] - nowMs > ((burst + 1) * 1000) / perSec',
    tests: GUARD_TESTS,
  },
  {
    name: 'counts of a worker that died are never taken back',
    invariant: 'I3',
    file: `${SOURCES}/table.ts`,
    find: 'for (const count of COUNTS) this.#own[this.#ownAt(column, entry, count)] = 0',
    replace: 'void column',
    tests: GUARD_TESTS,
  },
  {
    name: 'a connection that is closed keeps its place among the open ones',
    invariant: 'I3',
    file: 'src/core/guard/guard.ts',
    find: 'this.#table.count(entry, lease.counted, -1)',
    replace: 'void lease.counted',
    tests: GUARD_TESTS,
  },
  {
    name: 'an IPv6 source is one address',
    invariant: 'I3',
    file: `${SOURCES}/prefix.ts`,
    find: 'tagOf(4, 32) : tagOf(6, ipv6Prefix)',
    replace: 'tagOf(4, 32) : tagOf(6, ipv6Prefix > 0 ? 128 : 64)',
    tests: GUARD_TESTS,
  },
  {
    name: 'a banned source is let in where the ban covers a prefix',
    invariant: 'I4',
    file: `${SOURCES}/bans.ts`,
    find: 'for (let tag = TAGS - 1; tag > 0; tag--) if (this.#ofTag[tag] > 0)',
    replace: 'for (let tag = TAGS - 1; tag > 0; tag--) if (this.#ofTag[tag] > 0 && (tag === 33 || tag === 321))',
    tests: GUARD_TESTS,
  },
  {
    name: 'sources with connections make room for others',
    invariant: 'I5',
    file: `${SOURCES}/table.ts`,
    find: 'if (this.total(entry, OPEN) + this.total(entry, REFUSED) > 0) return Infinity',
    replace: 'if (this.total(entry, OPEN) + this.total(entry, REFUSED) > 1e9) return Infinity',
    tests: GUARD_TESTS,
  },
  {
    name: 'bans are not kept on the disk',
    invariant: 'I14',
    file: 'src/core/guard/ban-keeper.ts',
    find: 'filter(({ untilMs }) => untilMs > now - rememberMs())',
    replace: 'filter(({ untilMs }) => untilMs < now - rememberMs())',
    tests: GUARD_TESTS,
  },
  {
    name: 'a ban does not get longer with the one before',
    invariant: 'I17',
    file: `${SOURCES}/penalties.ts`,
    find: 'Math.min(TIMES_MAX, before.times + 1)',
    replace: 'Math.min(TIMES_MAX, before.times)',
    tests: GUARD_TESTS,
  },
  {
    name: 'a lifted ban leaves what led to it',
    invariant: 'I17',
    file: `${SOURCES}/penalties.ts`,
    find: 'reputation.forgive(entry)',
    replace: 'void reputation',
    tests: GUARD_TESTS,
  },
  {
    name: 'an attack by many tightens the limits of those who used the proxy well',
    invariant: 'I3',
    file: 'src/core/guard/guard.ts',
    find: 'return this.#isTight && this.#isStranger(entry) ? TIGHT : 1',
    replace: 'return this.#isTight ? TIGHT : 1',
    tests: DETECTOR_TESTS,
  },
  {
    name: 'an attack by many is never over',
    invariant: 'I3',
    file: `${DETECTORS}/watch.ts`,
    find: 'state[CALM] = isCalm(state) ? state[CALM] + 1 : 0',
    replace: 'state[CALM] = 0',
    tests: DETECTOR_TESTS,
  },
  {
    name: 'bins are closed by every worker',
    invariant: 'I3',
    file: `${DETECTORS}/watch.ts`,
    find: 'if (bins > 0) this.#header[2] = binOf(nowMs)',
    replace: 'if (bins > 2) this.#header[2] = binOf(nowMs)',
    tests: DETECTOR_TESTS,
  },
  {
    name: 'a prefix that many use well is banned as a whole',
    invariant: 'I4',
    file: `${DETECTORS}/prefix.ts`,
    find: 'return !isShared && areMany(family, failing)',
    replace: 'return areMany(family, failing)',
    tests: DETECTOR_TESTS,
  },
]
