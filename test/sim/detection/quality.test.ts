import { describe, expect, it } from 'vitest'
import { live, type Row } from '../../../sim/detection/day.ts'
import { measure, SCORERS, thresholdFor } from '../../../sim/detection/quality.ts'
import { aloneOf, whole } from '../../../sim/detection/whole.ts'

const score = SCORERS[3].score
const row = (label: Row['label'], source: number): Row => ({
  ...{ label, ip: '192.0.2.1', connections: 1, failed: 1 },
  suspicion: { source, prefix: 0 },
})

describe('the measure of detection', () => {
  it('finds the threshold that so many honest rows are above, and counts what is above it', () => {
    const rows = Array.from({ length: 100 }, (_, at) => row('home', at))
    expect(thresholdFor(rows, score, 0.1)).toBe(89)
    const mixed = [...rows, row('replay', 95), row('replay', 12), row('flood', 99)]
    const { falsePositives, recall, precision, byAttack } = measure(mixed, score, 89, 0.1)
    expect({ falsePositives, recall, precision }).toEqual({ falsePositives: 0.1, recall: 2 / 3, precision: 2 / 12 })
    expect(byAttack).toMatchObject({ replay: 0.5, flood: 1, probes: 0 })
  })

  it('says the same of the same seed', () => expect(live(7, ['replay']).rows).toEqual(live(7, ['replay']).rows))
})

describe('detection on seeds that nothing was tuned on', () => {
  it('finds sources and prefixes that attack, and leaves addresses that many share', () => {
    const target = 0.01
    const { byAttack, falsePositives, cgnatHit } = measure(
      live(201).rows,
      score,
      thresholdFor(live(20).rows, score, target),
      target,
    )
    expect(falsePositives).toBeLessThan(2 * target)
    expect(cgnatHit).toBe(0)
    for (const attack of ['brute force', 'replay', 'flood', 'slowloris', 'IPv6 rotation'] as const)
      expect(byAttack[attack], attack).toBeGreaterThan(0.7)
  })

  it('sees a botnet as one attack within seconds, and no attack where there is none', () => {
    const { seen, medianSec } = aloneOf('wide botnet', [201, 202])
    expect(seen).toBe(1)
    expect(medianSec).toBeLessThanOrEqual(15)
    const { falseAlarms, honestLost } = whole([201])
    expect(falseAlarms).toBe(0)
    expect(honestLost).toBeLessThan(0.01)
  })
})
