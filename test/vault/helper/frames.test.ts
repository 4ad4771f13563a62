import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { write32le } from '../../../src/core/protocol/bytes.ts'
import { FRAME_BYTES_MAX, FrameReader, LENGTH_BYTES } from '../../../src/vault/helper/frames.ts'

function framed(frame: Uint8Array): Uint8Array {
  const whole = new Uint8Array(LENGTH_BYTES + frame.length)
  write32le(whole, 0, frame.length)
  whole.set(frame, LENGTH_BYTES)
  return whole
}

/** What a reader makes of the chunks; false at the end where it gave up. */
function read(chunks: readonly Uint8Array[]): (number[] | false)[] {
  const reader = new FrameReader()
  const frames: (number[] | false)[] = []
  for (const chunk of chunks) {
    const isWhole = reader.push(chunk, (frame) => frames.push([...frame]) > 0)
    if (!isWhole) return [...frames, false]
  }
  return frames
}

/** `bytes` in pieces of those lengths, over and over. */
function cut(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = []
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const length = lengths[turn % lengths.length]
    chunks.push(bytes.slice(at, at + length))
    at += length
  }
  return chunks
}

const aFrame = fc.uint8Array({ minLength: 1, maxLength: 60 })
const splits = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 8 })

describe('a stream of frames', () => {
  test.prop([fc.array(aFrame, { maxLength: 8 }), splits])(
    'is cut at the same places for every split',
    (frames, lengths) => {
      const bytes = Buffer.concat(frames.map(framed))
      expect(read(cut(bytes, lengths))).toEqual(frames.map((frame) => [...frame]))
      expect(read([bytes])).toEqual(frames.map((frame) => [...frame]))
    },
  )

  test.prop([fc.array(aFrame, { maxLength: 3 }), fc.constantFrom(0, FRAME_BYTES_MAX + 1, 0xffffffff), splits])(
    'ends at a length out of bounds',
    (frames, length, lengths) => {
      const bad = new Uint8Array(8)
      write32le(bad, 0, length)
      const bytes = Buffer.concat([...frames.map(framed), bad])
      expect(read(cut(bytes, lengths))).toEqual([...frames.map((frame) => [...frame]), false])
    },
  )

  it('takes the longest frame, whole and in pieces', () => {
    const whole = framed(new Uint8Array(FRAME_BYTES_MAX).fill(7))
    const lengthsOf = (chunks: readonly Uint8Array[]) => read(chunks).map((frame) => frame !== false && frame.length)
    expect(lengthsOf([whole])).toEqual([FRAME_BYTES_MAX])
    expect(lengthsOf(cut(whole, [1000, 1, 70_000]))).toEqual([FRAME_BYTES_MAX])
  })

  it('ends where its taker says so', () => {
    const bytes = Buffer.concat([framed(Uint8Array.of(1)), framed(Uint8Array.of(2)), framed(Uint8Array.of(3))])
    for (const chunks of [[bytes], cut(bytes, [1])]) {
      const reader = new FrameReader()
      const seen: number[] = []
      const isWhole = chunks.every((chunk) => reader.push(chunk, ([first]) => seen.push(first) < 2))
      expect([isWhole, seen]).toEqual([false, [1, 2]])
    }
  })
})
