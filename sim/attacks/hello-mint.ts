import { createHmac } from 'node:crypto'
import { read32le, write32le } from '../../src/core/protocol/bytes.ts'
import { makeClientHello } from '../../src/core/protocol/faketls/make-hello.ts'
import { RANDOM_AT, RANDOM_LENGTH, SESSION_ID_AT, SESSION_ID_LENGTH } from '../../src/core/protocol/faketls/tls.ts'
import type { SeededRandom } from '../world/random.ts'

const SHAPES = 16
const STAMP_AT = RANDOM_LENGTH - 4

/** Hellos by the thousand: a few are made, and each one given out differs from those in its session id and its random. */
export class HelloMint {
  readonly #random: SeededRandom
  readonly #shapes: readonly Uint8Array[]

  constructor(random: SeededRandom, domain: string) {
    this.#random = random
    this.#shapes = Array.from({ length: SHAPES }, (_, at) => {
      const size = at % 4 === 0 ? 'classic' : 'today'
      return makeClientHello({ random, domain, size }).record
    })
  }

  /** One that nobody's secret fits. */
  wrong(): Uint8Array {
    const record = this.#random.pick(this.#shapes).slice()
    this.#random.fill(record.subarray(RANDOM_AT, RANDOM_AT + RANDOM_LENGTH))
    return record
  }

  /** A client's, with that secret at that unix time; its random stands at `RANDOM_AT`. */
  right(secret: Uint8Array, stamp: number): Uint8Array {
    const record = this.#random.pick(this.#shapes).slice()
    this.#random.fill(record.subarray(SESSION_ID_AT + 1, SESSION_ID_AT + 1 + SESSION_ID_LENGTH))
    record.fill(0, RANDOM_AT, RANDOM_AT + RANDOM_LENGTH)
    const mac = createHmac('sha256', secret).update(record).digest()
    write32le(mac, STAMP_AT, (read32le(mac, STAMP_AT) ^ stamp) >>> 0)
    record.set(mac, RANDOM_AT)
    return record
  }
}
