import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { loadCorpus, readCorpus, writeCorpus } from '../../../sim/fuzz/corpus.ts'
import { replay } from '../../../sim/fuzz/replay.ts'
import { loadTarget, TARGETS } from '../../../sim/fuzz/targets/index.ts'

describe('a file of kept inputs', () => {
  test.prop([fc.array(fc.uint8Array({ maxLength: 40 }))])('is read as it was written', (inputs) => {
    expect(readCorpus(writeCorpus('x', inputs))).toEqual(inputs.map((input) => Uint8Array.from(input)))
  })

  it.each(['# x\n00\nzz\n', '# x\n00\n123', '\n\n 00', '-\n-\n--'])('%j names the line that is none', (text) => {
    expect(() => readCorpus(text)).toThrow(/^line 3: expected hex, or - for no bytes, got /)
  })
})

describe('what was kept', () => {
  it.each(Object.keys(TARGETS))('of %s fails nowhere, and no target changes its input', async (name) => {
    const target = await loadTarget(name)
    const kept = loadCorpus(name)
    expect(kept.length).toBeGreaterThan(0)
    expect(replay(target, kept).failed).toBeUndefined()
    for (const input of kept) {
      const before = input.slice()
      target.run(input)
      expect(Buffer.compare(input, before)).toBe(0)
      expect(input.length).toBeLessThanOrEqual(target.bytesMax)
    }
  })
})
