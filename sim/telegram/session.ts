import type { Clock, Random } from '../../src/core/ports.ts'
import { MessageIds, type AuthKey, type Envelope } from './message.ts'
import { callMethod, type MethodContext } from './methods.ts'
import { TlReader, TlWriter } from './tl.ts'

/** Service messages (schema of MTProto itself). */
export const SERVICE = {
  container: 0x73f1f8dc,
  gzipPacked: 0x3072cfa1,
  msgsAck: 0x62d6b459,
  ping: 0x7abe77ec,
  pingDelayDisconnect: 0xf3427b8c,
  pong: 0x347773c5,
  getFutureSalts: 0xb921bd04,
  futureSalts: 0xae500895,
  newSessionCreated: 0x9ec20908,
  destroySession: 0xe7512126,
  destroySessionOk: 0xe22045fc,
  msgsStateReq: 0xda69fb52,
  msgsStateInfo: 0x04deb57d,
  msgsAllInfo: 0x8cc0d131,
  msgResendReq: 0x7d861a08,
  httpWait: 0x9299359f,
  rpcDropAnswer: 0x58e4a740,
  rpcAnswerUnknown: 0x5e2ad36e,
  rpcResult: 0xf35c6d01,
  rpcError: 0x2144ca19,
} as const

/** A packed object may unpack to this much, and containers may hold each other this deep: more is nothing a client sends. */
const UNPACKED_MAX_BYTES = 1 << 21
const DEPTH_MAX = 4
const CONTAINER_MAX = 1020
/** Answers are put into one packet up to this size. A client's limit is 4 MiB. */
const PACKET_BYTES = 1 << 20
const SALT_VALID_SEC = 3600

/** An authorisation key the DC knows, and the sessions under it. */
export interface KeyRecord {
  readonly key: AuthKey
  readonly salt: bigint
  readonly sessions: SessionRecord[]
}

/** What has to outlive a connection, for a client that comes back. */
export interface SessionRecord {
  readonly id: bigint
  readonly messageIds: MessageIds
  contentMessages: number
  isGreeted: boolean
  /** Sent and not yet confirmed, oldest first: sent again when the client comes by another way. */
  unconfirmed: readonly Sent[]
  /** Ids of the client's latest messages, for when it asks what became of them. */
  readonly received: Set<bigint>
}

/** A message as it went out. */
interface Sent {
  readonly messageId: bigint
  readonly seqno: number
  readonly body: Uint8Array
}

const UNCONFIRMED_MAX = 256
/** Under one key: whoever comes back wants its latest parts of a file, and who never does would cost us all it was sent. */
const UNCONFIRMED_MAX_BYTES = 16 << 20
const RECEIVED_MAX = 4096
/** States of a message in msgs_state_info. */
const STATE = { notReceived: 2, received: 4 } as const

const SESSIONS_MAX = 64

/** The session of that id; the oldest is forgotten when there are too many. */
export function sessionOf(record: KeyRecord, id: bigint): SessionRecord {
  const known = record.sessions.find((session) => session.id === id)
  if (known !== undefined) return known
  if (record.sessions.length >= SESSIONS_MAX) record.sessions.shift()
  const session = {
    id,
    messageIds: new MessageIds(),
    contentMessages: 0,
    isGreeted: false,
    unconfirmed: [],
    received: new Set<bigint>(),
  }
  record.sessions.push(session)
  return session
}

export interface SessionPorts {
  readonly clock: Clock
  readonly random: Random
  /** Undoes gzip or zlib; undefined when it cannot. Where there is none, packed objects are refused. */
  readonly unpack?: (packed: Uint8Array, maxBytes: number) => Uint8Array | undefined
}

interface Answer {
  readonly body: Uint8Array
  /** Wants a confirmation: an odd sequence number. */
  readonly isContent: boolean
}

/** What a client may have missed with the connection it had before. */
export function unconfirmedOf(record: KeyRecord, session: SessionRecord): Envelope[] {
  return session.unconfirmed.map((sent) => ({ salt: record.salt, session: session.id, ...sent }))
}

/** Answers one message of a client, which may be a container of many. The result is what to send, each a packet of its own. */
export function answerMessage(
  ports: SessionPorts,
  record: KeyRecord,
  session: SessionRecord,
  message: Envelope,
  context: MethodContext,
): Envelope[] {
  const answers: Answer[] = []
  if (!session.isGreeted) {
    session.isGreeted = true
    const unique = new TlReader(ports.random.fill(new Uint8Array(8))).u64()
    const greeting = new TlWriter().u32(SERVICE.newSessionCreated).u64(message.messageId).u64(unique).u64(record.salt)
    answers.push({ body: greeting.done(), isContent: true })
  }
  takeMessage({ ports, record, session }, message.messageId, message.body, context, answers, 0)
  return pack(ports.clock, record, session, answers)
}

interface Place {
  readonly ports: SessionPorts
  readonly record: KeyRecord
  readonly session: SessionRecord
}

function takeMessage(
  place: Place,
  messageId: bigint,
  body: Uint8Array,
  context: MethodContext,
  answers: Answer[],
  depth: number,
): void {
  if (depth > DEPTH_MAX) return
  const { ports, record, session } = place
  noteReceived(session, messageId)
  const reader = new TlReader(body)
  const service = (writer: TlWriter) => answers.push({ body: writer.done(), isContent: false })
  switch (reader.u32()) {
    case SERVICE.container: {
      const count = Math.min(reader.u32(), CONTAINER_MAX)
      for (let i = 0; i < count && !reader.isBroken; i++) {
        const id = reader.u64()
        reader.u32()
        takeMessage(place, id, reader.raw(reader.u32()), context, answers, depth + 1)
      }
      break
    }
    case SERVICE.gzipPacked: {
      const unpacked = ports.unpack?.(reader.bytes(), UNPACKED_MAX_BYTES)
      if (unpacked !== undefined) takeMessage(place, messageId, unpacked, context, answers, depth + 1)
      else answers.push(rpcResult(messageId, rpcError(400, 'INPUT_FETCH_ERROR')))
      break
    }
    case SERVICE.ping:
    case SERVICE.pingDelayDisconnect:
      service(new TlWriter().u32(SERVICE.pong).u64(messageId).u64(reader.u64()))
      break
    case SERVICE.getFutureSalts:
      service(futureSalts(messageId, ports.clock.wall(), record.salt))
      break
    case SERVICE.destroySession:
      service(new TlWriter().u32(SERVICE.destroySessionOk).u64(reader.u64()))
      break
    case SERVICE.msgsStateReq: {
      reader.u32()
      const count = Math.min(reader.u32(), CONTAINER_MAX)
      const states = Uint8Array.from({ length: count }, () =>
        session.received.has(reader.u64()) ? STATE.received : STATE.notReceived,
      )
      service(new TlWriter().u32(SERVICE.msgsStateInfo).u64(messageId).bytes(states))
      break
    }
    case SERVICE.rpcDropAnswer:
      answers.push(rpcResult(messageId, new TlWriter().u32(SERVICE.rpcAnswerUnknown).done()))
      break
    case SERVICE.msgsAck:
      confirm(session, reader)
      break
    case SERVICE.msgsStateInfo:
    case SERVICE.msgsAllInfo:
    case SERVICE.msgResendReq:
    case SERVICE.httpWait:
    case SERVICE.pong:
      break
    default: {
      const result = callMethod(body, context)
      answers.push(rpcResult(messageId, result instanceof Uint8Array ? result : rpcError(result.code, result.text)))
    }
  }
}

function noteReceived({ received }: SessionRecord, messageId: bigint): void {
  received.add(messageId)
  if (received.size <= RECEIVED_MAX) return
  for (const oldest of received) {
    received.delete(oldest)
    return
  }
}

/** A vector of message ids. */
function confirm(session: SessionRecord, reader: TlReader): void {
  reader.u32()
  const confirmed = new Set<bigint>()
  for (let left = Math.min(reader.u32(), UNCONFIRMED_MAX); left > 0; left--) confirmed.add(reader.u64())
  session.unconfirmed = session.unconfirmed.filter(({ messageId }) => !confirmed.has(messageId))
}

function rpcResult(messageId: bigint, result: Uint8Array): Answer {
  return { body: new TlWriter().u32(SERVICE.rpcResult).u64(messageId).raw(result).done(), isContent: true }
}

function rpcError(code: number, text: string): Uint8Array {
  return new TlWriter().u32(SERVICE.rpcError).u32(code).text(text).done()
}

/** One salt, valid for long: this DC never changes it. */
function futureSalts(messageId: bigint, wallSec: number, salt: bigint): TlWriter {
  const writer = new TlWriter().u32(SERVICE.futureSalts).u64(messageId).u32(wallSec).u32(1)
  return writer
    .u32(wallSec)
    .u32(wallSec + SALT_VALID_SEC)
    .u64(salt)
}

/** Puts answers into as few packets as their size allows: alone as they are, several in a container. */
function pack(clock: Clock, record: KeyRecord, session: SessionRecord, answers: readonly Answer[]): Envelope[] {
  const packets: Envelope[] = []
  for (let from = 0; from < answers.length;) {
    let to = from + 1
    for (let bytes = answers[from].body.length; to < answers.length; to++) {
      bytes += answers[to].body.length
      if (bytes > PACKET_BYTES) break
    }
    packets.push(envelope(clock, record, session, answers.slice(from, to)))
    from = to
  }
  return packets
}

/** Sessions that began first lose theirs first; the last one keeps what it has. */
function forgetOldest({ sessions }: KeyRecord): void {
  let bytes = 0
  for (const session of sessions.toReversed()) {
    if (bytes > UNCONFIRMED_MAX_BYTES) session.unconfirmed = []
    for (const { body } of session.unconfirmed) bytes += body.length
  }
}

function envelope(clock: Clock, record: KeyRecord, session: SessionRecord, answers: readonly Answer[]): Envelope {
  const wallSec = clock.wall()
  const head = (isContent: boolean) => ({
    messageId: session.messageIds.next(wallSec, 1),
    seqno: 2 * (isContent ? session.contentMessages++ : session.contentMessages) + (isContent ? 1 : 0),
  })
  const frame = { salt: record.salt, session: session.id }
  const sent: Sent[] = answers.map(({ isContent, body }) => ({ ...head(isContent), body }))
  const content = sent.filter(({ seqno }) => seqno % 2 === 1)
  session.unconfirmed = [...session.unconfirmed, ...content].slice(-UNCONFIRMED_MAX)
  forgetOldest(record)
  if (sent.length === 1) return { ...frame, ...sent[0] }
  const writer = new TlWriter().u32(SERVICE.container).u32(answers.length)
  for (const { messageId, seqno, body } of sent) {
    writer.u64(messageId).u32(seqno).u32(body.length).raw(body)
  }
  // The container's own id comes last: it has to be above those inside.
  return { ...frame, ...head(false), body: writer.done() }
}
