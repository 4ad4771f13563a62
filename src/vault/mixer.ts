import { createCipheriv, createHash, type Cipheriv } from 'node:crypto'
import { HealthTests } from './health.ts'
import { TokenError } from './token.ts'

/** Before the source is used, at its start and after an alarm (SP 800-90B 4.3 asks for 1024 samples); they serve for nothing else. */
const START_BYTES = 1024
/** Of the source for a key: one window of the tests, of which 384 bits are made. */
const SEED_BYTES = 512
/** How long a key is used; as long until a source that failed is asked again. */
const RENEW_MS = 60_000

export interface MixerOptions {
  /** Bytes of the other source. May throw a `TokenError`. */
  draw(length: number): Uint8Array
  /** Monotonic ms. */
  readonly now: () => number
  /** It failed, or is not healthy, and is not used until `onBack`. Told once. */
  onLost(why: string): void
  onBack(): void
}

/**
 * Mixes a second source into random bytes: a keystream of AES-256-CTR, keyed anew from that source each minute, is XORed over them. Two
 * sources that know nothing of each other: what comes out is unpredictable while one of them is. So much that draws stay cheap.
 */
export class Mixer {
  readonly #options: MixerOptions
  #stream: Cipheriv | undefined
  #tests: HealthTests | undefined
  #isLost = false
  #dueAt: number

  constructor(options: MixerOptions) {
    this.#options = options
    this.#dueAt = options.now()
  }

  /** Into these bytes, in place. While the source is lost they stay as they are. */
  mix(bytes: Uint8Array): void {
    const now = this.#options.now()
    if (now >= this.#dueAt) {
      this.#dueAt = now + RENEW_MS
      this.#renew()
    }
    if (this.#stream !== undefined) bytes.set(this.#stream.update(bytes))
  }

  #renew(): void {
    try {
      this.#tests ??= this.#started()
      const seed = this.#drawn(this.#tests, SEED_BYTES)
      const key = createHash('sha512').update(seed).digest()
      this.#stream = createCipheriv('aes-256-ctr', key.subarray(0, 32), key.subarray(32, 48))
      seed.fill(0)
      key.fill(0)
    } catch (error) {
      if (!(error instanceof TokenError || error instanceof Unhealthy)) throw error
      this.#stream = this.#tests = undefined
      if (!this.#isLost) this.#options.onLost(error.message)
      this.#isLost = true
      return
    }
    if (this.#isLost) this.#options.onBack()
    this.#isLost = false
  }

  #started(): HealthTests {
    const tests = new HealthTests()
    this.#drawn(tests, START_BYTES)
    return tests
  }

  #drawn(tests: HealthTests, length: number): Uint8Array {
    const bytes = this.#options.draw(length)
    if (bytes.length !== length) throw new Unhealthy(`it gave ${bytes.length} bytes for ${length}`)
    const alarm = tests.check(bytes)
    if (alarm === undefined) return bytes
    throw new Unhealthy(`it is not random: the test of ${alarm}s (NIST SP 800-90B 4.4) raised an alarm`)
  }
}

class Unhealthy extends Error {}
