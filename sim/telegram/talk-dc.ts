import type { Address, Cancellable, Connection, Handler } from '../../src/core/ports.ts'
import { concat } from '../../src/core/protocol/bytes.ts'
import { ctr, type StreamCipher } from '../../src/core/protocol/ctr.ts'
import { FRAMINGS, type Frame, type FrameReader } from '../../src/core/protocol/framing/index.ts'
import { decryptInit, INIT_LENGTH, rawKeys, readInit, type Framing } from '../../src/core/protocol/obfuscated2.ts'
import type { SeededRandom } from '../world/random.ts'
import { SendQueue } from './send-queue.ts'
import { answerTo, quickAckOf, readPart, writePart, type Part } from './talk.ts'

export interface TalkDcOptions {
  readonly random: SeededRandom
  readonly after: (ms: number, run: () => void) => Cancellable
  /** One reading in this many is followed by a pause; 0: none. */
  readonly slowOneIn: number
  /** How long a connection may say nothing. */
  readonly silenceMs: () => number
  /** Told of each part that came whole. `at` is where it was dialled. */
  readonly onPart: (part: Part, at: Address) => void
  /** Told of bytes that no client of the simulation wrote. */
  readonly onNonsense: (what: string) => void
}

const WAITING_MAX_BYTES = 256 << 10
const PAUSE_MAX_MS = 2_000
const PAUSES_MAX = 8

type State =
  | { readonly name: 'init'; readonly seen: Uint8Array }
  | { readonly name: 'open'; readonly framing: Framing; readonly dc: number; readonly reader: FrameReader }
  | { readonly name: 'lost' }

/** A DC that knows every byte it must be sent, and says so when another one comes. */
export class TalkDc {
  readonly options: TalkDcOptions

  constructor(options: TalkDcOptions) {
    this.options = options
  }

  readonly accept = (connection: Connection): Handler => new TalkDcConnection(this.options, connection)
}

class TalkDcConnection implements Handler {
  readonly #options: TalkDcOptions
  readonly #connection: Connection
  readonly #queue: SendQueue
  #state: State = { name: 'init', seen: new Uint8Array(0) }
  #up: StreamCipher | undefined
  #down: StreamCipher | undefined
  #next: { readonly talk: number; readonly sequence: number } | undefined
  #pauses = 0
  #isGone = false

  constructor(options: TalkDcOptions, connection: Connection) {
    this.#options = options
    this.#connection = connection
    this.#queue = new SendQueue(connection, WAITING_MAX_BYTES)
    // Whoever says nothing is not kept.
    options.after(options.silenceMs(), () => {
      if (this.#state.name === 'init' && !this.#isGone) connection.end()
    })
  }

  onData(chunk: Uint8Array): void {
    const { random, slowOneIn, after } = this.#options
    if (this.#state.name === 'init') this.#readInit(concat(this.#state.seen, chunk))
    else this.#readFrames(chunk)
    if (slowOneIn === 0 || this.#pauses === PAUSES_MAX || !random.chance(1, slowOneIn)) return
    this.#pauses++
    this.#connection.pause()
    after(random.between(1, PAUSE_MAX_MS), () => {
      if (!this.#isGone) this.#connection.resume()
    })
  }

  onDrain(): void {
    this.#queue.pump()
  }

  onEnd(): void {
    this.#queue.end()
  }

  onClose(): void {
    this.#isGone = true
  }

  #readInit(seen: Uint8Array): void {
    this.#state = { name: 'init', seen }
    if (seen.length < INIT_LENGTH) return
    const keys = rawKeys(seen)
    const init = readInit(decryptInit(seen, keys.up))
    if (init === undefined) {
      this.#lose('an init that no client and no proxy makes')
      return
    }
    this.#up = ctr(keys.up, INIT_LENGTH)
    this.#down = ctr(keys.down)
    this.#state = { name: 'open', ...init, reader: FRAMINGS[init.framing].reader() }
    this.#readFrames(seen.subarray(INIT_LENGTH))
  }

  #readFrames(chunk: Uint8Array): void {
    const state = this.#state
    if (state.name !== 'open' || this.#up === undefined || chunk.length === 0) return
    const plain = this.#up.update(chunk)
    const verdict = state.reader.push(plain, (frame) => this.#takeFrame(frame, state.framing, state.dc))
    if (verdict === 'bad') this.#lose('bytes that are no frame')
  }

  #takeFrame(frame: Frame, framing: Framing, dc: number): void {
    if (frame.kind !== 'packet' || this.#state.name !== 'open') return
    const part = readPart(frame.payload, 'to-dc')
    if (typeof part === 'string') {
      this.#lose(part)
      return
    }
    const next = this.#next ?? { talk: part.talk, sequence: 0 }
    if (part.talk !== next.talk || part.sequence !== next.sequence || part.dc !== dc) {
      this.#lose(`part ${part.sequence} of talk ${part.talk} where ${next.sequence} of ${next.talk} comes next`)
      return
    }
    this.#next = { talk: part.talk, sequence: part.sequence + 1 }
    this.#options.onPart(part, this.#connection.local)
    if (frame.quickAck) this.#send(FRAMINGS[framing].writeQuickAck(quickAckOf(part)))
    const { random } = this.#options
    this.#send(FRAMINGS[framing].writePacket(writePart(answerTo(part), 'to-client'), { random }))
    if (part.endsDc) this.#queue.end()
  }

  #send(bytes: Uint8Array): void {
    if (this.#down !== undefined) this.#queue.push(this.#down.update(bytes))
  }

  #lose(what: string): void {
    this.#state = { name: 'lost' }
    this.#options.onNonsense(what)
  }
}
