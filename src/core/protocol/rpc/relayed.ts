import { assert } from '../../assert.ts'
import { read32le, read64le, write32le, write64le } from '../bytes.ts'
import type { PacketCodec } from './packet.ts'

/** What a link carries for its clients, but for their requests, and for itself (protocol.md, 5.5). `connection`: 64 bits. */

/** RPC_PROXY_ANS: name(4) | flags(4) | connection(8) | message for the client. */
export interface ProxyAns {
  readonly kind: 'proxy-ans'
  /** 8: flush at once; 16: the message is an error code of four bytes. Towards TCP clients neither matters. */
  readonly flags: number
  readonly connection: bigint
  /** Whole words, one at least. */
  readonly message: Uint8Array
}

/** RPC_SIMPLE_ACK, a quick ack: name(4) | connection(8) | token(4). */
export interface SimpleAck {
  readonly kind: 'simple-ack'
  readonly connection: bigint
  readonly token: number
}

/** RPC_CLOSE_CONN, from the proxy: the client went away. */
export interface CloseConn {
  readonly kind: 'close-conn'
  readonly connection: bigint
}

/** RPC_CLOSE_EXT, from the middle proxy: close that client, behind what was sent to it. */
export interface CloseExt {
  readonly kind: 'close-ext'
  readonly connection: bigint
}

/** RPC_PING, answered by RPC_PONG with the same id (64 bits). */
export interface Ping {
  readonly kind: 'ping'
  readonly id: bigint
}
export interface Pong {
  readonly kind: 'pong'
  readonly id: bigint
}

export const ANS_FLAGS = { flush: 8, error: 16 } as const

const ANS_CONNECTION_AT = 8
const ANS_MESSAGE_AT = 16

export const proxyAns: PacketCodec<ProxyAns> = {
  id: 0x4403da0d,
  length: ({ message }) => ANS_MESSAGE_AT + message.length,
  write({ flags, connection, message }, out) {
    assert(message.length > 0, 'an answer has a message')
    write32le(out, 4, flags)
    write64le(out, ANS_CONNECTION_AT, connection)
    out.set(message, ANS_MESSAGE_AT)
  },
  read(payload) {
    if (payload.length <= ANS_MESSAGE_AT) return undefined
    const [flags, connection] = [read32le(payload, 4), read64le(payload, ANS_CONNECTION_AT)]
    return { kind: 'proxy-ans', flags, connection, message: payload.subarray(ANS_MESSAGE_AT) }
  },
}

export const simpleAck: PacketCodec<SimpleAck> = {
  id: 0x3bac409b,
  length: () => 16,
  write({ connection, token }, out) {
    write64le(out, 4, connection)
    write32le(out, 12, token)
  },
  read(payload) {
    if (payload.length !== 16) return undefined
    return { kind: 'simple-ack', connection: read64le(payload, 4), token: read32le(payload, 12) }
  },
}

const WITH_ONE_ID = 12

export const closeConn: PacketCodec<CloseConn> = {
  id: 0x1fcf425d,
  length: () => WITH_ONE_ID,
  write: ({ connection }, out) => write64le(out, 4, connection),
  read: (payload) =>
    payload.length === WITH_ONE_ID ? { kind: 'close-conn', connection: read64le(payload, 4) } : undefined,
}

export const closeExt: PacketCodec<CloseExt> = {
  id: 0x5eb634a2,
  length: () => WITH_ONE_ID,
  write: ({ connection }, out) => write64le(out, 4, connection),
  read: (payload) =>
    payload.length === WITH_ONE_ID ? { kind: 'close-ext', connection: read64le(payload, 4) } : undefined,
}

export const ping: PacketCodec<Ping> = {
  id: 0x5730a2df,
  length: () => WITH_ONE_ID,
  write: ({ id }, out) => write64le(out, 4, id),
  read: (payload) => (payload.length === WITH_ONE_ID ? { kind: 'ping', id: read64le(payload, 4) } : undefined),
}

export const pong: PacketCodec<Pong> = {
  id: 0x8430eaa7,
  length: () => WITH_ONE_ID,
  write: ({ id }, out) => write64le(out, 4, id),
  read: (payload) => (payload.length === WITH_ONE_ID ? { kind: 'pong', id: read64le(payload, 4) } : undefined),
}
