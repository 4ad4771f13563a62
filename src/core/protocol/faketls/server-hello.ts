import { assert } from '../../assert.ts'
import type { Random } from '../../ports.ts'
import { read16, read24, write16, write24 } from '../bytes.ts'
import type { ClientHello } from './client-hello.ts'
import { walkExtensions } from './extensions.ts'
import {
  APPLICATION_DATA,
  CCS_RECORD,
  CHANGE_CIPHER_SPEC,
  ENCRYPTED_MAX,
  EXTENSION,
  GROUP,
  HANDSHAKE,
  RANDOM_AT,
  RECORD_HEADER,
  SERVER_HELLO,
  SESSION_ID_AT,
  SESSION_ID_LENGTH,
  TLS_1_3,
  TLS_AES_128_GCM_SHA256,
} from './tls.ts'

/** What the answer of a web site looks like to somebody who cannot read it. */
export interface FlightShape {
  /** Undefined: the client's first. */
  readonly cipherSuite: number | undefined
  /** 0x33 (key share) and 0x2b (supported versions) in the order of the ServerHello. */
  readonly extensionOrder: readonly number[]
  /** Bytes in the one encrypted record: `FLIGHT_MIN_BYTES`..`FLIGHT_MAX_BYTES`. */
  readonly recordBytes: number
}

export const FLIGHT_MIN_BYTES = 64
/** What iOS clients take (protocol.md, 4.4). */
export const FLIGHT_MAX_BYTES = 10_240
/** Where the HMAC goes that proves we know the secret. */
export const ANSWER_RANDOM_AT = RANDOM_AT

const SHARE_LENGTH = 32
const KEY_SHARE_LENGTH = 4 + 4 + SHARE_LENGTH
const VERSIONS_LENGTH = 4 + 2
const EXTENSIONS_LENGTH = KEY_SHARE_LENGTH + VERSIONS_LENGTH
const CIPHER_AT = SESSION_ID_AT + 1 + SESSION_ID_LENGTH
const EXTENSIONS_AT = CIPHER_AT + 5
const HELLO_LENGTH = EXTENSIONS_AT + EXTENSIONS_LENGTH

export interface AnswerOptions {
  readonly hello: ClientHello
  /** X25519 public key, 32 bytes: must be a genuine one, that much an observer can check. */
  readonly share: Uint8Array
  readonly shape: FlightShape
  readonly random: Random
}

/**
 * Exactly three records (protocol.md, 4.4), with the server random left zero for the HMAC over client random and answer:
 *
 *   16 03 03 | length(2) | 02 | length(3) | 03 03 | random(32) | 20 | session id(32) | cipher(2) | 00 | 00 2e | extensions(46)
 *   14 03 03 00 01 01
 *   17 03 03 | length(2) | random bytes
 */
export function makeAnswer({ hello, share, shape, random }: AnswerOptions): Uint8Array {
  const { recordBytes } = shape
  assert(share.length === SHARE_LENGTH, 'a share of X25519 has 32 bytes')
  assert(recordBytes >= FLIGHT_MIN_BYTES && recordBytes <= FLIGHT_MAX_BYTES, 'clients take no other flight')
  const flightAt = HELLO_LENGTH + CCS_RECORD.length
  const answer = new Uint8Array(flightAt + RECORD_HEADER + recordBytes)
  answer.set([HANDSHAKE, 3, 3])
  write16(answer, 3, HELLO_LENGTH - RECORD_HEADER)
  answer[5] = SERVER_HELLO
  write24(answer, 6, HELLO_LENGTH - RECORD_HEADER - 4)
  write16(answer, 9, 0x0303)
  answer[SESSION_ID_AT] = SESSION_ID_LENGTH
  answer.set(hello.sessionId, SESSION_ID_AT + 1)
  write16(answer, CIPHER_AT, chooseCipher(hello.cipherSuites, shape.cipherSuite))
  write16(answer, EXTENSIONS_AT - 2, EXTENSIONS_LENGTH)
  const isVersionsFirst = shape.extensionOrder[0] === EXTENSION.supportedVersions
  writeKeyShare(answer, EXTENSIONS_AT + (isVersionsFirst ? VERSIONS_LENGTH : 0), share)
  writeVersions(answer, EXTENSIONS_AT + (isVersionsFirst ? 0 : KEY_SHARE_LENGTH))
  answer.set(CCS_RECORD, HELLO_LENGTH)
  answer.set([APPLICATION_DATA, 3, 3], flightAt)
  write16(answer, flightAt + 3, recordBytes)
  random.fill(answer.subarray(flightAt + RECORD_HEADER))
  return answer
}

function writeKeyShare(answer: Uint8Array, at: number, share: Uint8Array): void {
  write16(answer, at, EXTENSION.keyShare)
  write16(answer, at + 2, KEY_SHARE_LENGTH - 4)
  write16(answer, at + 4, GROUP.x25519)
  write16(answer, at + 6, SHARE_LENGTH)
  answer.set(share, at + 8)
}

function writeVersions(answer: Uint8Array, at: number): void {
  write16(answer, at, EXTENSION.supportedVersions)
  write16(answer, at + 2, 2)
  write16(answer, at + 4, TLS_1_3)
}

/** The mask host's choice if this client offers it; otherwise its first of TLS 1.3 (13xx), which no reserved value looks like. */
function chooseCipher(offered: readonly number[], wanted: number | undefined): number {
  if (wanted !== undefined && offered.includes(wanted)) return wanted
  return offered.find((suite) => suite >> 8 === 0x13) ?? TLS_AES_128_GCM_SHA256
}

/** What can be seen of a real server's first flight. */
export interface ServerFlight {
  readonly state: 'flight'
  /** `false`: an older version; nothing behind its ServerHello is looked at. */
  readonly isTls13: boolean
  /** The server asks for another hello: such a flight cannot be imitated. */
  readonly isRetryRequest: boolean
  readonly cipherSuite: number
  /** All types of the ServerHello, in order. */
  readonly extensionOrder: readonly number[]
  /** Of the key share, or what a retry asks for; undefined without one. */
  readonly group: number | undefined
  /** Body lengths of the encrypted records that have come whole. */
  readonly recordBytes: readonly number[]
  /** The last record has not come whole yet. */
  readonly isMidRecord: boolean
}

/** SHA-256 of "HelloRetryRequest", the random of such a message (RFC 8446, 4.1.3). */
const RETRY_RANDOM = [
  0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
  0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
]

/**
 * Reads a server's answer to a hello out of everything seen so far: `more` until its ServerHello is there, then what is known
 * by now; the flight has no end mark, so the caller decides when it is over. `bad`: an alert, no TLS, or a hello over
 * several records. The input must be bounded by the caller.
 */
export function readServerFlight(seen: Uint8Array): { state: 'more' } | { state: 'bad' } | ServerFlight {
  const body = seen.subarray(RECORD_HEADER)
  if (seen.length < RECORD_HEADER) return { state: seen.length > 0 && seen[0] !== HANDSHAKE ? 'bad' : 'more' }
  const length = read16(seen, 3)
  if (seen[0] !== HANDSHAKE || seen[1] !== 3 || length < 4 || length > ENCRYPTED_MAX) return { state: 'bad' }
  if (body.length < length) return { state: 'more' }
  const hello = readServerHello(body.subarray(0, length))
  if (hello === undefined) return { state: 'bad' }
  if (!hello.isTls13) return { ...hello, state: 'flight', recordBytes: [], isMidRecord: false }
  const records = readRecords(seen, RECORD_HEADER + length)
  return records === undefined ? { state: 'bad' } : { ...hello, state: 'flight', ...records }
}

/** 02 | length(3) | version(2) | random(32) | session id(1 + n) | cipher(2) | 00 | extensions(2 + n), maybe more messages behind. */
function readServerHello(body: Uint8Array): Omit<ServerFlight, 'state' | 'recordBytes' | 'isMidRecord'> | undefined {
  const end = 4 + read24(body, 1)
  const randomAt = 6
  const sessionIdAt = randomAt + RETRY_RANDOM.length
  if (body[0] !== SERVER_HELLO || end > body.length || sessionIdAt >= end) return undefined
  const cipherAt = sessionIdAt + 1 + body[sessionIdAt]
  if (cipherAt + 3 > end) return undefined
  const extensionsAt = Math.min(cipherAt + 5, end)
  const extensionOrder: number[] = []
  let isTls13 = false
  let group: number | undefined
  const isWhole = walkExtensions(body, extensionsAt, end, (type, dataAt, dataEnd) => {
    extensionOrder.push(type)
    if (type === EXTENSION.supportedVersions) isTls13 = dataEnd - dataAt === 2 && read16(body, dataAt) === TLS_1_3
    if (type === EXTENSION.keyShare && dataEnd - dataAt >= 2) group = read16(body, dataAt)
  })
  if (!isWhole) return undefined
  const isRetryRequest = RETRY_RANDOM.every((byte, i) => body[randomAt + i] === byte)
  return { isTls13, isRetryRequest, cipherSuite: read16(body, cipherAt), extensionOrder, group }
}

/** The encrypted records from `at` on; change-cipher-spec may stand among them. Undefined when something else does. */
function readRecords(seen: Uint8Array, at: number): { recordBytes: number[]; isMidRecord: boolean } | undefined {
  const recordBytes: number[] = []
  while (at < seen.length) {
    if (seen[at] !== APPLICATION_DATA && seen[at] !== CHANGE_CIPHER_SPEC) return undefined
    if (at + RECORD_HEADER > seen.length) return { recordBytes, isMidRecord: true }
    const length = read16(seen, at + 3)
    if (length > ENCRYPTED_MAX) return undefined
    if (at + RECORD_HEADER + length > seen.length) return { recordBytes, isMidRecord: true }
    if (seen[at] === APPLICATION_DATA) recordBytes.push(length)
    at += RECORD_HEADER + length
  }
  return { recordBytes, isMidRecord: false }
}
