import type { Mutant } from './mutant.ts'

const PROTOCOL = 'src/core/protocol'

/** The fuzzer, from a fixed seed and without the inputs that were kept, on one target for some thousand executions. */
const fuzzing = (target: string) => [
  '--project',
  'unit',
  'test/sim/fuzz/finds.test.ts',
  '-t',
  `finds nothing in ${target}$`,
]

/** Mistakes that parsers are made with: lengths, bounds, signs, cuts. `I1`: any split of the same bytes gives the same decisions. */
export const PARSER_MUTANTS: readonly Mutant[] = [
  {
    name: 'a hello is read a byte before its end',
    invariant: 'I1',
    file: `${PROTOCOL}/faketls/client-hello.ts`,
    find: 'if (end > seen.length) return',
    replace: 'if (end > seen.length + 1) return',
    tests: fuzzing('client-hello'),
  },
  {
    name: 'a record may be as long as its length can say',
    invariant: 'I1',
    file: `${PROTOCOL}/faketls/records.ts`,
    find: 'if (this.#length === 0 || this.#length > ENCRYPTED_MAX) return',
    replace: 'if (this.#length === 0) return',
    tests: fuzzing('tls-records'),
  },
  {
    name: 'the 32 bits of a length have a sign',
    invariant: 'I1',
    file: `${PROTOCOL}/bytes.ts`,
    find: '<< 24)) >>> 0',
    replace: '<< 24))',
    tests: fuzzing('framings'),
  },
  {
    name: 'a payload in pieces takes what is behind it',
    invariant: 'I1',
    file: `${PROTOCOL}/rpc/link.ts`,
    find: 'at + this.#restLength - this.#gathered.length)',
    replace: 'at + this.#restLength)',
    tests: fuzzing('rpc-link'),
  },
  {
    name: 'the ports of a PROXY header may be missing',
    invariant: 'I1',
    file: `${PROTOCOL}/proxy-header.ts`,
    find: 'length < 2 * ipLength + 4',
    replace: 'length < 2 * ipLength',
    tests: fuzzing('proxy-header'),
  },
  {
    name: 'a name in an answer may point to itself',
    invariant: 'I1',
    file: 'src/runtime/dns/message.ts',
    find: 'if (at >= before) return',
    replace: 'if (at > before) return',
    tests: fuzzing('dns'),
  },
  {
    name: 'whether a line of an answer is too long depends on how it is cut',
    invariant: 'I1',
    file: 'src/runtime/https/answer.ts',
    find: 'end.slice(0, begun)) return bytes.length - begun',
    replace: 'end.slice(0, begun)) return bytes.length',
    tests: fuzzing('https-answer'),
  },
]
