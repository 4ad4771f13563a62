import { parseIp } from '../../address.ts'
import { assert } from '../../assert.ts'
import type { Address } from '../../ports.ts'
import { read32le, read64le, write32le, write64le } from '../bytes.ts'
import type { Framing } from '../obfuscated2.ts'
import type { PacketCodec } from './packet.ts'

/** An address as it stands in a request: 16 bytes of IPv6, or of IPv4 mapped into it, and a port. Made once for a client. */
export interface Endpoint {
  readonly ip: Uint8Array
  readonly port: number
}

/**
 * RPC_PROXY_REQ, one packet of a client (protocol.md, 5.5):
 *
 *   name(4) | flags(4) | connection(8) | client ip(16) | client port(4) | our ip(16) | our port(4)
 *     | with a tag: 24(4) | tag's name(4) | 16(1) | tag(16) | zeros(3) | message
 */
export interface ProxyReq {
  readonly kind: 'proxy-req'
  readonly connection: bigint
  readonly client: Endpoint
  /** Where the client reached us, as the outside sees it. */
  readonly own: Endpoint
  readonly framing: Framing
  /** The client wants to be told that this message has arrived. */
  readonly quickAck: boolean
  /** 16 bytes that name the sponsored channel. */
  readonly tag?: Uint8Array
  /** Whole words, at least one. Whether it is under a key (its first 8 bytes are not all zero) is told in the flags. */
  readonly message: Uint8Array
}

export const TAG_LENGTH = 16

const FLAG = {
  plain: 0x2,
  tag: 0x8,
  tcp: 0x1000,
  obfuscated2: 0x20000,
  padded: 0x8000000,
  intermediate: 0x20000000,
  abridged: 0x40000000,
  quickAck: 0x80000000,
} as const
const FLAGS_ALWAYS = FLAG.tcp | FLAG.obfuscated2
/** The official proxy leaves the bit for padding away, all others set it; both are served. */
const FRAMING_FLAGS: Readonly<Record<Framing, number>> = {
  abridged: FLAG.abridged,
  intermediate: FLAG.intermediate,
  padded: FLAG.intermediate | FLAG.padded,
}

const CONNECTION_AT = 8
const CLIENT_AT = 16
const IP_LENGTH = 16
const ENDPOINT_LENGTH = IP_LENGTH + 4
const OWN_AT = CLIENT_AT + ENDPOINT_LENGTH
const EXTRA_AT = OWN_AT + ENDPOINT_LENGTH
const EXTRA_LENGTH = 24
const TAG_NAME = 0xdb1e26ae
const TAG_AT = EXTRA_AT + 4 + 4 + 1
const MESSAGE_WITHOUT_TAG_AT = EXTRA_AT
const MESSAGE_WITH_TAG_AT = EXTRA_AT + 4 + EXTRA_LENGTH
/** Bytes of a request beside its message, at most. */
export const PROXY_REQ_OVERHEAD = MESSAGE_WITH_TAG_AT

export const proxyReq: PacketCodec<ProxyReq> = {
  id: 0x36cef1ee,
  length: ({ tag, message }) => messageAt(tag !== undefined) + message.length,
  write(request, out) {
    const { connection, client, own, tag, message } = request
    assert(message.length > 0, 'a request has a message')
    write32le(out, 4, flagsOf(request))
    write64le(out, CONNECTION_AT, connection)
    writeEndpoint(out, CLIENT_AT, client)
    writeEndpoint(out, OWN_AT, own)
    if (tag !== undefined) writeTag(out, tag)
    out.set(message, messageAt(tag !== undefined))
  },
  read(payload) {
    if (payload.length <= MESSAGE_WITHOUT_TAG_AT) return undefined
    const flags = read32le(payload, 4)
    const hasTag = (flags & FLAG.tag) !== 0
    if (payload.length <= messageAt(hasTag) || (hasTag && !isTag(payload))) return undefined
    const framing = framingOf(flags)
    if (framing === undefined) return undefined
    const request: ProxyReq = {
      kind: 'proxy-req',
      connection: read64le(payload, CONNECTION_AT),
      client: readEndpoint(payload, CLIENT_AT),
      own: readEndpoint(payload, OWN_AT),
      framing,
      quickAck: (flags & FLAG.quickAck) !== 0,
      ...(hasTag && { tag: Uint8Array.from(payload.subarray(TAG_AT, TAG_AT + TAG_LENGTH)) }),
      message: payload.subarray(messageAt(hasTag)),
    }
    // All that the flags say is in the fields by now; a bit beyond them, or one that contradicts the message, is a fault.
    const isExact = flagsOf(request) === flags && request.client.port <= 0xffff && request.own.port <= 0xffff
    return isExact ? request : undefined
  },
}

/** `address` as requests have it. */
export function endpointOf({ ip, port }: Address): Endpoint {
  const bytes = parseIp(ip)
  assert(bytes !== undefined, 'addresses of connections are well-formed')
  if (bytes.length === IP_LENGTH) return { ip: bytes, port }
  const mapped = new Uint8Array(IP_LENGTH)
  mapped.fill(0xff, 10, 12)
  mapped.set(bytes, 12)
  return { ip: mapped, port }
}

/** Whether a message is one of the key exchange: its key's id is zero. */
export function isPlainMessage(message: Uint8Array): boolean {
  for (let i = 0; i < 8; i++) if (message[i] !== 0) return false
  return true
}

function flagsOf({ framing, quickAck, tag, message }: ProxyReq): number {
  const plain = isPlainMessage(message) ? FLAG.plain : 0
  const rest = (quickAck ? FLAG.quickAck : 0) | (tag === undefined ? 0 : FLAG.tag)
  return (FLAGS_ALWAYS | FRAMING_FLAGS[framing] | plain | rest) >>> 0
}

function framingOf(flags: number): Framing | undefined {
  switch (flags & (FLAG.abridged | FLAG.intermediate | FLAG.padded)) {
    case FRAMING_FLAGS.abridged:
      return 'abridged'
    case FRAMING_FLAGS.intermediate:
      return 'intermediate'
    case FRAMING_FLAGS.padded:
      return 'padded'
    default:
      return undefined
  }
}

function messageAt(hasTag: boolean): number {
  return hasTag ? MESSAGE_WITH_TAG_AT : MESSAGE_WITHOUT_TAG_AT
}

function isTag(payload: Uint8Array): boolean {
  const isNamed = read32le(payload, EXTRA_AT) === EXTRA_LENGTH && read32le(payload, EXTRA_AT + 4) === TAG_NAME
  const end = read32le(payload, MESSAGE_WITH_TAG_AT - 4)
  return isNamed && payload[TAG_AT - 1] === TAG_LENGTH && end >>> 8 === 0
}

function writeTag(out: Uint8Array, tag: Uint8Array): void {
  assert(tag.length === TAG_LENGTH, 'a tag has 16 bytes')
  write32le(out, EXTRA_AT, EXTRA_LENGTH)
  write32le(out, EXTRA_AT + 4, TAG_NAME)
  out[TAG_AT - 1] = TAG_LENGTH
  out.set(tag, TAG_AT)
  out.fill(0, TAG_AT + TAG_LENGTH, MESSAGE_WITH_TAG_AT)
}

function readEndpoint(payload: Uint8Array, at: number): Endpoint {
  return { ip: Uint8Array.from(payload.subarray(at, at + IP_LENGTH)), port: read32le(payload, at + IP_LENGTH) }
}

function writeEndpoint(out: Uint8Array, at: number, { ip, port }: Endpoint): void {
  out.set(ip, at)
  write32le(out, at + IP_LENGTH, port)
}
