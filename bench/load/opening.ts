import { createHmac, randomBytes, randomFillSync } from 'node:crypto'
import type { CipherKey, Random } from '../../src/core/ports.ts'
import { makeClientHello } from '../../src/core/protocol/faketls/make-hello.ts'
import { ctr } from '../../src/core/protocol/ctr.ts'
import { INIT_LENGTH, makeInit } from '../../src/core/protocol/obfuscated2.ts'
import { GREETING_LENGTH } from './dc.ts'
import type { LoadMode, Way } from './job.ts'
import { FIRST_MESSAGE_BYTES, FRAME_HEAD_BYTES, framed, messageOf } from './message.ts'

export const SECRET = new Uint8Array(Buffer.from('00112233445566778899aabbccddeeff', 'hex'))
export const DOMAIN = 'www.example.com'
export const DC_ID = 2

/** What a client says to get through, made before the clock runs: the generator must not be what is measured. */
export interface Opening {
  /** Fake TLS alone. */
  readonly hello: Uint8Array | undefined
  /** The obfuscated2 init, and by middle proxy the first message behind it. */
  readonly init: Uint8Array
  /** By middle proxy: what the client is known by there. */
  readonly number: number
  /** Bytes that the client's stream holds by then. */
  readonly sentBytes: number
  /** Bytes of payload, frame included, by which the client knows that the whole way is open. */
  readonly greetingBytes: number
  /** Keys of the client's two directions; a raw connection has none. */
  readonly keys: { readonly up: CipherKey; readonly down: CipherKey } | undefined
}

const random: Random = {
  fill: (target) => {
    randomFillSync(target)
    return target
  },
  below: (limit) => randomBytes(4).readUInt32LE() % limit,
}

let clients = 0

export function makeOpening(way: Way, mode: LoadMode): Opening {
  const number = ++clients
  const direct = { hello: undefined, number, sentBytes: INIT_LENGTH, greetingBytes: GREETING_LENGTH }
  if (mode === 'raw') return { ...direct, init: randomBytes(INIT_LENGTH), keys: undefined }
  const framing = mode === 'plain' ? 'intermediate' : 'padded'
  const { wire, up, down } = makeInit({ random, framing, dc: DC_ID, secret: SECRET, isInsideTls: mode === 'ee' })
  const keys = { up, down }
  const first = framed(messageOf(number, FIRST_MESSAGE_BYTES))
  const sent = way === 'direct' ? wire : new Uint8Array([...wire, ...ctr(up, INIT_LENGTH).update(first)])
  const greetingBytes = GREETING_LENGTH + (way === 'direct' ? 0 : FRAME_HEAD_BYTES)
  const opening = { ...direct, init: sent, sentBytes: sent.length, greetingBytes, keys }
  if (mode !== 'ee') return opening
  const { record } = makeClientHello({
    random,
    domain: DOMAIN,
    secret: SECRET,
    stamp: Math.floor(Date.now() / 1000),
  })
  return { ...opening, hello: record, init: new Uint8Array([...CHANGE_CIPHER_SPEC, ...asRecord(sent)]) }
}

const CHANGE_CIPHER_SPEC = [0x14, 0x03, 0x03, 0x00, 0x01, 0x01]
const RECORD_HEADER = 5

/** One TLS data record around `payload`, at most 16384 bytes. */
export function asRecord(payload: Uint8Array): Uint8Array {
  const record = new Uint8Array(RECORD_HEADER + payload.length)
  record.set([0x17, 0x03, 0x03, payload.length >> 8, payload.length & 0xff])
  record.set(payload, RECORD_HEADER)
  return record
}

/** Length of the server's three records once `seen` holds them all, undefined before; throws when they are something else. */
export function flightLength(seen: Uint8Array): number | undefined {
  let at = 0
  for (const type of [0x16, 0x14, 0x17]) {
    if (seen.length < at + RECORD_HEADER) return undefined
    if (seen[at] !== type) throw new Error('the subject did not answer the hello: is its secret the generator’s?')
    at += RECORD_HEADER + ((seen[at + 3] << 8) | seen[at + 4])
  }
  return seen.length < at ? undefined : at
}

/** Whether the server knows the secret: its random is an HMAC over the client's random and the flight. */
export function isGenuineFlight(flight: Uint8Array, hello: Uint8Array): boolean {
  const zeroed = Uint8Array.from(flight).fill(0, 11, 43)
  const mac = createHmac('sha256', SECRET).update(hello.subarray(11, 43)).update(zeroed).digest()
  return mac.equals(flight.subarray(11, 43))
}
