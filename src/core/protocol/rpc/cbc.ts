import { createCipheriv, createDecipheriv } from 'node:crypto'
import type { CipherKey } from '../../ports.ts'
import type { StreamCipher } from '../ctr.ts'

/** AES-256-CBC works on blocks of this size. */
export const BLOCK_BYTES = 16

/** One chain over the whole life of a link, never begun anew (protocol.md, 5.2). Each call takes whole blocks. */
export function cbcEncipher({ key, iv }: CipherKey): StreamCipher {
  return createCipheriv('aes-256-cbc', key, iv).setAutoPadding(false)
}

/** Takes pieces of any length and gives every block that is whole; the rest waits inside, at most 15 bytes. */
export function cbcDecipher({ key, iv }: CipherKey): StreamCipher {
  return createDecipheriv('aes-256-cbc', key, iv).setAutoPadding(false)
}
