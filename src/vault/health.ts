/**
 * Health tests of a source of random bytes, NIST SP 800-90B 4.4: they notice one that broke, not one that lies. A sample is a byte. We
 * assume H = 7 bits of entropy in each, less than the 8 a module's generator should give, and allow a false alarm with alpha = 2^-30 for
 * each test at that entropy; at 8 bits it is 2^-40 a byte for repetitions and less than 2^-47 a window for proportions.
 */

/** 4.4.1: C = 1 + ceil(-log2(alpha) / H) = 1 + ceil(30 / 7). So many times the same byte in a row are an alarm. */
export const REPETITIONS_MAX = 6
/** 4.4.2: W for sources of more than two values. */
export const WINDOW = 512
/** 4.4.2: C = 1 + CRITBINOM(W, 2^-H, 1 - alpha); the test computes it. So many of the first byte of a window are an alarm. */
export const PROPORTION_MAX = 22

export type HealthAlarm = 'repetition' | 'proportion'

/** Both tests, over one source from its start on. */
export class HealthTests {
  #last = -1
  #repeated = 0
  #first = -1
  #seen = 0
  #same = 0

  /** The next bytes of the source; what the first alarm was among them, if any. */
  check(bytes: Uint8Array): HealthAlarm | undefined {
    let alarm: HealthAlarm | undefined
    for (const byte of bytes) alarm ??= this.#next(byte)
    return alarm
  }

  #next(byte: number): HealthAlarm | undefined {
    this.#repeated = byte === this.#last ? this.#repeated + 1 : 1
    this.#last = byte
    if (this.#seen === 0) {
      this.#first = byte
      this.#same = 0
    }
    if (byte === this.#first) this.#same++
    this.#seen = (this.#seen + 1) % WINDOW
    if (this.#repeated >= REPETITIONS_MAX) return 'repetition'
    return this.#same >= PROPORTION_MAX ? 'proportion' : undefined
  }
}
