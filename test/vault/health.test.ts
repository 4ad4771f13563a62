import { createCipheriv } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { HealthTests, PROPORTION_MAX, REPETITIONS_MAX, WINDOW } from '../../src/vault/health.ts'

/** Every byte as likely as any, and the same in each run. */
function good(length: number, seed = 1): Uint8Array {
  return createCipheriv('aes-256-ctr', Buffer.alloc(32, seed), Buffer.alloc(16)).update(new Uint8Array(length))
}

/** P(X >= least) of a binomial distribution. */
function atLeast(n: number, p: number, least: number): number {
  let term = (1 - p) ** n
  let below = 0
  for (let k = 0; k < least; k++) {
    below += term
    term *= ((n - k) / (k + 1)) * (p / (1 - p))
  }
  return 1 - below
}

/** How many of so many windows, each from a fresh start, raise that alarm. */
function alarms(windows: number, source: (length: number, seed: number) => Uint8Array): number {
  let count = 0
  for (let seed = 1; seed <= windows; seed++)
    if (new HealthTests().check(source(WINDOW, seed)) === 'proportion') count++
  return count
}

describe('the cut-offs', () => {
  const alpha = 2 ** -30
  const H = 7

  it('are those of SP 800-90B for alpha = 2^-30 and 7 bits a byte', () => {
    expect(REPETITIONS_MAX).toBe(1 + Math.ceil(30 / H))
    let critical = 0
    while (atLeast(WINDOW, 2 ** -H, critical + 1) > alpha) critical++
    expect(PROPORTION_MAX).toBe(1 + critical)
  })

  it('leave a good source alone as rarely as is said of it', () => {
    expect(2 ** (-8 * (REPETITIONS_MAX - 1))).toBe(2 ** -40)
    // A sum of doubles near 1 ends at 2^-53.
    expect(atLeast(WINDOW - 1, 2 ** -8, PROPORTION_MAX - 1)).toBeLessThan(2 ** -47)
  })
})

describe('the health tests', () => {
  it.each([1, 2, 3])('have nothing against 4 MB of a good source', (seed) => {
    expect(new HealthTests().check(good(4 << 20, seed))).toBeUndefined()
  })

  it('raise an alarm at a byte that comes as often in a row as is allowed, and not one earlier', () => {
    const row = new Uint8Array(REPETITIONS_MAX).fill(7)
    expect(new HealthTests().check(row.subarray(1))).toBeUndefined()
    expect(new HealthTests().check(row)).toBe('repetition')
    const tests = new HealthTests()
    // Over the border of two calls as well.
    for (const byte of row.subarray(1)) expect(tests.check(Uint8Array.of(byte))).toBeUndefined()
    expect(tests.check(Uint8Array.of(7))).toBe('repetition')
  })

  it('raise an alarm at the first byte of a window that comes too often in it, and not one earlier', () => {
    /** Byte 0 at the head and then `count - 1` times, never twice in a row. */
    const window = (count: number) => {
      const bytes = Uint8Array.from({ length: WINDOW }, (_, at) => 1 + (at % 255))
      for (let i = 0; i < count; i++) bytes[WINDOW / 2 - 2 * count + 2 * i] = 0
      bytes[0] = 0
      return bytes
    }
    expect(new HealthTests().check(window(PROPORTION_MAX - 2))).toBeUndefined()
    expect(new HealthTests().check(window(PROPORTION_MAX - 1))).toBe('proportion')
    // Each window counts for itself.
    const two = Buffer.concat([window(PROPORTION_MAX - 2), window(PROPORTION_MAX - 2)])
    expect(new HealthTests().check(two)).toBeUndefined()
  })

  it.each([2, 3, 10, 16])('catch a source that repeats itself after %i bytes in its first window', (period) => {
    const piece = good(period, 9)
    expect(new HealthTests().check(Uint8Array.from({ length: WINDOW }, (_, at) => piece[at % period]))).toBe(
      'proportion',
    )
  })

  it('catch a source with one byte too likely as often as theory says', () => {
    const windows = 4000
    for (const q of [0.05, 0.08, 0.2]) {
      // One byte takes q of all cases by itself, and its share of the rest.
      const biased = (length: number, seed: number) => {
        const bytes = good(2 * length, seed % 251)
        const more = createCipheriv('aes-256-ctr', Buffer.alloc(32, seed >> 8), Buffer.alloc(16, seed)).update(bytes)
        return Uint8Array.from({ length }, (_, at) =>
          more[2 * at] * 256 + more[2 * at + 1] < q * 65_536 ? 0 : bytes[at],
        )
      }
      const p = q + (1 - q) / 256
      const expected = p * atLeast(WINDOW - 1, p, PROPORTION_MAX - 1)
      const spread = Math.sqrt((expected * (1 - expected)) / windows)
      expect(Math.abs(alarms(windows, biased) / windows - expected)).toBeLessThan(4 * spread)
    }
  })
})
