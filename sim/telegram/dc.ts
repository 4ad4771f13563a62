import type { Clock, Connection, Handler, Random } from '../../src/core/ports.ts'
import { concat } from '../../src/core/protocol/bytes.ts'
import { ctr, type StreamCipher } from '../../src/core/protocol/ctr.ts'
import { FRAMINGS, type Frame, type FrameReader } from '../../src/core/protocol/framing/index.ts'
import { decryptInit, INIT_LENGTH, rawKeys, readInit, type Framing } from '../../src/core/protocol/obfuscated2.ts'
import { AUTH, KeyExchange, type Agreed } from './auth.ts'
import { isEqual } from './crypto.ts'
import { UploadLog } from './files.ts'
import { dcKey, type DcKey } from './key.ts'
import { MessageIds, open, readPlainMessage, seal, writePlainMessage } from './message.ts'
import type { MethodContext } from './methods.ts'
import { SendQueue } from './send-queue.ts'
import { answerMessage, sessionOf, type KeyRecord, type SessionPorts } from './session.ts'
import { TlReader } from './tl.ts'

/** Transport error: this authorisation key is not known here. */
const KEY_UNKNOWN = -404
/** The shortest packet with a message in it; shorter ones mean nothing here. */
const PACKET_MIN = 20
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

/** A DC as far as clients behind a proxy can tell: one for all connections, real or virtual. */
export class SimulatedDc {
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

  /** A key of an exchange, of this connection or an earlier one; the oldest is forgotten when there are too many. */
  addKey(agreed: Agreed): void {
    if (this.#keys.length >= KEYS_MAX) this.#keys.shift()
    this.#keys.push({ ...agreed, sessions: [] })
  }

  findKey(id: Uint8Array): KeyRecord | undefined {
    return this.#keys.findLast((record) => isEqual(record.key.id, id))
  }
}

type State =
  | { readonly name: 'init'; readonly seen: Uint8Array }
  | {
      readonly name: 'open'
      readonly framing: Framing
      readonly dc: number
      readonly reader: FrameReader
      readonly up: StreamCipher
      readonly down: StreamCipher
    }
  | { readonly name: 'closed' }
type Open = State & { readonly name: 'open' }

/** One connection: obfuscated2 without a secret, any framing, key exchange, then messages under any key the DC knows. */
export class DcConnection implements Handler {
  readonly #dc: SimulatedDc
  readonly #connection: Connection
  readonly #exchange: KeyExchange
  readonly #messageIds = new MessageIds()
  readonly #queue: SendQueue
  #state: State = { name: 'init', seen: new Uint8Array(0) }

  constructor(dc: SimulatedDc, connection: Connection) {
    this.#dc = dc
    this.#connection = connection
    this.#exchange = new KeyExchange(dc.ports.random, dc.ports.clock, dc.key)
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
    this.#state = { ...init, name: 'open', reader, up: ctr(keys.up, INIT_LENGTH), down: ctr(keys.down) }
    this.#take(this.#state, seen.subarray(INIT_LENGTH))
  }

  #take(state: Open, chunk: Uint8Array): void {
    const verdict = state.reader.push(state.up.update(chunk), (frame) => {
      if (frame.kind === 'packet' && this.#state === state) this.#answer(state, frame)
    })
    if (verdict === 'bad') this.#leave()
  }

  #answer(state: Open, { payload, quickAck }: Frame & { readonly kind: 'packet' }): void {
    if (payload.length < PACKET_MIN) return
    const keyId = payload.subarray(0, 8)
    if (keyId.every((byte) => byte === 0)) {
      this.#exchangeKey(state, payload)
      return
    }
    const record = this.#dc.findKey(keyId)
    const opened = record === undefined ? undefined : open(record.key, 'to-dc', payload)
    if (record === undefined || opened === undefined) {
      this.#send(state, FRAMINGS[state.framing].writeError(KEY_UNKNOWN))
      return
    }
    const { counters, ports } = this.#dc
    counters.messages++
    if (quickAck) {
      counters.quickAcks++
      this.#send(state, FRAMINGS[state.framing].writeQuickAck(opened.quickAck))
    }
    const { envelope } = opened
    const session = sessionOf(record, envelope.session)
    for (const answer of answerMessage(ports, record, session, envelope, this.#context(state))) {
      this.#sendPacket(state, seal(record.key, 'to-client', answer, ports.random))
    }
  }

  #exchangeKey(state: Open, packet: Uint8Array): void {
    const body = readPlainMessage(packet)
    if (body === undefined) return
    const { answer, agreed } = this.#exchange.take(body)
    const { counters, ports } = this.#dc
    if (agreed !== undefined) {
      counters.keys++
      this.#dc.addKey(agreed)
    }
    if (answer === undefined) {
      this.#send(state, FRAMINGS[state.framing].writeError(KEY_UNKNOWN))
      return
    }
    if (new TlReader(answer).u32() === AUTH.resPq) counters.answered++
    this.#sendPacket(state, writePlainMessage(this.#messageIds.next(ports.clock.wall(), 1), answer))
  }

  #context({ dc }: Open): MethodContext {
    const { ports, uploads, address } = this.#dc
    return { dc: Math.abs(dc) % 10_000, wallSec: ports.clock.wall(), uploads, address }
  }

  #sendPacket(state: Open, packet: Uint8Array): void {
    const { random } = this.#dc.ports
    this.#send(state, FRAMINGS[state.framing].writePacket(packet, { side: 'dc', random }))
  }

  #send(state: Open, frame: Uint8Array): void {
    this.#queue.push(state.down.update(frame))
  }

  /** What cannot be understood is no client of ours. */
  #leave(): void {
    this.#state = { name: 'closed' }
    this.#connection.reset()
  }
}
