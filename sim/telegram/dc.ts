import type { Connection, Handler, Random } from '../../src/core/ports.ts'
import { fromHex, concat } from '../../src/core/protocol/bytes.ts'
import { ctr, type StreamCipher } from '../../src/core/protocol/ctr.ts'
import { FRAMINGS, type FrameReader } from '../../src/core/protocol/framing/index.ts'
import { decryptInit, INIT_LENGTH, rawKeys, readInit, type Framing } from '../../src/core/protocol/obfuscated2.ts'

/** Unencrypted message: auth_key_id = 0 (8) | msg_id (8) | length (4) | body (protocol.md, 7.2). */
const BODY_AT = 20
const REQ_PQ = [0x60469778, 0xbe7e8ef1]
const RES_PQ = 0x05162463
const VECTOR = 0x1cb5c415
/** 0x17ed48941a08f981 = 0x494c553b * 0x53911073, and the fingerprint of Telegram's own key. */
const PQ = '17ed48941a08f981'
const FINGERPRINT = '85fd64de851d9dd0'
const AUTH_KEY_UNKNOWN = -404

export interface DcCounters {
  connections: number
  /** Answered requests for pq: what a proxy ping is made of. */
  answered: number
}

type State =
  | { readonly name: 'init'; seen: Uint8Array }
  | {
      readonly name: 'open'
      readonly framing: Framing
      readonly reader: FrameReader
      readonly up: StreamCipher
      readonly down: StreamCipher
    }

/** One connection of a simulated DC: obfuscated2 without a secret, any framing, the first step of the key exchange. */
export class DcConnection implements Handler {
  readonly #connection: Connection
  readonly #random: Random
  readonly #counters: DcCounters
  #state: State = { name: 'init', seen: new Uint8Array(0) }

  constructor(connection: Connection, random: Random, counters: DcCounters) {
    this.#connection = connection
    this.#random = random
    this.#counters = counters
    counters.connections++
  }

  onData(chunk: Uint8Array): void {
    if (this.#state.name === 'open') {
      this.#take(this.#state, chunk)
      return
    }
    const seen = concat(this.#state.seen, chunk)
    this.#state.seen = seen
    if (seen.length < INIT_LENGTH) return
    const keys = rawKeys(seen)
    const init = readInit(decryptInit(seen, keys.up))
    if (init === undefined) {
      this.#connection.reset()
      return
    }
    const reader = FRAMINGS[init.framing].reader({ side: 'dc' })
    this.#state = { name: 'open', framing: init.framing, reader, up: ctr(keys.up, INIT_LENGTH), down: ctr(keys.down) }
    this.#take(this.#state, seen.subarray(INIT_LENGTH))
  }

  onDrain(): void {}

  onEnd(): void {
    this.#connection.end()
  }

  onClose(): void {}

  #take(state: State & { name: 'open' }, chunk: Uint8Array): void {
    const verdict = state.reader.push(state.up.update(chunk), (frame) => {
      if (frame.kind === 'packet') this.#answer(state, frame.payload)
    })
    if (verdict === 'bad') this.#connection.reset()
  }

  #answer(state: State & { name: 'open' }, message: Uint8Array): void {
    const view = new DataView(message.buffer, message.byteOffset, message.byteLength)
    const isPlain = message.length >= BODY_AT + 20 && view.getBigUint64(0, true) === 0n
    const codec = FRAMINGS[state.framing]
    if (!isPlain || !REQ_PQ.includes(view.getUint32(BODY_AT, true))) {
      this.#send(state, codec.writeError(AUTH_KEY_UNKNOWN))
      return
    }
    this.#counters.answered++
    this.#send(state, codec.writePacket(this.#resPq(message.slice(BODY_AT + 4, BODY_AT + 20)), { side: 'dc' }))
  }

  /** nonce | server_nonce | pq as a TL string | vector of fingerprints. */
  #resPq(nonce: Uint8Array): Uint8Array {
    const serverNonce = this.#random.fill(new Uint8Array(16))
    const pq = concat(Uint8Array.of(8), hex(PQ), new Uint8Array(3))
    const body = concat(word(RES_PQ), nonce, serverNonce, pq, word(VECTOR), word(1), hex(FINGERPRINT))
    return concat(new Uint8Array(8), concat(word(1), word(0x6a000000)), word(body.length), body)
  }

  /** Answers are far smaller than a socket's buffer. */
  #send(state: State & { name: 'open' }, frame: Uint8Array): void {
    this.#connection.write(state.down.update(frame))
  }
}

function word(value: number): Uint8Array {
  return Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24)
}

function hex(text: string): Uint8Array {
  return fromHex(text) ?? new Uint8Array(0)
}
