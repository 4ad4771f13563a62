import { MESSAGE_MAX_BYTES, NOTHING, type Operation } from './crypto.ts'

/** An operation that can be done to the whole message alone. */
export class Collected implements Operation {
  readonly #parts: Uint8Array[] = []
  readonly #act: (message: Buffer) => Uint8Array
  #length = 0

  constructor(act: (message: Buffer) => Uint8Array) {
    this.#act = act
  }

  update(part: Uint8Array): Uint8Array {
    this.#length += part.length
    if (this.#length > MESSAGE_MAX_BYTES) {
      this.cancel()
      throw new RangeError(`a message has at most ${MESSAGE_MAX_BYTES} bytes`)
    }
    // Not slice: of a Buffer that is a view, not a copy.
    this.#parts.push(Uint8Array.from(part))
    return NOTHING
  }

  final(): Uint8Array {
    const message = Buffer.concat(this.#parts)
    this.cancel()
    try {
      return this.#act(message)
    } finally {
      message.fill(0)
    }
  }

  cancel(): void {
    for (const part of this.#parts) part.fill(0)
    this.#parts.length = 0
  }
}
