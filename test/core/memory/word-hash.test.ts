import { fc, test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'
import { KeyedHash } from '../../../src/core/memory/hash.ts'
import { WordHash } from '../../../src/core/memory/word-hash.ts'

const word = fc.nat({ max: 0xffffffff })

describe('WordHash', () => {
  test.prop([fc.tuple(word, word), fc.tuple(word, word, word, word), fc.nat({ max: 255 })])(
    'is HalfSipHash over the words and the tag',
    ([k0, k1], words, tag) => {
      const key = new Uint8Array(8)
      new DataView(key.buffer).setUint32(0, k0)
      new DataView(key.buffer).setUint32(4, k1)
      const keyed = new KeyedHash({ fill: (target) => (target.set(key), target), below: () => 0 })
      const bytes = new Uint8Array(17)
      words.forEach((each, at) => new DataView(bytes.buffer).setUint32(4 * at, each, true))
      bytes[16] = tag
      keyed.of(bytes)
      const hash = new WordHash(k0, k1)
      hash.of(Uint32Array.from(words), tag)
      expect([hash.low, hash.high]).toEqual([keyed.low, keyed.high])
    },
  )
})
