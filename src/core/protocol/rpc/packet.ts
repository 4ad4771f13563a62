import { read32le, write32le } from '../bytes.ts'
import { handshake, handshakeError, type Handshake, type HandshakeError } from './handshake.ts'
import { nonce, type Nonce } from './nonce.ts'
import { proxyReq, type ProxyReq } from './proxy-req.ts'
import {
  closeConn,
  closeExt,
  ping,
  pong,
  proxyAns,
  simpleAck,
  type CloseConn,
  type CloseExt,
  type Ping,
  type Pong,
  type ProxyAns,
  type SimpleAck,
} from './relayed.ts'

/** The payload of a frame: the word that names it, then its fields. */
export type RpcPacket =
  Nonce | Handshake | HandshakeError | ProxyReq | ProxyAns | SimpleAck | CloseConn | CloseExt | Ping | Pong

/** How one kind is written and read. Offsets count from the start of the payload, whose first word is `id`. */
export interface PacketCodec<P extends RpcPacket> {
  readonly id: number
  readonly length: (packet: P) => number
  readonly write: (packet: P, out: Uint8Array) => void
  /** Undefined when the payload is not exactly one packet of this kind. Messages are views of it, all else is copied. */
  readonly read: (payload: Uint8Array) => P | undefined
}

type Codecs = { readonly [Kind in RpcPacket['kind']]: PacketCodec<Extract<RpcPacket, { kind: Kind }>> }

const CODECS: Codecs = {
  nonce,
  handshake,
  'handshake-error': handshakeError,
  'proxy-req': proxyReq,
  'proxy-ans': proxyAns,
  'simple-ack': simpleAck,
  'close-conn': closeConn,
  'close-ext': closeExt,
  ping,
  pong,
}

const BY_ID: ReadonlyMap<number, (payload: Uint8Array) => RpcPacket | undefined> = new Map(
  Object.values(CODECS).map(({ id, read }) => [id, read]),
)

/** The packet in a payload; `unknown` when nobody named that kind to us, `bad` when its fields are not what they must be. */
export function readPacket(payload: Uint8Array): RpcPacket | { kind: 'unknown' } | { kind: 'bad' } {
  if (payload.length < 4) return { kind: 'bad' }
  const read = BY_ID.get(read32le(payload, 0))
  if (read === undefined) return { kind: 'unknown' }
  return read(payload) ?? { kind: 'bad' }
}

/** Bytes of its payload. */
export function packetLength(packet: RpcPacket): number {
  return codecOf(packet).length(packet)
}

/** Fills `payload`, which has exactly the length of the packet. */
export function writePacket(packet: RpcPacket, payload: Uint8Array): void {
  const codec = codecOf(packet)
  write32le(payload, 0, codec.id)
  codec.write(packet, payload)
}

/** The table pairs each kind with its own codec; the type of one entry cannot say so. */
function codecOf(packet: RpcPacket): PacketCodec<RpcPacket> {
  return CODECS[packet.kind] as PacketCodec<RpcPacket>
}
