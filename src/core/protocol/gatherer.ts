import { PlainAssembly, type Assembly } from './assembly.ts'

/** Puts a piece of known length together out of a stream cut anywhere; what comes at once is not copied. */
export class Gatherer {
  readonly #held: Assembly
  /** The piece that was told last lies in `#held`. */
  #isWhole = false

  constructor(held: Assembly = new PlainAssembly()) {
    this.#held = held
  }

  /** Bytes of the piece that are here. */
  get length(): number {
    return this.#isWhole ? 0 : this.#held.length
  }

  /**
   * The piece when `part` completes its `wanted` bytes, valid as long as `part` is and up to the next call; `part` never goes
   * beyond it. `full`: there is no memory for what has come.
   */
  take(part: Uint8Array, wanted: number): Uint8Array | 'more' | 'full' {
    if (this.#isWhole) this.release()
    if (this.#held.length === 0 && part.length === wanted) return part
    const at = this.#held.extend(part.length, wanted)
    if (at < 0) return 'full'
    this.#held.held.set(part, at)
    if (this.#held.length < wanted) return 'more'
    this.#isWhole = true
    return this.#held.bytes
  }

  /** Gives back what is held, so that an idle reader holds nothing. To be called when the last piece has been used. */
  release(): void {
    this.#isWhole = false
    this.#held.release()
  }

  /** Nothing may be taken behind. */
  close(): void {
    this.#held.close()
  }
}
