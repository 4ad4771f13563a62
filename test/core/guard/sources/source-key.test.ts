import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { formatIp, parseIp } from '../../../../src/core/address.ts'
import { maskWord, SourceKey } from '../../../../src/core/guard/sources/source-key.ts'

const key = new SourceKey()

function bytesOf({ family, words }: SourceKey): number[] {
  const bytes = [...words].flatMap((word) => [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255])
  return bytes.slice(0, family === 4 ? 4 : 16)
}

describe('SourceKey', () => {
  test.prop(
    [fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }))],
    {
      numRuns: 2000,
    },
  )('reads every address as the parser of the configuration does', (bytes) => {
    const text = formatIp(bytes)
    expect(key.read(text)).toBe(true)
    expect(bytesOf(key)).toEqual([...(parseIp(text) ?? [])])
  })

  test.prop([fc.array(fc.constantFrom(0, 0, 0, 1, 0xab, 0xffff), { minLength: 8, maxLength: 8 })])(
    'reads addresses with runs of zeros',
    (groups) => {
      const bytes = Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 255]))
      const text = formatIp(bytes)
      expect([key.read(text), bytesOf(key)]).toEqual([true, [...(parseIp(text) ?? [])]])
    },
  )

  it.each(['', '1.2.3', '1.2.3.4.5', '1.2.3.256', '1.2.3.', '.1.2.3', '1.2.3.4a', '1::2::3', '1:2:3:4:5:6:7:8:9'])(
    'refuses %j',
    (text) => expect(key.read(text)).toBe(false),
  )

  it.each(['1:2:3:4:5:6:7', '12345::', '::g', '1:2:3:4:5:6:7:8::', '1:2:3:4:5:6:7:8:', '1::2:', ':1::2', ':::'])(
    'refuses %j too',
    (text) => expect(key.read(text)).toBe(false),
  )

  test.prop([fc.string()])('never throws', (text) => {
    key.read(text)
  })
})

describe('maskWord', () => {
  it('keeps as many bits as the prefix has', () => {
    expect([0, 1, 8, 24, 31, 32, 40].map((bits) => maskWord(0xffffffff, bits))).toEqual([
      0, 0x80000000, 0xff000000, 0xffffff00, 0xfffffffe, 0xffffffff, 0xffffffff,
    ])
  })
})
