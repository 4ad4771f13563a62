import { parseIp } from '../../core/address.ts'
import type { PrefixCipher } from './prefix-cipher.ts'

/** Of each generation; two are kept. Some hundred KB, in a process that records. */
const ADDRESSES_MAX = 2_048

/**
 * What addresses become, of those that came of late: the same ones come again and again, and to encrypt one takes as long as to
 * record all that its connection does.
 */
export class KnownAddresses {
  readonly #cipher: PrefixCipher
  #recent = new Map<string, Uint8Array>()
  #before = new Map<string, Uint8Array>()

  constructor(cipher: PrefixCipher) {
    this.#cipher = cipher
  }

  /** Of 4 or 16 bytes, not to be written to; undefined when the text is no address. */
  encrypted(text: string): Uint8Array | undefined {
    const known = this.#recent.get(text)
    if (known !== undefined) return known
    const found = this.#before.get(text) ?? this.#made(text)
    if (found === undefined) return undefined
    if (this.#recent.size >= ADDRESSES_MAX) {
      this.#before = this.#recent
      this.#recent = new Map()
    }
    this.#recent.set(text, found)
    return found
  }

  #made(text: string): Uint8Array | undefined {
    const ip = parseIp(text)
    return ip === undefined ? undefined : this.#cipher.encrypt(ip)
  }
}
