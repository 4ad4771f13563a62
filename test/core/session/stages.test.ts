import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { MOVES, STAGES, type StageName } from '../../../src/core/session/stages.ts'
import { withStageDiagram } from '../../../scripts/stage-diagram.ts'

describe('the table of moves', () => {
  it('never leads back, and always to the end', () => {
    const reachable = (from: StageName): StageName[] => MOVES[from].flatMap((next) => [next, ...reachable(next)])
    for (const stage of STAGES) {
      expect(reachable(stage)).not.toContain(stage)
      if (stage !== 'closed') expect(reachable(stage)).toContain('closed')
    }
  })

  it('is what the docs draw', () => {
    const text = readFileSync(new URL('../../../docs/architecture.md', import.meta.url), 'utf8')
    expect(withStageDiagram(text), 'run node scripts/docs.ts').toBe(text)
  })
})
