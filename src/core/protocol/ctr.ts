import { createCipheriv } from 'node:crypto'
import type { CipherKey } from '../ports.ts'

/** One direction of a connection: bytes in, as many bytes out, each call going on where the last one ended. */
export interface StreamCipher {
  /** The result is new memory; `bytes` is left alone. */
  update(bytes: Uint8Array): Uint8Array
}

const BLOCK_BYTES = 16

/**
 * AES-256-CTR with a 128-bit big-endian counter that starts at the iv (protocol.md, 3.1). Encrypts and decrypts alike.
 * `skipBytes` (0..2^31) of the stream are passed over, by counting instead of enciphering. A cipher object holds native
 * memory, 1.1 KB on Bun: make one when it is needed, not before.
 */
export function ctr(key: CipherKey, skipBytes = 0): StreamCipher {
  const blocks = Math.floor(skipBytes / BLOCK_BYTES)
  const cipher = createCipheriv('aes-256-ctr', key.key, blocks === 0 ? key.iv : advanced(key.iv, blocks))
  const rest = skipBytes % BLOCK_BYTES
  if (rest > 0) cipher.update(new Uint8Array(rest))
  return cipher
}

function advanced(iv: Uint8Array, blocks: number): Uint8Array {
  const counter = Uint8Array.from(iv)
  let carry = blocks
  for (let i = BLOCK_BYTES - 1; i >= 0 && carry > 0; i--) {
    carry += counter[i]
    counter[i] = carry % 256
    carry = Math.floor(carry / 256)
  }
  return counter
}
