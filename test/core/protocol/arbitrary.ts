import { fc } from '@fast-check/vitest'
import vectors from '../../../fixtures/vectors.json' with { type: 'json' }
import type { Random } from '../../../src/core/ports.ts'
import type { ClientSecret } from '../../../src/core/protocol/secret.ts'
import { fromHex, toHex } from '../../../src/core/protocol/bytes.ts'

export { toHex, vectors }

/** Bytes of a hex literal. */
export function hex(text: string): Uint8Array {
  const bytes = fromHex(text)
  if (bytes === undefined) throw new Error(`not hex: ${text}`)
  return bytes
}

export const KEY = hex('00112233445566778899aabbccddeeff')

/** A small linear generator: enough to fill bytes, the same on every machine. */
export function testRandom(seed = 1): Random & { drawn: number } {
  let state = seed >>> 0
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state >>> 8
  }
  return {
    drawn: 0,
    fill(target) {
      this.drawn += target.length
      for (let i = 0; i < target.length; i++) target[i] = next() >>> 4
      return target
    },
    below(limit) {
      this.drawn++
      return next() % limit
    },
  }
}

/** Random whose first draws are given: then it goes on as `testRandom`. */
export function scriptedRandom(...draws: readonly Uint8Array[]): Random & { left: number } {
  const rest = testRandom()
  const queue = [...draws]
  return {
    get left() {
      return queue.length
    },
    fill(target) {
      const next = queue.shift()
      if (next === undefined) return rest.fill(target)
      target.set(next.subarray(0, target.length))
      return target
    },
    below: (limit) => rest.below(limit),
  }
}

export const arbBytes = (maxLength = 200, minLength = 0) => fc.uint8Array({ minLength, maxLength })

/** Lengths of pieces; used over and over until the input ends. */
export const arbCuts = fc.array(
  fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 3000 })),
  {
    minLength: 1,
    maxLength: 12,
  },
)

/** Copies of consecutive pieces of `bytes`. */
export function split(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = []
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const end = Math.min(bytes.length, at + cuts[i % cuts.length])
    pieces.push(bytes.slice(at, end))
    at = end
  }
  return pieces
}

/** Every prefix length worth asking a stateless reader about: all of a short input, many of a long one. */
export function prefixes(bytes: Uint8Array): Uint8Array[] {
  const step = bytes.length <= 600 ? 1 : 7
  const list: Uint8Array[] = []
  for (let end = 0; end < bytes.length; end += step) list.push(bytes.slice(0, end))
  return [...list, bytes]
}

export const arbSecret: fc.Arbitrary<ClientSecret> = fc
  .record({
    mode: fc.constantFrom('plain' as const, 'padded' as const, 'fake-tls' as const),
    key: fc.uint8Array({ minLength: 16, maxLength: 16 }),
    name: fc.stringMatching(/^[a-z0-9.-]{1,182}$/),
  })
  .map(({ mode, key, name }) => ({ mode, key, domain: mode === 'fake-tls' ? name : '' }))
