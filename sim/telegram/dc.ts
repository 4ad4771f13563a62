import type { Clock, Connection, Handler, Random } from '../../src/core/ports.ts'
import { concat } from '../../src/core/protocol/bytes.ts'
import { ctr, type StreamCipher } from '../../src/core/protocol/ctr.ts'
import { FRAMINGS, type FrameReader } from '../../src/core/protocol/framing/index.ts'
import { decryptInit, INIT_LENGTH, rawKeys, readInit, type Framing } from '../../src/core/protocol/obfuscated2.ts'
import type { Agreed } from './auth.ts'
import {
  ClientSession,
  type ClientBackend,
  type ClientInput,
  type ClientOutput,
  type DcMemory,
} from './client-session.ts'
import { isEqual } from './crypto.ts'
import { UploadLog } from './files.ts'
import { dcKey, type DcKey } from './key.ts'
import type { MethodContext } from './methods.ts'
import { SendQueue } from './send-queue.ts'
import type { KeyRecord, SessionPorts } from './session.ts'

/** Bytes of answers that may wait for a client that does not read, before we stop reading its questions. */
const WAITING_MAX_BYTES = 4 << 20
const KEYS_MAX = 4096

export interface DcCounters {
  connections: number
  /** Answered requests for pq: what a proxy ping is made of. */
  answered: number
  /** Key exchanges that ended well. */
  keys: number
  /** Messages under a key that could be read. */
  messages: number
  quickAcks: number
}

export interface DcOptions extends SessionPorts {
  readonly clock: Clock
  readonly random: Random
  readonly key?: DcKey
  /** What help.getConfig tells; a client behind a proxy has no use for it. */
  readonly address?: { readonly ip: string; readonly port: number }
}

/** A DC as far as clients behind a proxy can tell: one for all connections, real or virtual, direct or by a middle proxy. */
export class SimulatedDc implements DcMemory, ClientBackend {
  readonly counters: DcCounters = { connections: 0, answered: 0, keys: 0, messages: 0, quickAcks: 0 }
  readonly uploads = new UploadLog()
  readonly key: DcKey
  readonly ports: SessionPorts
  address: { readonly ip: string; readonly port: number }
  readonly #keys: KeyRecord[] = []

  constructor(options: DcOptions) {
    this.ports = options
    this.key = options.key ?? dcKey()
    this.address = options.address ?? { ip: '127.0.0.1', port: 443 }
  }

  readonly accept = (connection: Connection): Handler => new DcConnection(this, connection)

  open(dc: number, output: ClientOutput): ClientInput {
    return new ClientSession(this, dc, output)
  }

  /** A key of an exchange, of this connection or an earlier one; the oldest is forgotten when there are too many. */
  addKey(agreed: Agreed): void {
    if (this.#keys.length >= KEYS_MAX) this.#keys.shift()
    this.#keys.push({ ...agreed, sessions: [] })
  }

  findKey(id: Uint8Array): KeyRecord | undefined {
    return this.#keys.findLast((record) => isEqual(record.key.id, id))
  }

  context(dc: number): MethodContext {
    const { ports, uploads, address } = this
    return { dc: Math.abs(dc) % 10_000, wallSec: ports.clock.wall(), uploads, address }
  }
}

type State =
  | { readonly name: 'init'; readonly seen: Uint8Array }
  | {
      readonly name: 'open'
      readonly client: ClientInput
      readonly reader: FrameReader
      readonly up: StreamCipher
    }
  | { readonly name: 'closed' }
type Open = State & { readonly name: 'open' }

/** One connection of a client: obfuscated2 without a secret, any framing. */
export class DcConnection implements Handler {
  readonly #dc: SimulatedDc
  readonly #connection: Connection
  readonly #queue: SendQueue
  #state: State = { name: 'init', seen: new Uint8Array(0) }

  constructor(dc: SimulatedDc, connection: Connection) {
    this.#dc = dc
    this.#connection = connection
    this.#queue = new SendQueue(connection, WAITING_MAX_BYTES)
    dc.counters.connections++
  }

  onData(chunk: Uint8Array): void {
    if (this.#state.name === 'open') this.#take(this.#state, chunk)
    else if (this.#state.name === 'init') this.#readInit(concat(this.#state.seen, chunk))
  }

  onDrain(): void {
    this.#queue.pump()
  }

  onEnd(): void {
    this.#queue.end()
  }

  onClose(): void {
    this.#state = { name: 'closed' }
  }

  #readInit(seen: Uint8Array): void {
    if (seen.length < INIT_LENGTH) {
      this.#state = { name: 'init', seen }
      return
    }
    const keys = rawKeys(seen)
    const init = readInit(decryptInit(seen, keys.up))
    if (init === undefined) {
      this.#leave()
      return
    }
    const reader = FRAMINGS[init.framing].reader({ side: 'dc' })
    const client = this.#dc.open(init.dc, this.#output(init.framing, ctr(keys.down)))
    this.#state = { name: 'open', client, reader, up: ctr(keys.up, INIT_LENGTH) }
    this.#take(this.#state, seen.subarray(INIT_LENGTH))
  }

  #take(state: Open, chunk: Uint8Array): void {
    const verdict = state.reader.push(state.up.update(chunk), (frame) => {
      if (frame.kind === 'packet' && this.#state === state) state.client.take(frame.payload, frame.quickAck)
    })
    if (verdict === 'bad') this.#leave()
  }

  #output(framing: Framing, down: StreamCipher): ClientOutput {
    const { random } = this.#dc.ports
    const { writePacket, writeQuickAck, writeError } = FRAMINGS[framing]
    const send = (frame: Uint8Array) => this.#queue.push(down.update(frame))
    return {
      packet: (packet) => send(writePacket(packet, { side: 'dc', random })),
      quickAck: (token) => send(writeQuickAck(token)),
      error: (code) => send(writeError(code)),
    }
  }

  /** What cannot be understood is no client of ours. */
  #leave(): void {
    this.#state = { name: 'closed' }
    this.#connection.reset()
  }
}
