import { createHash, timingSafeEqual } from 'node:crypto'
import type { Store } from '../../ports.ts'
import { concat, toHex } from '../../protocol/bytes.ts'

// Head: generation(1) | chunks(1) | SHA-256 of the file(32)
const DIGEST_AT = 2
const DIGEST_LENGTH = 32
/** Values of the store hold at most this. */
const CHUNK_BYTES = 1 << 20

/**
 * The last good copy of a list in the store, in parts. Copies alternate between two places and the head is written last, so
 * that a crash at any moment leaves a whole one.
 */
export class ListCopy {
  readonly #store: Store
  readonly #key: string
  #generation = 0
  #chunks = 0
  #isSaving = false

  /** `key`: see `copyKeyOf`. */
  constructor(store: Store, key: string) {
    this.#store = store
    this.#key = key
  }

  /** Answers once: the copy, or undefined where there is none or it is damaged. */
  restore(reply: (file: Uint8Array | undefined) => void): void {
    this.#store.get(this.#key, (head) => {
      if (head?.length !== DIGEST_AT + DIGEST_LENGTH) {
        reply(undefined)
        return
      }
      this.#generation = head[0] & 1
      this.#chunks = head[1]
      this.#collect([], (file) => {
        const isWhole = file !== undefined && timingSafeEqual(digestOf(file), head.subarray(DIGEST_AT))
        reply(isWhole ? file : undefined)
      })
    })
  }

  /** Behind `restore`. One that comes while another is being written is passed over: the next change comes in time. */
  save(file: Uint8Array): void {
    if (this.#isSaving) return
    this.#isSaving = true
    const generation = this.#generation ^ 1
    const chunks = Math.ceil(file.length / CHUNK_BYTES)
    const head = concat(Uint8Array.of(generation, chunks), digestOf(file))
    const next = (chunk: number) => {
      const isHead = chunk === chunks
      const part = isHead ? head : file.slice(chunk * CHUNK_BYTES, (chunk + 1) * CHUNK_BYTES)
      this.#store.put(isHead ? this.#key : this.#keyOf(generation, chunk), part, (isDurable) => {
        if (isDurable && !isHead) {
          next(chunk + 1)
          return
        }
        this.#isSaving = false
        if (!isDurable) return
        this.#generation = generation
        this.#chunks = Math.max(this.#chunks, chunks)
      })
    }
    next(0)
  }

  /** The list is no longer configured. */
  forget(): void {
    this.#store.delete(this.#key)
    for (let chunk = 0; chunk < this.#chunks; chunk++)
      for (const generation of [0, 1]) this.#store.delete(this.#keyOf(generation, chunk))
  }

  #collect(parts: readonly Uint8Array[], reply: (file: Uint8Array | undefined) => void): void {
    if (parts.length === this.#chunks) {
      reply(concat(...parts))
      return
    }
    this.#store.get(this.#keyOf(this.#generation, parts.length), (part) => {
      if (part === undefined) reply(undefined)
      else this.#collect([...parts, part], reply)
    })
  }

  #keyOf(generation: number, chunk: number): string {
    return `${this.#key}-${generation}-${chunk}`
  }
}

/** What copies of lists from anywhere are called in the store, and nothing else: hex digits follow. */
export const COPY_KEY = 'access-list-'

/** Where the store has the copy of the list from `source`: half of its digest names it. */
export function copyKeyOf(source: string): string {
  return `${COPY_KEY}${toHex(digestOf(source).subarray(0, 16))}`
}

/** SHA-256, of UTF-8 where it is a text. */
export function digestOf(bytes: Uint8Array | string): Uint8Array {
  return createHash('sha256').update(bytes).digest()
}
