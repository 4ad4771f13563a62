import { parseIp } from '../../address.ts'
import type { Address } from '../../ports.ts'
import { read32le, write32le } from '../bytes.ts'
import type { PacketCodec } from './packet.ts'

/** Names a process: ip(4, reversed; 0 unknown) | port(2, LE) | pid(2, LE) | start(4, unix time). */
export interface Pid {
  /** 32 bits in host order: 1.2.3.4 is 0x01020304. */
  readonly ip: number
  readonly port: number
  /** Its lower 16 bits. */
  readonly pid: number
  readonly startedSec: number
}

/** RPC_HANDSHAKE, the second frame of each side: name(4) | flags(4) | sender(12) | peer(12). */
export interface Handshake {
  readonly kind: 'handshake'
  readonly flags: number
  readonly sender: Pid
  readonly peer: Pid
}

/** RPC_HANDSHAKE_ERROR: name(4) | code(4, signed) | sender(12). */
export interface HandshakeError {
  readonly kind: 'handshake-error'
  readonly code: number
  readonly sender: Pid
}

export const HANDSHAKE_ERRORS = { length: -3, peer: -4, sender: -6, flags: -7, crc32c: -8 } as const

const PID_LENGTH = 12
const FLAGS_AT = 4
const SENDER_AT = 8
const PEER_AT = SENDER_AT + PID_LENGTH
const LENGTH = PEER_AT + PID_LENGTH
const ERROR_LENGTH = SENDER_AT + PID_LENGTH

export const handshake: PacketCodec<Handshake> = {
  id: 0x7682eef5,
  length: () => LENGTH,
  write({ flags, sender, peer }, out) {
    write32le(out, FLAGS_AT, flags)
    writePid(out, SENDER_AT, sender)
    writePid(out, PEER_AT, peer)
  },
  read(payload) {
    if (payload.length !== LENGTH) return undefined
    const [sender, peer] = [readPid(payload, SENDER_AT), readPid(payload, PEER_AT)]
    return { kind: 'handshake', flags: read32le(payload, FLAGS_AT), sender, peer }
  },
}

export const handshakeError: PacketCodec<HandshakeError> = {
  id: 0x6a27beda,
  length: () => ERROR_LENGTH,
  write({ code, sender }, out) {
    write32le(out, FLAGS_AT, code)
    writePid(out, SENDER_AT, sender)
  },
  read(payload) {
    if (payload.length !== ERROR_LENGTH) return undefined
    return { kind: 'handshake-error', code: read32le(payload, FLAGS_AT) | 0, sender: readPid(payload, SENDER_AT) }
  },
}

export type HandshakeFault = 'unknown-flags' | 'other-peer'

/** Bits that would change what follows: the low byte by the official rule, and CRC-32C, for which we never ask. */
const FLAGS_REFUSED = 0x8ff

/** Why the middle proxy's answer cannot be gone on with; `own` is the sender of our handshake. */
export function handshakeFault(answer: Handshake, own: Pid): HandshakeFault | undefined {
  if ((answer.flags & FLAGS_REFUSED) !== 0) return 'unknown-flags'
  return isSamePid(answer.peer, own) ? undefined : 'other-peer'
}

/** Fields that are zero on either side are not known there, and match. */
export function isSamePid(a: Pid, b: Pid): boolean {
  const isSame = (x: number, y: number) => x === 0 || y === 0 || x === y
  return isSame(a.ip, b.ip) && isSame(a.port, b.port) && isSame(a.pid, b.pid) && isSame(a.startedSec, b.startedSec)
}

/** The name of a process that listens on, or connects from, `address`. An IPv6 address has no place in it. */
export function pidOf(address: Address, run: { readonly pid: number; readonly startedSec: number }): Pid {
  const ip = parseIp(address.ip)
  const number = ip?.length === 4 ? ((ip[0] << 24) | (ip[1] << 16) | (ip[2] << 8) | ip[3]) >>> 0 : 0
  // Process ids have more bits nowadays than the field.
  return { ip: number, port: address.port, pid: run.pid & 0xffff, startedSec: run.startedSec }
}

function readPid(bytes: Uint8Array, at: number): Pid {
  const ports = read32le(bytes, at + 4)
  return { ip: read32le(bytes, at), port: ports & 0xffff, pid: ports >>> 16, startedSec: read32le(bytes, at + 8) }
}

function writePid(bytes: Uint8Array, at: number, { ip, port, pid, startedSec }: Pid): void {
  write32le(bytes, at, ip)
  write32le(bytes, at + 4, port | (pid << 16))
  write32le(bytes, at + 8, startedSec)
}
