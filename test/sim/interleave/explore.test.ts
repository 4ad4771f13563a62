import { describe, expect, it } from 'vitest'
import { explore } from '../../../sim/interleave/explore.ts'

const SEEDS = Array.from({ length: 24 }, (_, at) => at + 1)

describe('workers over one table, in an order drawn from a seed', () => {
  it('never exceed a limit, let no hello in twice, and count right in the end, though one dies anywhere (I3, I12)', async () => {
    let deaths = 0
    for (const seed of SEEDS) {
      const { problems, killed } = await explore(seed)
      expect(problems, `seed ${seed}`).toEqual([])
      if (killed !== undefined) deaths++
    }
    expect(deaths).toBeGreaterThan(5)
  }, 120_000)

  it('do the same for the same seed', async () => {
    expect(await explore(99)).toEqual(await explore(99))
  }, 30_000)
})
