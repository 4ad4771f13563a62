import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { LINE_BYTES_MAX, LineReader } from '../../src/workers/lines.ts'

const arbLine = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\n', ' '))

function split(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const at = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b)
  return at.slice(1).map((end, i) => bytes.slice(at[i], end))
}

describe('lines of a channel', () => {
  test.prop([fc.array(arbLine), fc.array(fc.nat())])('the split of the stream does not matter', (lines, cuts) => {
    const reader = new LineReader()
    const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''))
    expect(split(bytes, cuts).flatMap((part) => reader.push(part))).toEqual(lines)
  })

  it('a chunk may be written over once it was pushed', () => {
    const reader = new LineReader()
    const chunk = Buffer.from('one')
    reader.push(chunk)
    chunk.fill(0x78)
    expect(reader.push(Buffer.from('\n'))).toEqual(['one'])
  })

  it.each([
    ['whole', (text: string) => [text]],
    ['in two parts', (text: string) => [text.slice(0, 3), text.slice(3)]],
  ])('a line may be as long as the limit and no longer, %s', (_, cut) => {
    const lines = (text: string) => {
      const reader = new LineReader(8)
      return cut(text).map((part) => reader.push(Buffer.from(part)))
    }
    expect(lines('1234567\n').at(-1)).toEqual(['1234567'])
    expect(lines('12345678\n').at(-1)).toEqual(['12345678'])
    expect(lines('123456789\n')).toContain(undefined)
    expect(lines('123456789')).toContain(undefined)
  })

  it('a store value of 1 MiB fits in a line', () => {
    expect(LINE_BYTES_MAX).toBeGreaterThan((4 / 3) * (1 << 20) + 1000)
  })
})
