import { AUTH, KeyExchange, type Agreed } from './auth.ts'
import type { DcKey } from './key.ts'
import { MessageIds, open, readPlainMessage, seal, writePlainMessage, type Envelope } from './message.ts'
import type { MethodContext } from './methods.ts'
import {
  answerMessage,
  sessionOf,
  unconfirmedOf,
  type KeyRecord,
  type SessionRecord,
  type SessionPorts,
} from './session.ts'
import { TlReader } from './tl.ts'

/** Where a DC's answers to one client go, whatever carries them. What it is given belongs to it. */
export interface ClientOutput {
  packet(packet: Uint8Array): void
  quickAck(token: number): void
  /** A transport error such as -404. */
  error(code: number): void
}

/** A client as its DC sees it: packets come without their framing. */
export interface ClientInput {
  /** `packet` may be overwritten after the call. */
  take(packet: Uint8Array, quickAck: boolean): void
}

/** A DC behind something that carries packets for its clients. */
export interface ClientBackend {
  /** `dc` as the client wrote it. */
  open(dc: number, output: ClientOutput): ClientInput
}

/** What all clients of a DC share. */
export interface DcMemory {
  readonly ports: SessionPorts
  readonly key: DcKey
  readonly counters: { answered: number; keys: number; messages: number; quickAcks: number }
  addKey(agreed: Agreed): void
  findKey(id: Uint8Array): KeyRecord | undefined
  context(dc: number): MethodContext
}

/** Transport error: this authorisation key is not known here. */
const KEY_UNKNOWN = -404
/** The shortest packet with a message in it; shorter ones mean nothing here. */
const PACKET_MIN = 20
/** Sent again at a time. Whoever sent all of it at once could fill a link up to its rotation before a confirmation comes by it. */
const AGAIN_BYTES = 1 << 20

/** One client: key exchange, then messages under any key the DC knows. */
export class ClientSession implements ClientInput {
  readonly #memory: DcMemory
  readonly #dc: number
  readonly #output: ClientOutput
  readonly #exchange: KeyExchange
  readonly #messageIds = new MessageIds()
  /** The session that speaks here; it may have spoken elsewhere before. */
  #session: SessionRecord | undefined
  /** Ids of what was sent to it elsewhere, was not confirmed, and is to be sent here. */
  #missed = new Set<bigint>()

  constructor(memory: DcMemory, dc: number, output: ClientOutput) {
    this.#memory = memory
    this.#dc = dc
    this.#output = output
    this.#exchange = new KeyExchange(memory.ports.random, memory.ports.clock, memory.key)
  }

  take(packet: Uint8Array, quickAck: boolean): void {
    if (packet.length < PACKET_MIN) return
    const keyId = packet.subarray(0, 8)
    if (keyId.every((byte) => byte === 0)) {
      this.#exchangeKey(packet)
      return
    }
    const { counters, ports } = this.#memory
    const record = this.#memory.findKey(keyId)
    const opened = record === undefined ? undefined : open(record.key, 'to-dc', packet)
    if (record === undefined || opened === undefined) {
      this.#output.error(KEY_UNKNOWN)
      return
    }
    counters.messages++
    if (quickAck) {
      counters.quickAcks++
      this.#output.quickAck(opened.quickAck)
    }
    const { envelope } = opened
    const session = sessionOf(record, envelope.session)
    if (session !== this.#session) this.#missed = new Set(session.unconfirmed.map(({ messageId }) => messageId))
    this.#session = session
    const answers = answerMessage(ports, record, session, envelope, this.#memory.context(this.#dc))
    for (const answer of [...this.#sentAgain(record, session), ...answers]) {
      this.#output.packet(seal(record.key, 'to-client', answer, ports.random))
    }
  }

  /** Some of what it missed and has not confirmed since. More with its next message, so that its words are heard in between. */
  #sentAgain(record: KeyRecord, session: SessionRecord): Envelope[] {
    if (this.#missed.size === 0) return []
    const again: Envelope[] = []
    let left = AGAIN_BYTES
    for (const sent of unconfirmedOf(record, session)) {
      if (left <= 0) return again
      if (!this.#missed.delete(sent.messageId)) continue
      left -= sent.body.length
      again.push(sent)
    }
    this.#missed.clear()
    return again
  }

  #exchangeKey(packet: Uint8Array): void {
    const body = readPlainMessage(packet)
    if (body === undefined) return
    const { answer, agreed } = this.#exchange.take(body)
    const { counters, ports } = this.#memory
    if (agreed !== undefined) {
      counters.keys++
      this.#memory.addKey(agreed)
    }
    if (answer === undefined) {
      this.#output.error(KEY_UNKNOWN)
      return
    }
    if (new TlReader(answer).u32() === AUTH.resPq) counters.answered++
    this.#output.packet(writePlainMessage(this.#messageIds.next(ports.clock.wall(), 1), answer))
  }
}
