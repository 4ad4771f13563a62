import type { Random } from '../ports.ts'
import { x25519Public } from '../protocol/x25519.ts'

/** A public key takes about 60 us; a burst of this many handshakes finds them ready. */
export const SHARES_AHEAD = 256
/** Made per tick at most, so that refilling never holds up the relay. */
const PER_REFILL = 16
const KEY_LENGTH = 32

/**
 * Genuine X25519 public keys for our ServerHellos, made ahead. Random bytes would be no point of the curve half the time,
 * which a passive observer can compute (security.md, P16). The private halves are never needed.
 */
export class SharePool {
  readonly #random: Random
  readonly #ready: Uint8Array[] = []

  readonly #ahead: number

  constructor(random: Random, ahead = SHARES_AHEAD) {
    this.#random = random
    this.#ahead = ahead
  }

  get ready(): number {
    return this.#ready.length
  }

  /** 32 bytes, used once. When the pool is empty it is made now. */
  next(): Uint8Array {
    return this.#ready.pop() ?? this.#make()
  }

  /** Makes a few more; called once a tick. */
  refill(): void {
    for (let made = 0; made < PER_REFILL && this.#ready.length < this.#ahead; made++) this.#ready.push(this.#make())
  }

  #make(): Uint8Array {
    return x25519Public(this.#random.fill(new Uint8Array(KEY_LENGTH)))
  }
}
