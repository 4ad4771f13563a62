import { createHmac } from 'node:crypto'
import type { Random } from '../../src/core/ports.ts'
import { concat, read16 } from '../../src/core/protocol/bytes.ts'
import { makeClientHello, type MadeHello } from '../../src/core/protocol/faketls/make-hello.ts'
import { RecordReader } from '../../src/core/protocol/faketls/records.ts'
import {
  APPLICATION_DATA,
  CCS_RECORD,
  ENCRYPTED_MAX,
  HANDSHAKE,
  RANDOM_AT,
  RANDOM_LENGTH,
  RECORD_HEADER,
} from '../../src/core/protocol/faketls/tls.ts'

export interface FakeTlsOptions {
  readonly random: Random
  readonly key: Uint8Array
  readonly domain: string
  readonly stamp: number
  readonly size: 'today' | 'classic'
}

/** The client's side of fake TLS: a hello, the check of the answer, records both ways. */
export class FakeTlsClient {
  readonly hello: MadeHello
  readonly #options: FakeTlsOptions
  readonly #records = new RecordReader({ isClient: true })
  #seen: Uint8Array = new Uint8Array(0)
  #state: 'waiting' | 'answered' | 'turned-away' = 'waiting'
  #hasSpoken = false

  constructor(options: FakeTlsOptions) {
    this.#options = options
    this.hello = makeClientHello({ ...options, secret: options.key })
  }

  get state(): 'waiting' | 'answered' | 'turned-away' {
    return this.#state
  }

  /** Payload of the proxy's records; empty while there is none. Undefined when what came is no record. */
  receive(chunk: Uint8Array): Uint8Array | undefined {
    if (this.#state === 'answered') return this.#records.push(chunk)
    if (this.#state === 'turned-away') return new Uint8Array(0)
    this.#seen = concat(this.#seen, chunk)
    const length = answerLength(this.#seen)
    if (length === undefined) return new Uint8Array(0)
    if (length === 0 || !isAnswer(this.#seen.subarray(0, length), this.hello.random, this.#options.key)) {
      this.#state = 'turned-away'
      return new Uint8Array(0)
    }
    this.#state = 'answered'
    return this.#records.push(this.#seen.slice(length))
  }

  /** Records of random lengths, as long as they may be; the first call puts the change-cipher-spec in front. */
  wrap(payload: Uint8Array): Uint8Array {
    const pieces: Uint8Array[] = this.#hasSpoken ? [] : [CCS_RECORD]
    this.#hasSpoken = true
    for (let at = 0; at < payload.length;) {
      const left = payload.length - at
      const length = Math.min(left, 1 + this.#options.random.below(Math.min(ENCRYPTED_MAX, 2 * left)))
      pieces.push(Uint8Array.of(APPLICATION_DATA, 3, 3, length >> 8, length & 0xff), payload.subarray(at, at + length))
      at += length
    }
    return concat(...pieces)
  }
}

/** Bytes of the three records of an answer; undefined while they are not all there, 0 when this is none. */
export function answerLength(seen: Uint8Array): number | undefined {
  let at = 0
  for (const type of [HANDSHAKE, CCS_RECORD[0], APPLICATION_DATA]) {
    if (seen.length < at + RECORD_HEADER) return undefined
    if (seen[at] !== type) return 0
    at += RECORD_HEADER + read16(seen, at + 3)
  }
  return seen.length < at ? undefined : at
}

/** Whether who wrote the answer knows the key, and answered this hello. */
export function isAnswer(answer: Uint8Array, helloRandom: Uint8Array, key: Uint8Array): boolean {
  const zeroed = answer.slice()
  zeroed.fill(0, RANDOM_AT, RANDOM_AT + RANDOM_LENGTH)
  const mac = createHmac('sha256', key).update(helloRandom).update(zeroed).digest()
  return mac.every((byte, at) => byte === answer[RANDOM_AT + at])
}
