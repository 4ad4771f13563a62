import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto'
import { assert } from '../core/assert.ts'
import type { Random, Store } from '../core/ports.ts'

// A value: version(1) | run(16) | count(8, LE) | ciphertext | tag(16), by AES-256-GCM.
const VERSION = 1
const RUN_AT = 1
const RUN_BYTES = 16
const COUNT_AT = RUN_AT + RUN_BYTES
const TEXT_AT = COUNT_AT + 8
const TAG_BYTES = 16
const GCM = 'aes-256-gcm'
/** Of a name, in hex in the store. */
const NAME_BYTES = 16
/** Values of earlier runs are read at a start, one of each name, and of few runs. */
const KEYS_MAX = 64

export interface SealedStoreOptions {
  readonly store: Store
  /** 32 bytes. It is not copied. */
  readonly key: Uint8Array
  readonly random: Random
  /** There is a value of that name which was changed, moved from another name or sealed by another key; it counts as none. */
  readonly onBroken: (name: string) => void
}

/**
 * A store whose values nobody can read or make who has the disk alone. Each is bound to its name; a name is told by its HMAC only. Who
 * can write the disk can still take values away or put old ones of the same name back.
 *
 * No nonce is used twice with one key, which would undo GCM. They are counted, not drawn: 96 random bits are good for 2^32 values of one
 * key (NIST SP 800-38D, 8.3), and quotas alone could write that many within months. Each run seals with a key of its own, made of ours
 * and 128 random bits that are not drawn twice, and counts its values from 0.
 */
export class SealedStore implements Store {
  readonly #options: SealedStoreOptions
  readonly #run: Uint8Array
  readonly #keys = new Map<string, Uint8Array>()
  #count = 0n

  constructor(options: SealedStoreOptions) {
    this.#options = options
    this.#run = options.random.fill(new Uint8Array(RUN_BYTES))
  }

  get(name: string, reply: (value: Uint8Array | undefined) => void): void {
    this.#options.store.get(this.#hidden(name), (sealed) => {
      if (sealed === undefined) return reply(undefined)
      const value = this.#open(name, sealed)
      if (value === undefined) this.#options.onBroken(name)
      reply(value)
    })
  }

  put(name: string, value: Uint8Array, reply?: (isDurable: boolean) => void): void {
    this.#options.store.put(this.#hidden(name), this.#seal(name, value), reply)
  }

  delete(name: string, reply?: (isDurable: boolean) => void): void {
    this.#options.store.delete(this.#hidden(name), reply)
  }

  #seal(name: string, value: Uint8Array): Uint8Array {
    const sealed = Buffer.alloc(TEXT_AT + value.length + TAG_BYTES)
    sealed[0] = VERSION
    sealed.set(this.#run, RUN_AT)
    sealed.writeBigUInt64LE(this.#count++, COUNT_AT)
    const cipher = createCipheriv(GCM, this.#keyOf(this.#run), nonceOf(sealed)).setAAD(Buffer.from(name))
    sealed.set(cipher.update(value), TEXT_AT)
    cipher.final()
    sealed.set(cipher.getAuthTag(), TEXT_AT + value.length)
    return sealed
  }

  #open(name: string, sealed: Uint8Array): Uint8Array | undefined {
    const end = sealed.length - TAG_BYTES
    if (end < TEXT_AT || sealed[0] !== VERSION) return undefined
    const key = this.#keyOf(sealed.subarray(RUN_AT, COUNT_AT))
    const decipher = createDecipheriv(GCM, key, nonceOf(sealed), { authTagLength: TAG_BYTES })
      .setAAD(Buffer.from(name))
      .setAuthTag(sealed.subarray(end))
    const value = decipher.update(sealed.subarray(TEXT_AT, end))
    try {
      decipher.final()
    } catch {
      return undefined
    }
    return value
  }

  /** The key of a run. */
  #keyOf(run: Uint8Array): Uint8Array {
    const name = Buffer.from(run).toString('hex')
    const known = this.#keys.get(name)
    if (known !== undefined) return known
    if (this.#keys.size >= KEYS_MAX) this.#keys.clear()
    const key = this.#derive('values of run', run)
    this.#keys.set(name, key)
    return key
  }

  #hidden(name: string): string {
    assert(name.length > 0, 'names are not empty')
    return this.#derive('name', Buffer.from(name)).toString('hex', 0, NAME_BYTES)
  }

  #derive(use: string, what: Uint8Array): Buffer {
    return createHmac('sha256', this.#options.key).update(`palisade state: ${use}\0`).update(what).digest()
  }
}

/** 96 bits, of which those that count are the last 64; version and run are in the key. */
function nonceOf(sealed: Uint8Array): Uint8Array {
  const nonce = new Uint8Array(12)
  nonce.set(sealed.subarray(COUNT_AT, TEXT_AT), 4)
  return nonce
}
