import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { Draft } from '../../../sim/fuzz/draft.ts'
import { havoc, MUTATIONS, systematic, systematicCount, type Material } from '../../../sim/fuzz/mutate.ts'
import { SeededRandom } from '../../../sim/world/random.ts'

const BYTES_MAX = 64
const MATERIAL: Material = { tokens: [Uint8Array.of(1, 2, 3)], other: () => Uint8Array.of(9, 8, 7, 6, 5) }
const arbInput = fc.uint8Array({ maxLength: BYTES_MAX })

function draftOf(input: Uint8Array): Draft {
  const draft = new Draft(BYTES_MAX)
  draft.set(input)
  return draft
}

describe('changes of an input', () => {
  test.prop([arbInput, fc.integer()])('are the same for the same seed, and within bounds', (input, seed) => {
    const made = [1, 2].map(() => {
      const draft = draftOf(input)
      const random = new SeededRandom(seed, 'test')
      for (let i = 0; i < 4; i++) havoc(draft, random, MATERIAL)
      return draft.take()
    })
    expect(made[0]).toEqual(made[1])
    expect(made[0].length).toBeLessThanOrEqual(BYTES_MAX)
  })

  it.each(Object.entries(MUTATIONS))('%s changes something, and does with nothing what it can', (_, mutation) => {
    const input = Uint8Array.from({ length: 20 }, (_, at) => 0x30 + (at % 10))
    const random = new SeededRandom(1, 'test')
    const results = Array.from({ length: 50 }, () => {
      const draft = draftOf(input)
      mutation(draft, random, MATERIAL)
      return Buffer.from(draft.take()).toString('hex')
    })
    expect(new Set(results).size).toBeGreaterThan(5)
    for (const length of [0, 1, BYTES_MAX]) {
      const draft = draftOf(new Uint8Array(length))
      mutation(draft, random, MATERIAL)
      expect(draft.length).toBeLessThanOrEqual(BYTES_MAX)
    }
  })

  it('in order: each touches a word at most, and every bit is flipped', () => {
    const input = Uint8Array.from({ length: 6 }, (_, at) => 17 * at)
    const flipped = new Set<string>()
    for (let step = 0; step < systematicCount(input.length); step++) {
      const draft = draftOf(input)
      systematic(draft, step)
      expect(draft.length).toBe(input.length)
      const changed = [...draft.take()].flatMap((byte, at) => (byte === input[at] ? [] : [at]))
      expect(changed.length === 0 || changed.at(-1)! - changed[0] < 4).toBe(true)
      for (const at of changed) flipped.add(`${at} ${draft.take()[at] ^ input[at]}`)
    }
    for (let at = 0; at < input.length; at++)
      for (let bit = 0; bit < 8; bit++) expect(flipped).toContain(`${at} ${1 << bit}`)
  })
})

describe('a draft', () => {
  test.prop([arbInput, fc.nat(BYTES_MAX), arbInput])('inserts as arrays do, up to its size', (input, at, piece) => {
    const draft = draftOf(input)
    const from = Math.min(at, input.length)
    draft.insert(from, piece)
    expect([...draft.take()]).toEqual(
      [...input.subarray(0, from), ...piece, ...input.subarray(from)].slice(0, BYTES_MAX),
    )
  })

  test.prop([arbInput, fc.nat(BYTES_MAX), fc.nat(BYTES_MAX)])('removes as arrays do', (input, at, count) => {
    const draft = draftOf(input)
    const from = Math.min(at, input.length)
    draft.remove(from, count)
    expect([...draft.take()]).toEqual([...input].toSpliced(from, count))
  })

  it('writes and reads words of 1 to 4 bytes in both orders', () => {
    const draft = draftOf(new Uint8Array(8))
    for (const width of [1, 2, 3, 4])
      for (const isLittle of [true, false]) {
        draft.write(1, width, isLittle, 0xfedcba98)
        expect(draft.read(1, width, isLittle)).toBe(0xfedcba98 % 256 ** width)
      }
    draft.write(0, 4, false, 0x01020304)
    expect([...draft.take().subarray(0, 4)]).toEqual([1, 2, 3, 4])
  })
})
