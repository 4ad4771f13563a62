import { concat } from '../../src/core/protocol/bytes.ts'

/**
 * Telegram's TL serialisation, as much of it as a DC and its clients need: numbers little-endian; a string is its length
 * (1 byte below 254, else fe and 3 bytes), its bytes, and zeros up to a multiple of 4.
 */
const LONG_STRING = 254
const VECTOR = 0x1cb5c415
const BOOL_TRUE = 0x997275b5
const BOOL_FALSE = 0xbc799737

/**
 * Reads from the front. Past the end everything is zero or empty and `isBroken` holds from then on, so that whoever reads a
 * whole object asks once, at its end.
 */
export class TlReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0
  #isBroken = false

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get isBroken(): boolean {
    return this.#isBroken
  }
  /** What was not read yet, as a view. */
  get rest(): Uint8Array {
    return this.#bytes.subarray(this.#at)
  }

  u32(): number {
    return this.#has(4) ? this.#view.getUint32((this.#at += 4) - 4, true) : 0
  }

  i32(): number {
    return this.u32() | 0
  }

  u64(): bigint {
    return this.#has(8) ? this.#view.getBigUint64((this.#at += 8) - 8, true) : 0n
  }

  /** The next `length` bytes, as a view; empty when there are not as many. */
  raw(length: number): Uint8Array {
    if (!this.#has(length)) return new Uint8Array(0)
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  /** A TL string, as a view. */
  bytes(): Uint8Array {
    const head = this.raw(1)[0] ?? 0
    const size = this.raw(head === LONG_STRING ? 3 : 0)
    const length = head === LONG_STRING ? size[0] | (size[1] << 8) | (size[2] << 16) : head
    const headLength = head === LONG_STRING ? 4 : 1
    const content = this.raw(length)
    this.raw(padding(headLength + length))
    return content
  }

  #has(length: number): boolean {
    if (this.#at + length > this.#bytes.length) {
      this.#isBroken = true
      this.#at = this.#bytes.length
    }
    return !this.#isBroken
  }
}

/** Collects the parts of an object; every call returns the writer. */
export class TlWriter {
  readonly #parts: Uint8Array[] = []

  u32(value: number): this {
    const word = new Uint8Array(4)
    new DataView(word.buffer).setUint32(0, value, true)
    return this.raw(word)
  }

  u64(value: bigint): this {
    const word = new Uint8Array(8)
    new DataView(word.buffer).setBigUint64(0, value, true)
    return this.raw(word)
  }

  /** Bytes as they are; they are taken over when `done` is called, not before. */
  raw(bytes: Uint8Array): this {
    this.#parts.push(bytes)
    return this
  }

  /** A TL string of at most 2^24-1 bytes. */
  bytes(bytes: Uint8Array): this {
    const { length } = bytes
    const head = length < LONG_STRING ? [length] : [LONG_STRING, length & 0xff, (length >> 8) & 0xff, length >> 16]
    return this.raw(Uint8Array.from(head))
      .raw(bytes)
      .raw(new Uint8Array(padding(head.length + length)))
  }

  /** ASCII. */
  text(text: string): this {
    return this.bytes(Uint8Array.from(text, (letter) => letter.charCodeAt(0)))
  }

  bool(value: boolean): this {
    return this.u32(value ? BOOL_TRUE : BOOL_FALSE)
  }

  vector<T>(items: readonly T[], write: (item: T) => void): this {
    this.u32(VECTOR).u32(items.length)
    for (const item of items) write(item)
    return this
  }

  done(): Uint8Array {
    return concat(...this.#parts)
  }
}

function padding(length: number): number {
  return (4 - (length % 4)) % 4
}
