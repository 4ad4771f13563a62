import type { SeededRandom } from '../../world/random.ts'
import { ATTACKS, type AttackContext } from '../../actors/attacks.ts'
import type { HelloMint } from '../hello-mint.ts'
import type { Kind } from './names.ts'

/** What one connection of an attacker says: pieces, each so long behind the one before; then it waits for what comes. */
export interface Script {
  readonly pieces: readonly { readonly afterMs: number; readonly bytes: Uint8Array }[]
  /** The hello in it may be answered, if the proxy is wrong or the attacker knows a secret. */
  readonly mayBeAnswered?: boolean
}

/** What was heard on the line of honest clients. */
export interface Recorded {
  readonly hello: Uint8Array
  /** What came behind the proxy's answer. */
  readonly second: Uint8Array
}

export interface ScriptContext {
  readonly random: SeededRandom
  readonly mint: HelloMint
  /** The latest, not many. */
  readonly tape: readonly Recorded[]
  /** Of the seeded runs' attackers, whose scripts probers use. */
  readonly probing: () => AttackContext
}

const HELLO_PIECE_BYTES = 9
const DRIP_MS = 3_000
const DRIPS = 40
const GARBAGE_BYTES = 517
/** Probes that say all they have to say without somebody else's help. */
const PROBES = [
  ...['garbage', 'http', 'bad-hello', 'browser', 'wrong-secret', 'skewed', 'other-host', 'cut-hello', 'silence'],
  ...['untrusted-header'],
]

type Write = (context: ScriptContext) => Script

/** By kind; the hog has none, as it is a client, and neither has the leech, as it goes by what it is given. */
export const SCRIPTS: Readonly<Record<Exclude<Kind, 'hog' | 'leech'>, Write>> = {
  'connect-flood': () => ({ pieces: [] }),
  /** A hello by nine bytes every three seconds, for as long as it is let. */
  slowloris: ({ mint }) => {
    const hello = mint.wrong()
    return {
      pieces: Array.from({ length: DRIPS }, (_, at) => ({
        afterMs: at === 0 ? 0 : DRIP_MS,
        bytes: hello.subarray(at * HELLO_PIECE_BYTES, (at + 1) * HELLO_PIECE_BYTES),
      })),
    }
  },
  /** Half of it no TLS at all, half a hello that no secret fits and that costs a trial of each. */
  garbage: ({ random, mint }) => {
    if (random.chance(1, 2)) return said(mint.wrong())
    const bytes = random.bytes(GARBAGE_BYTES)
    if (bytes[0] === 0x16) bytes[0] = 0x17
    return said(bytes)
  },
  /** Nothing while nothing was heard. */
  replay: ({ random, tape }) => {
    if (tape.length === 0) return { pieces: [] }
    const { hello, second } = random.pick(tape)
    return {
      pieces: [
        { afterMs: 0, bytes: hello },
        { afterMs: 500, bytes: second },
      ],
      mayBeAnswered: true,
    }
  },
  /** A guessed secret gives a digest that is as good as random. */
  guess: ({ mint }) => said(mint.wrong()),
  probe: ({ random, probing }) => {
    const attack = ATTACKS[random.pick(PROBES)](probing())
    return { pieces: attack?.script ?? [], mayBeAnswered: attack?.hello !== undefined }
  },
}

function said(bytes: Uint8Array): Script {
  return { pieces: [{ afterMs: 0, bytes }] }
}
