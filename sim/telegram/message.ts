import type { Random } from '../../src/core/ports.ts'
import { concat, read32le } from '../../src/core/protocol/bytes.ts'
import { igeDecrypt, igeEncrypt, isEqual, sha1, sha256 } from './crypto.ts'
import { TlReader, TlWriter } from './tl.ts'

/**
 * Messages under an authorisation key (protocol.md, 7.3):
 *
 *   key id(8) | message key(16) | IGE of: salt(8) | session(8) | message id(8) | seqno(4) | length(4) | body | padding(12..1024)
 */
const KEY_ID_LENGTH = 8
const MESSAGE_KEY_LENGTH = 16
const SEALED_AT = KEY_ID_LENGTH + MESSAGE_KEY_LENGTH
const HEAD_LENGTH = 32
const PADDING_MIN = 12
const PADDING_MAX = 1024
const BLOCK = 16
const QUICK_ACK_BIT = 0x80000000

/** What both sides know after a key exchange. */
export interface AuthKey {
  /** 256 bytes. */
  readonly key: Uint8Array
  /** 8 bytes. */
  readonly id: Uint8Array
}

/** Keys of the two directions differ by where in the authorisation key they are taken from. */
export type Direction = 'to-dc' | 'to-client'
const OFFSET: Readonly<Record<Direction, number>> = { 'to-dc': 0, 'to-client': 8 }

export interface Envelope {
  readonly salt: bigint
  readonly session: bigint
  readonly messageId: bigint
  readonly seqno: number
  readonly body: Uint8Array
}

export function makeAuthKey(key: Uint8Array): AuthKey {
  return { key, id: sha1(key).slice(12, 20) }
}

/** The packet that carries `envelope`; its padding is drawn. */
export function seal(key: AuthKey, direction: Direction, envelope: Envelope, random: Random): Uint8Array {
  const { salt, session, messageId, seqno, body } = envelope
  const unpadded = HEAD_LENGTH + body.length + PADDING_MIN
  const padding = PADDING_MIN + ((BLOCK - (unpadded % BLOCK)) % BLOCK)
  const writer = new TlWriter().u64(salt).u64(session).u64(messageId).u32(seqno).u32(body.length).raw(body)
  return sealPlain(key, direction, writer.raw(random.fill(new Uint8Array(padding))).done())
}

/** `plain` is padded already, to a multiple of 16 bytes. */
export function sealPlain(key: AuthKey, direction: Direction, plain: Uint8Array): Uint8Array {
  const messageKey = largeHash(key, direction, plain).slice(8, 24)
  const cipher = cipherKey(key, direction, messageKey)
  return concat(key.id, messageKey, igeEncrypt(plain, cipher.key, cipher.iv))
}

export interface Opened {
  readonly envelope: Envelope
  /** What confirms this packet when its sender asked for a quick ack; bit 31 is set. */
  readonly quickAck: number
}

/** Reads a packet sealed with `key`; undefined when it was not, or when what is inside breaks a rule. Transport padding is cut. */
export function open(key: AuthKey, direction: Direction, packet: Uint8Array): Opened | undefined {
  const sealed = packet.subarray(SEALED_AT, packet.length - ((packet.length - SEALED_AT) % BLOCK))
  if (sealed.length < HEAD_LENGTH + BLOCK) return undefined
  const messageKey = packet.slice(KEY_ID_LENGTH, SEALED_AT)
  const cipher = cipherKey(key, direction, messageKey)
  const plain = igeDecrypt(sealed, cipher.key, cipher.iv)
  const large = largeHash(key, direction, plain)
  if (!isEqual(large.subarray(8, 24), messageKey)) return undefined
  const reader = new TlReader(plain)
  const [salt, session, messageId] = [reader.u64(), reader.u64(), reader.u64()]
  const [seqno, length] = [reader.u32(), reader.u32()]
  const padding = plain.length - HEAD_LENGTH - length
  if (length % 4 !== 0 || padding < PADDING_MIN || padding > PADDING_MAX) return undefined
  const envelope = { salt, session, messageId, seqno, body: reader.raw(length) }
  return { envelope, quickAck: (read32le(large, 0) | QUICK_ACK_BIT) >>> 0 }
}

function largeHash({ key }: AuthKey, direction: Direction, plain: Uint8Array): Uint8Array {
  const x = OFFSET[direction]
  return sha256(key.subarray(88 + x, 120 + x), plain)
}

function cipherKey(
  { key }: AuthKey,
  direction: Direction,
  messageKey: Uint8Array,
): { key: Uint8Array; iv: Uint8Array } {
  const x = OFFSET[direction]
  const a = sha256(messageKey, key.subarray(x, x + 36))
  const b = sha256(key.subarray(40 + x, 76 + x), messageKey)
  return {
    key: concat(a.subarray(0, 8), b.subarray(8, 24), a.subarray(24, 32)),
    iv: concat(b.subarray(0, 8), a.subarray(8, 24), b.subarray(24, 32)),
  }
}

/** Unencrypted messages, of the key exchange only: zeros(8) | message id(8) | length(4) | body. Anything may follow. */
export function readPlainMessage(packet: Uint8Array): Uint8Array | undefined {
  const reader = new TlReader(packet)
  if (reader.u64() !== 0n) return undefined
  reader.u64()
  const body = reader.raw(reader.u32())
  return reader.isBroken ? undefined : body
}

export function writePlainMessage(messageId: bigint, body: Uint8Array): Uint8Array {
  return new TlWriter().u64(0n).u64(messageId).u32(body.length).raw(body).done()
}

/**
 * Message ids: seconds in the upper half, growing from each to the next; the lowest two bits say who wrote it and why: 0 by a
 * client, 1 an answer by the DC, 3 by the DC of its own.
 */
export class MessageIds {
  #last = 0n

  next(wallSec: number, kind: 0 | 1 | 3): bigint {
    const now = BigInt(wallSec) << 32n
    // Four ids share the upper 62 bits; growing by whole fours keeps the kinds apart even when a clock stands or steps back.
    this.#last = now > this.#last ? now : this.#last + 4n
    return this.#last + BigInt(kind)
  }
}
