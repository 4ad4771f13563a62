import { timingSafeEqual } from 'node:crypto'
import { read16, read32le, write16 } from '../bytes.ts'
import { walkExtensions } from './extensions.ts'
import {
  CLIENT_HELLO,
  EXTENSION,
  HANDSHAKE,
  RANDOM_AT,
  RANDOM_LENGTH,
  RECORD_HEADER,
  RECORD_MAX,
  SESSION_ID_AT,
  SESSION_ID_LENGTH,
} from './tls.ts'

/** What a client says in its TLS hello, as far as we need it. Shares no memory with the input. */
export interface ClientHello {
  /** One record, header included, with the random zeroed: what the client's digest is made over. */
  readonly record: Uint8Array
  /** 32 bytes: a MAC of 28 and a masked stamp when it is one of ours. */
  readonly random: Uint8Array
  /** 32 bytes. */
  readonly sessionId: Uint8Array
  readonly cipherSuites: readonly number[]
  /** Lower case; undefined when there is none or the extensions make no sense. */
  readonly sni: string | undefined
  readonly keyShareGroups: readonly number[]
}

/**
 * Everything seen so far is one of: the start of a hello (`more`), no TLS at all, a hello no client of ours sends (`bad`), or
 * a whole one in the first `consumed` bytes. More bytes turn `more` into something else and never change the others.
 */
export type ClientHelloResult =
  | { readonly state: 'more' }
  | { readonly state: 'not-tls' }
  | { readonly state: 'bad' }
  | { readonly state: 'hello'; readonly hello: ClientHello; readonly consumed: number }

/** How TLS records that carry a hello begin. */
const START = [HANDSHAKE, 3, 1] as const
const HANDSHAKE_HEADER = 4
/** Without the record header: every known client pads its hello to 517 bytes at least with it. */
export const HELLO_MIN_BYTES = 512
/** With the record header. Also the most that is looked at, however many records it is cut into. */
export const HELLO_MAX_BYTES = RECORD_HEADER + RECORD_MAX
/** Tools against censorship cut a hello into a few records. A bound, so that looking at it again and again stays cheap. */
export const HELLO_RECORDS_MAX = 64
const MAC_LENGTH = 28

/** Looks at record headers alone until the hello is complete; call it with everything seen whenever more has come. */
export function readClientHello(seen: Uint8Array): ClientHelloResult {
  let at = 0
  let joined = 0
  let head = 0
  let total = 0
  for (let records = 0; records < HELLO_RECORDS_MAX; records++) {
    for (let i = 0; i < START.length; i++) {
      if (at + i >= seen.length) return { state: 'more' }
      if (seen[at + i] !== START[i]) return { state: records === 0 ? 'not-tls' : 'bad' }
    }
    if (at + RECORD_HEADER > seen.length) return { state: 'more' }
    const length = read16(seen, at + 3)
    const from = at + RECORD_HEADER
    const end = from + length
    if (length === 0 || end > HELLO_MAX_BYTES) return { state: 'bad' }
    for (let i = 0; i < length && joined + i < HANDSHAKE_HEADER; i++) {
      if (from + i >= seen.length) return { state: 'more' }
      head = (head * 256 + seen[from + i]) >>> 0
      if (joined + i === 0 && head !== CLIENT_HELLO) return { state: 'bad' }
      if (joined + i === HANDSHAKE_HEADER - 1) total = HANDSHAKE_HEADER + (head & 0xffffff)
    }
    joined += length
    if (joined >= HANDSHAKE_HEADER && (total < HELLO_MIN_BYTES || total > RECORD_MAX || joined > total))
      return { state: 'bad' }
    if (end > seen.length) return { state: 'more' }
    if (joined === total) return finish(join(seen, end, total), end)
    at = end
  }
  return { state: 'bad' }
}

/**
 * The stamp (0..2^32-1: unix time, or seconds since boot) that `random` carries, when its first 28 bytes are those of `mac`,
 * the HMAC-SHA256 over the hello's record; undefined when they are not. Takes the same time either way.
 */
export function readStamp(mac: Uint8Array, random: Uint8Array): number | undefined {
  if (!timingSafeEqual(mac.subarray(0, MAC_LENGTH), random.subarray(0, MAC_LENGTH))) return undefined
  return (read32le(mac, MAC_LENGTH) ^ read32le(random, MAC_LENGTH)) >>> 0
}

/** The handshake bytes of all records behind one record header, as if the client had sent only one. */
function join(seen: Uint8Array, end: number, total: number): Uint8Array {
  const record = new Uint8Array(RECORD_HEADER + total)
  record.set(START)
  write16(record, 3, total)
  let to = RECORD_HEADER
  for (let at = 0; at < end;) {
    const next = at + RECORD_HEADER + read16(seen, at + 3)
    record.set(seen.subarray(at + RECORD_HEADER, next), to)
    to += next - at - RECORD_HEADER
    at = next
  }
  return record
}

/**
 * Behind the handshake header: version(2) | random(32) | session id(1 + 32) | cipher suites(2 + 2n) | compression(1 + n) |
 * extensions(2 + n). All but the extensions must be right; a hello with a valid digest is not lost over those.
 */
function finish(record: Uint8Array, consumed: number): ClientHelloResult {
  const { length } = record
  const suitesAt = SESSION_ID_AT + 1 + SESSION_ID_LENGTH + 2
  if (read16(record, RANDOM_AT - 2) !== 0x0303 || record[SESSION_ID_AT] !== SESSION_ID_LENGTH) return { state: 'bad' }
  const suitesEnd = suitesAt + read16(record, suitesAt - 2)
  if (suitesEnd === suitesAt || (suitesEnd - suitesAt) % 2 !== 0 || suitesEnd >= length) return { state: 'bad' }
  const compressionEnd = suitesEnd + 1 + record[suitesEnd]
  if (compressionEnd === suitesEnd + 1 || compressionEnd > length) return { state: 'bad' }
  const cipherSuites: number[] = []
  for (let at = suitesAt; at < suitesEnd; at += 2) cipherSuites.push(read16(record, at))
  const random = record.slice(RANDOM_AT, SESSION_ID_AT)
  const sessionId = record.slice(SESSION_ID_AT + 1, suitesAt - 2)
  const { sni, keyShareGroups } = readExtensions(record, compressionEnd)
  record.fill(0, RANDOM_AT, RANDOM_AT + RANDOM_LENGTH)
  return { state: 'hello', hello: { record, random, sessionId, cipherSuites, sni, keyShareGroups }, consumed }
}

function readExtensions(record: Uint8Array, at: number): { sni: string | undefined; keyShareGroups: number[] } {
  let sni: string | undefined
  let keyShareGroups: number[] = []
  const end = at + 2 <= record.length ? at + 2 + read16(record, at) : 0
  const isWhole =
    end === record.length &&
    walkExtensions(record, at + 2, end, (type, dataAt, dataEnd) => {
      if (type === EXTENSION.serverName) sni ??= readServerName(record, dataAt, dataEnd)
      else if (type === EXTENSION.keyShare) keyShareGroups = readGroups(record, dataAt, dataEnd)
    })
  return isWhole ? { sni, keyShareGroups } : { sni: undefined, keyShareGroups: [] }
}

/** list length(2) | type 0(1) | name length(2) | name: exactly one name, of printable ASCII. */
function readServerName(record: Uint8Array, at: number, end: number): string | undefined {
  const nameAt = at + 5
  if (nameAt >= end || read16(record, at) !== end - at - 2) return undefined
  if (record[at + 2] !== 0 || read16(record, at + 3) !== end - nameAt) return undefined
  let name = ''
  for (let i = nameAt; i < end; i++) {
    if (record[i] <= 0x20 || record[i] >= 0x7f) return undefined
    name += String.fromCharCode(record[i])
  }
  return name.toLowerCase()
}

/** list length(2), then group(2) | length(2) | share each. */
function readGroups(record: Uint8Array, at: number, end: number): number[] {
  const groups: number[] = []
  if (at + 2 > end) return groups
  const isWhole = walkExtensions(record, at + 2, end, (group) => groups.push(group))
  return isWhole && read16(record, at) === end - at - 2 ? groups : []
}
