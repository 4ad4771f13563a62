import type { Mutant } from './mutant.ts'

const RECORDER = 'src/observe/trace/recorder.ts'
const RECORDED = 'src/observe/trace/recorded.ts'
const RECORDER_TESTS = ['--project', 'unit', 'test/observe/trace/recorder.test.ts']
const CODEC_TESTS = ['--project', 'unit', 'test/observe/trace/codec.test.ts']
const REPLAY_TESTS = ['--project', 'unit', 'test/sim/replay/what-if.test.ts']
const TERMS_TESTS = ['--project', 'unit', 'test/sim/replay/terms.test.ts']

/** What a stolen trace must not tell, and what a replay must not say. No run of the simulator has either. */
export const TRACE_MUTANTS: readonly Mutant[] = [
  {
    name: 'addresses of clients stand in the trace in clear',
    invariant: 'I24',
    file: 'src/observe/trace/known-addresses.ts',
    find: 'return ip === undefined ? undefined : this.#cipher.encrypt(ip)',
    replace: 'return ip',
    tests: RECORDER_TESTS,
  },
  {
    name: 'banned prefixes stand in the trace in clear',
    invariant: 'I24',
    file: RECORDER,
    find: 'maskPrefix(this.#options.cipher.encrypt(range.base), range.bits)',
    replace: 'maskPrefix(range.base, range.bits)',
    tests: RECORDER_TESTS,
  },
  {
    name: 'ranges of access rules stand in the trace in clear',
    invariant: 'I24',
    file: RECORDED,
    find: '...turnRanges(rules, encrypt),',
    replace: '...rules,',
    tests: RECORDER_TESTS,
  },
  {
    name: 'the id of the key of a trace is a part of the key',
    invariant: 'I24',
    file: RECORDED,
    find: 'return digestOf(`palisade trace key ${toHex(key)}`)',
    replace: 'return toHex(key.subarray(0, 8))',
    tests: RECORDER_TESTS,
  },
  {
    name: 'a block of a trace is believed whatever its checksum says',
    invariant: 'I24',
    file: 'src/observe/trace/reader.ts',
    find: 'if (crc32(payload) !== read32le(bytes, at + 4))',
    replace: 'if (crc32(payload) < 0)',
    tests: CODEC_TESTS,
  },
  {
    name: 'a replay blames nobody for what failed',
    invariant: 'I3',
    file: 'sim/replay/engine.ts',
    find: 'if (failure !== undefined) this.#guard.failed(visit.ip, lease, failure, this.#clock.mono())',
    replace: 'if (failure === undefined) this.#users.leave(user)',
    tests: REPLAY_TESTS,
  },
  {
    name: 'rules on addresses are evaluated for pseudonyms',
    invariant: 'I24',
    file: 'sim/replay/terms.ts',
    find: 'if (!hasKey) return recordedLevel',
    replace: '',
    tests: REPLAY_TESTS,
  },
  {
    name: 'a replay asks lists for the new configuration alone',
    invariant: 'I2',
    file: 'sim/replay/terms.ts',
    find: 'levelOf: levelsOf(access, access.lists, listed),',
    replace: 'levelOf: levelsOf(access, access.lists, new Map()),',
    tests: TERMS_TESTS,
  },
  {
    name: 'a replay turns away whom the budget of trials came to',
    invariant: 'I6',
    file: 'sim/replay/engine.ts',
    find: '    return isWithin\n',
    replace: '    return false\n',
    tests: REPLAY_TESTS,
  },
]
