import { randomFillSync } from 'node:crypto'
import { assert } from '../core/assert.ts'
import type { Random } from '../core/ports.ts'

/** Bytes asked of the system's generator at a time; a call of it costs microseconds, a handshake draws a few bytes. */
const BLOCK_BYTES = 4096
/** What is larger goes to the generator directly. */
const SMALL_BYTES = 256
const LIMIT_MAX = 2 ** 31

/** Unpredictable bytes from the system's generator. What was handed out is wiped from the block. */
export class SystemRandom implements Random {
  /** Changes what the generator gave, in place: to mix another source in. */
  mix: ((bytes: Uint8Array) => void) | undefined
  readonly #block = new Uint8Array(BLOCK_BYTES)
  readonly #view = new DataView(this.#block.buffer)
  #used = BLOCK_BYTES

  fill<T extends Uint8Array>(target: T): T {
    if (target.length > SMALL_BYTES) return this.#draw(target)
    const from = this.#take(target.length)
    target.set(this.#block.subarray(from, from + target.length))
    this.#block.fill(0, from, from + target.length)
    return target
  }

  below(limit: number): number {
    assert(Number.isInteger(limit) && limit >= 1 && limit <= LIMIT_MAX, 'a draw has a limit of 1 to 2^31')
    // Draws past the last whole multiple would make small numbers more likely.
    const fair = 2 ** 32 - (2 ** 32 % limit)
    for (;;) {
      const from = this.#take(4)
      const draw = this.#view.getUint32(from, true)
      this.#view.setUint32(from, 0)
      if (draw < fair) return draw % limit
    }
  }

  /** Lets go of what was drawn in advance. */
  renew(): void {
    this.#used = 0
    this.#draw(this.#block)
  }

  /** Where `length` fresh bytes lie. */
  #take(length: number): number {
    if (this.#used + length > BLOCK_BYTES) this.renew()
    const from = this.#used
    this.#used += length
    return from
  }

  #draw<T extends Uint8Array>(target: T): T {
    randomFillSync(target)
    this.mix?.(target)
    return target
  }
}
