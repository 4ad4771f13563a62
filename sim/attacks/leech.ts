import type { Cancellable, Connection, Dialing, Handler } from '../../src/core/ports.ts'
import { concat, fromAscii } from '../../src/core/protocol/bytes.ts'
import { APPLICATION_DATA, CCS_RECORD } from '../../src/core/protocol/faketls/tls.ts'
import { PAGE_BYTES } from '../telegram/mask-site.ts'
import { SendQueue } from '../telegram/send-queue.ts'
import type { SeededRandom } from '../world/random.ts'
import type { HelloMint } from './hello-mint.ts'
import type { Timeline } from './stage.ts'
import type { AttackEnd } from './tally.ts'

/** A host that is nobody's of the scenario: who is led there has found an open relay. */
export const ELSEWHERE = 'elsewhere.example'

export interface LeechOptions {
  readonly world: Timeline
  /** What it says first. */
  readonly opening: Uint8Array
  /** How long it stays at most. */
  readonly holdMs: number
  /** What it asks for at a time. */
  readonly askBytes: number
  /** Between all it asked for and the next time. */
  readonly thinkMs: number
  /** Once: all that came back on this connection, and who or what ended it. */
  readonly onEnd: (gotBytes: number, end: LeechEnd) => void
}

type LeechEnd = Exclude<AttackEnd, 'served' | 'answered'>

/** About the body of a request over TLS whose name, path and cookies are short. */
const REQUEST_BYTES = 60
/** The first record behind the site's flight is finished, and none is answered. */
const FINISHED = recordOf(53)
const REQUEST = recordOf(REQUEST_BYTES)
const CONNECT = fromAscii(`CONNECT ${ELSEWHERE}:443 HTTP/1.1\r\nHost: ${ELSEWHERE}:443\r\n\r\n`)

/** Half of them browse the mask host, a quarter names another one, and a quarter asks for a way to it as of an open proxy. */
export function openingOf(random: SeededRandom, ours: HelloMint, elsewhere: HelloMint): Uint8Array {
  if (random.chance(1, 2)) return ours.wrong()
  return random.chance(1, 2) ? elsewhere.wrong() : CONNECT
}

/** Takes as much of the mask host as it is let: it asks, and asks again when it has what it asked for. */
export class Leech implements Handler, Dialing {
  readonly #options: LeechOptions
  #connection: Connection | undefined
  #queue: SendQueue | undefined
  #thinking: Cancellable | undefined
  #leaving: Cancellable | undefined
  #gotBytes = 0
  /** Of what it asked for. */
  #dueBytes = 0
  #isOver = false

  constructor(options: LeechOptions) {
    this.#options = options
  }

  onOpen(connection: Connection): Handler {
    const { world, opening, holdMs } = this.#options
    this.#connection = connection
    this.#queue = new SendQueue(connection, Infinity)
    this.#queue.push(opening)
    this.#leaving = world.after(holdMs, () => this.#leave('silent'))
    return this
  }

  onFail(): void {
    this.#end('unmade')
  }

  onData(chunk: Uint8Array): void {
    const isFirst = this.#gotBytes === 0
    this.#gotBytes += chunk.length
    if (isFirst) this.#queue?.push(concat(CCS_RECORD, FINISHED))
    this.#dueBytes -= chunk.length
    if (this.#dueBytes > 0 || this.#thinking !== undefined) return
    if (this.#options.thinkMs === 0) this.#ask()
    else this.#thinking = this.#options.world.after(this.#options.thinkMs, () => this.#ask())
  }

  onDrain(): void {
    this.#queue?.pump()
  }

  onEnd(): void {
    this.#leave('closed')
  }

  onClose(): void {
    this.#end('closed')
  }

  #ask(): void {
    this.#thinking = undefined
    const requests = Math.ceil(this.#options.askBytes / PAGE_BYTES)
    this.#dueBytes = requests * PAGE_BYTES
    this.#queue?.push(concat(...Array.from({ length: requests }, () => REQUEST)))
  }

  #leave(end: LeechEnd): void {
    this.#connection?.close()
    this.#end(end)
  }

  #end(end: LeechEnd): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#thinking?.cancel()
    this.#leaving?.cancel()
    this.#options.onEnd(this.#gotBytes, end)
  }
}

function recordOf(length: number): Uint8Array {
  return concat(Uint8Array.of(APPLICATION_DATA, 3, 3, length >> 8, length & 0xff), new Uint8Array(length))
}
