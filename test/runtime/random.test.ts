import { describe, expect, it } from 'vitest'
import { SystemRandom } from '../../src/runtime/random.ts'

describe('the system generator', () => {
  it.each([1, 4, 256, 257, 5000])('lets whoever mixes change all bytes of a draw of %i', (length) => {
    const random = new SystemRandom()
    // Drawn in advance, without the mixture.
    random.below(2)
    random.mix = (bytes) => void bytes.fill(0x5a)
    random.renew()
    for (let i = 0; i < 3; i++) expect(random.fill(new Uint8Array(length))).toEqual(new Uint8Array(length).fill(0x5a))
    expect(random.below(1000)).toBe(0x5a5a5a5a % 1000)
  })
})
