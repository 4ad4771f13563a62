import { createCipheriv, createHash, type Cipheriv } from 'node:crypto'
import { HealthTests } from './health.ts'
import { TokenError } from './token.ts'

/** Before the source is used, at its start and after an alarm (SP 800-90B 4.3 asks for 1024 samples); they serve for nothing else. */
const START_BYTES = 1024
/** Of the source for a key: one window of the tests, of which 384 bits are made. */
const SEED_BYTES = 512
/** How long a key is used; as long until a source that failed is asked again. */
const RENEW_MS = 60_000

/** Bytes of the other source, or why there are none. It is answered exactly once, at once or later. */
export type Draw = (length: number, reply: (drawn: Uint8Array | { readonly why: string }) => void) => void

/** A source that answers at once; it may throw a `TokenError`. */
export function atOnce(draw: (length: number) => Uint8Array): Draw {
  return (length, reply) => {
    let drawn: Uint8Array | { readonly why: string }
    try {
      drawn = draw(length)
    } catch (error) {
      if (!(error instanceof TokenError)) throw error
      drawn = { why: error.message }
    }
    reply(drawn)
  }
}

export interface MixerOptions {
  readonly draw: Draw
  /** Monotonic ms. */
  readonly now: () => number
  /** It failed, or is not healthy, and is not used until `onBack`. Told once. */
  onLost(why: string): void
  onBack(): void
  /** What is mixed from now on comes of a fresh key. */
  onKeyed?(): void
}

/**
 * Mixes a second source into random bytes: a keystream of AES-256-CTR, keyed anew from that source each minute, is XORed over them. Two
 * sources that know nothing of each other: what comes out is unpredictable while one of them is. So much that draws stay cheap. While a
 * source takes its time, the key before is used on; before the first one the bytes stay as they are.
 */
export class Mixer {
  readonly #options: MixerOptions
  #stream: Cipheriv | undefined
  #tests: HealthTests | undefined
  #isLost = false
  #isAsking = false
  #dueAt: number

  constructor(options: MixerOptions) {
    this.#options = options
    this.#dueAt = options.now()
  }

  /** Into these bytes, in place. While the source is lost they stay as they are. */
  mix(bytes: Uint8Array): void {
    const now = this.#options.now()
    if (now >= this.#dueAt && !this.#isAsking) {
      this.#dueAt = now + RENEW_MS
      this.#renew()
    }
    if (this.#stream !== undefined) bytes.set(this.#stream.update(bytes))
  }

  #renew(): void {
    if (this.#tests !== undefined) return this.#seed(this.#tests)
    const tests = new HealthTests()
    this.#draw(tests, START_BYTES, () => this.#seed(tests))
  }

  #seed(tests: HealthTests): void {
    this.#draw(tests, SEED_BYTES, (seed) => {
      const key = createHash('sha512').update(seed).digest()
      this.#stream = createCipheriv('aes-256-ctr', key.subarray(0, 32), key.subarray(32, 48))
      seed.fill(0)
      key.fill(0)
      this.#tests = tests
      if (this.#isLost) this.#options.onBack()
      this.#isLost = false
      this.#options.onKeyed?.()
    })
  }

  /** Goes on with bytes that passed the tests, and with nothing else. */
  #draw(tests: HealthTests, length: number, use: (bytes: Uint8Array) => void): void {
    this.#isAsking = true
    this.#options.draw(length, (drawn) => {
      this.#isAsking = false
      const why = 'why' in drawn ? drawn.why : whyUnfit(tests, drawn, length)
      if (why !== undefined) this.#lose(why)
      else if (!('why' in drawn)) use(drawn)
    })
  }

  #lose(why: string): void {
    this.#stream = this.#tests = undefined
    if (!this.#isLost) this.#options.onLost(why)
    this.#isLost = true
  }
}

function whyUnfit(tests: HealthTests, bytes: Uint8Array, length: number): string | undefined {
  if (bytes.length !== length) return `it gave ${bytes.length} bytes for ${length}`
  const alarm = tests.check(bytes)
  return alarm && `it is not random: the test of ${alarm}s (NIST SP 800-90B 4.4) raised an alarm`
}
