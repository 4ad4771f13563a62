import { describe, expect, it } from 'vitest'
import { UNMASKED } from '../../../sim/probing/configs.ts'
import { AUC_MAX, measure } from '../../../sim/probing/measure.ts'
import { PATIENCE_PROBES, RANDOM_BYTES } from '../../../sim/probing/probes.ts'
import { probeAll } from '../../../sim/probing/round.ts'
import { failuresOf, tableOf } from '../../../sim/probing/table.ts'

describe('probes of the proxy and of its mask host', () => {
  // For the planted bugs, each of which shows in few samples.
  it('are told apart by nothing, in a few samples of each kind', () => {
    expect(failuresOf(measure({ seed: 7, each: 60 }))).toEqual([])
  })

  it('are told apart by nothing, in 2,000 samples a class of each kind', { timeout: 240_000 }, () => {
    const report = measure({ seed: 1, each: 500 })
    expect(failuresOf(report), tableOf(report)).toEqual([])
    for (const { samples } of [...report.byKind, report.pooled]) expect(samples).toBeGreaterThanOrEqual(2_000)
    // The other way round as well: what is known to show is seen by the same tree.
    for (const { title, auc } of report.known) expect(auc, title).toBeGreaterThan(AUC_MAX)
  })

  it('are the same for the same seed', () => {
    expect(measure({ seed: 3, each: 20 })).toEqual(measure({ seed: 3, each: 20 }))
  })
})

describe('without a mask host', () => {
  const [silence] = PATIENCE_PROBES
  const samples = probeAll(UNMASKED, { kinds: [silence, RANDOM_BYTES], whom: ['proxy'], each: 100 }, 1)

  it.each([silence, RANDOM_BYTES])('$name gets no byte, and a FIN at no fixed time', (kind) => {
    const visits = samples.filter((sample) => sample.kind === kind).map(({ visit }) => visit)
    expect(visits.map(({ totalBytes }) => totalBytes)).toEqual(visits.map(() => 0))
    expect(visits.map(({ how }) => how)).toEqual(visits.map(() => 1))
    const times = visits.map(({ closeMs }) => closeMs)
    const [first, last] = [Math.min(...times), Math.max(...times)]
    expect(first).toBeGreaterThan(60_000)
    // Jittered by 30 %; 100 draws come near the ends of it.
    expect(last / first).toBeGreaterThan(kind === silence ? 1.2 : 1.25)
  })
})
