import {
  constants,
  createCipheriv,
  createDecipheriv,
  createHash,
  privateDecrypt,
  publicEncrypt,
  type KeyObject,
} from 'node:crypto'
import type { Random } from '../../src/core/ports.ts'
import { concat } from '../../src/core/protocol/bytes.ts'

/** MTProto's cryptography (protocol.md, 7.2 and 7.3), both sides of it. */
const BLOCK = 16
const WORDS_PER_BLOCK = BLOCK / 4

export function sha1(...parts: readonly Uint8Array[]): Uint8Array {
  return hash('sha1', parts)
}

export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  return hash('sha256', parts)
}

function hash(name: string, parts: readonly Uint8Array[]): Uint8Array {
  const digest = createHash(name)
  for (const part of parts) digest.update(part)
  return new Uint8Array(digest.digest())
}

/**
 * AES-256-IGE: c[i] = E(p[i] ^ c[i-1]) ^ p[i-1]; c[0] is the first half of the iv (32 bytes), p[0] the second. `data` is a
 * multiple of 16 bytes.
 *
 * With x[i] = c[i] ^ p[i-1] this is x[i] = E(p[i] ^ p[i-2] ^ x[i-1]): CBC over p[i] ^ p[i-2], so one call of the platform's
 * CBC does all blocks, hundreds of times faster than a call for each.
 */
export function igeEncrypt(data: Uint8Array, key: Uint8Array, iv: Uint8Array): Uint8Array {
  // p[0], then the data, word by word.
  const plain = new Uint32Array(concat(iv.subarray(BLOCK), data).buffer)
  const mixed = new Uint32Array(plain.length - WORDS_PER_BLOCK)
  for (let i = 0; i < mixed.length; i++) {
    mixed[i] = plain[i + WORDS_PER_BLOCK] ^ (i >= WORDS_PER_BLOCK ? plain[i - WORDS_PER_BLOCK] : 0)
  }
  const cbc = createCipheriv('aes-256-cbc', key, iv.subarray(0, BLOCK)).setAutoPadding(false)
  const chained = new Uint32Array(new Uint8Array(cbc.update(new Uint8Array(mixed.buffer))).buffer)
  for (let i = 0; i < chained.length; i++) chained[i] ^= plain[i]
  return new Uint8Array(chained.buffer)
}

/** The other way: p[i] = D(c[i] ^ p[i-1]) ^ c[i-1]. Here each block needs the one before, so it costs a call a block. */
export function igeDecrypt(data: Uint8Array, key: Uint8Array, iv: Uint8Array): Uint8Array {
  const ecb = createDecipheriv('aes-256-ecb', key, null).setAutoPadding(false)
  const plain = new Uint8Array(data.length)
  const mixed = new Uint8Array(BLOCK)
  let lastCipher = iv.subarray(0, BLOCK)
  let lastPlain = iv.subarray(BLOCK)
  for (let at = 0; at < data.length; at += BLOCK) {
    const block = data.subarray(at, at + BLOCK)
    for (let i = 0; i < BLOCK; i++) mixed[i] = block[i] ^ lastPlain[i]
    const opened = ecb.update(mixed)
    for (let i = 0; i < BLOCK; i++) plain[at + i] = opened[i] ^ lastCipher[i]
    lastCipher = block
    lastPlain = plain.subarray(at, at + BLOCK)
  }
  return plain
}

/** Most bytes that fit into one RSA_PAD block. */
export const RSA_DATA_BYTES = 192
const RSA_BYTES = 256
const TEMP_KEY_BYTES = 32
const ZERO_IV = new Uint8Array(32)

/** RSA_PAD: up to 144 bytes of `data`, filled up with random bytes, as the 256 bytes that only the key's owner can read. */
export function rsaPad(data: Uint8Array, key: KeyObject, random: Random): Uint8Array {
  const padded = concat(data, random.fill(new Uint8Array(RSA_DATA_BYTES - data.length)))
  for (;;) {
    const block = rsaPadBlock(padded, random.fill(new Uint8Array(TEMP_KEY_BYTES)))
    const encrypted = rsaRaw(block, key)
    if (encrypted !== undefined) return encrypted
  }
}

/** The 256 bytes that are raised to the public exponent: (temp ^ SHA256(e)) | e, with e = IGE(reverse(data) | SHA256(temp | data)). */
export function rsaPadBlock(padded: Uint8Array, tempKey: Uint8Array): Uint8Array {
  const body = concat(Uint8Array.from(padded).reverse(), sha256(tempKey, padded))
  const encrypted = igeEncrypt(body, tempKey, ZERO_IV)
  return concat(xor(tempKey, sha256(encrypted)), encrypted)
}

/** Undefined when the block is a larger number than the modulus, which no other reason makes fail. */
function rsaRaw(block: Uint8Array, key: KeyObject): Uint8Array | undefined {
  try {
    return new Uint8Array(publicEncrypt({ key, padding: constants.RSA_NO_PADDING }, block))
  } catch {
    return undefined
  }
}

/** Reads what `rsaPad` wrote: 192 bytes of data and padding; undefined when it was made for another key or altered. */
export function rsaUnpad(encrypted: Uint8Array, key: KeyObject): Uint8Array | undefined {
  if (encrypted.length !== RSA_BYTES) return undefined
  let block: Uint8Array
  try {
    block = privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, encrypted)
  } catch {
    return undefined
  }
  return undoRsaPadBlock(block)
}

export function undoRsaPadBlock(block: Uint8Array): Uint8Array | undefined {
  const body = block.subarray(TEMP_KEY_BYTES)
  const tempKey = xor(block.subarray(0, TEMP_KEY_BYTES), sha256(body))
  const opened = igeDecrypt(body, tempKey, ZERO_IV)
  const padded = opened.slice(0, RSA_DATA_BYTES).reverse()
  return isEqual(sha256(tempKey, padded), opened.subarray(RSA_DATA_BYTES)) ? padded : undefined
}

/** Key and iv for the Diffie-Hellman messages, from the nonces of both sides. */
export function nonceKey(newNonce: Uint8Array, serverNonce: Uint8Array): { key: Uint8Array; iv: Uint8Array } {
  const first = sha1(newNonce, serverNonce)
  const second = sha1(serverNonce, newNonce)
  return {
    key: concat(first, second.subarray(0, 12)),
    iv: concat(second.subarray(12, 20), sha1(newNonce, newNonce), newNonce.subarray(0, 4)),
  }
}

/** Bytes as one number, most significant first. */
export function toNumber(bytes: Uint8Array): bigint {
  let digits = '0x0'
  for (const byte of bytes) digits += (byte < 16 ? '0' : '') + byte.toString(16)
  return BigInt(digits)
}

/** 256 bytes, most significant first; `value` is below 2^2048. */
export function toBytes256(value: bigint): Uint8Array {
  const digits = value.toString(16).padStart(512, '0')
  return Uint8Array.from({ length: 256 }, (_, i) => parseInt(digits.slice(2 * i, 2 * i + 2), 16))
}

/** base^exponent mod modulus. */
export function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n
  let square = base % modulus
  for (let left = exponent; left > 0n; left >>= 1n) {
    if ((left & 1n) === 1n) result = (result * square) % modulus
    square = (square * square) % modulus
  }
  return result
}

export function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, i) => byte ^ b[i])
}

export function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}
