import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { MUTANTS } from '../../../sim/mutants/mutants.ts'

describe('planted bugs', () => {
  it.each(MUTANTS.map((mutant) => [mutant.name, mutant] as const))(
    'there is one place for: %s',
    (_, { file, find, replace }) => {
      const text = readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8')
      expect(text.split(find)).toHaveLength(2)
      expect(replace).not.toBe(find)
    },
  )
})
