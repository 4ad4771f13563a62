import { describe, expect, it } from 'vitest'
import { areaUnderCurve, chanceWidth, distinguish } from '../../../sim/probing/auc.ts'
import { DecisionTree } from '../../../sim/probing/tree.ts'
import { SeededRandom } from '../../../sim/world/random.ts'

describe('the distinguisher', () => {
  const random = new SeededRandom(1, 'rows')
  /** Three numbers, of which the second may be higher and the third may be the sum of something hidden. */
  const rows = (count: number, shift: number) =>
    Array.from({ length: count }, () => [random.below(1000), random.below(1000) + shift, random.below(4)])

  it('finds no difference where there is none', () => {
    const { auc } = distinguish(rows(2000, 0), rows(2000, 0))
    expect(Math.abs(auc - 0.5)).toBeLessThan(2 * chanceWidth(2000))
  })

  it('finds a small one, and names the feature', () => {
    const { auc, mostTelling } = distinguish(rows(2000, 80), rows(2000, 0))
    // Of two even distributions that overlap by 92 % the best there is, is 0.5 + 0.08 * (1 - 0.04).
    expect(auc).toBeGreaterThan(0.55)
    expect(auc).toBeLessThan(0.6)
    expect(mostTelling).toBe(1)
  })

  it('is certain where one number decides', () => {
    expect(distinguish(rows(500, 1001), rows(500, 0)).auc).toBeCloseTo(1, 2)
  })

  it('finds what only two numbers together tell', () => {
    const labelled = Array.from({ length: 4000 }, () => [random.below(100), random.below(100)] as const)
    const isOurs = ([a, b]: readonly [number, number]) => a < 30 === b < 60
    const [ours, theirs] = [labelled.filter(isOurs), labelled.filter((row) => !isOurs(row))]
    expect(distinguish(ours, theirs).auc).toBeGreaterThan(0.9)
  })

  it('scores a row by the share of its leaf', () => {
    const tree = new DecisionTree({
      rows: Array.from({ length: 200 }, (_, at) => [at]),
      labels: Array.from({ length: 200 }, (_, at) => at < 100),
    })
    expect([tree.score([50]), tree.score([150])]).toEqual([1, 0])
  })

  it.each([
    { ours: [1, 2], theirs: [0], area: 1 },
    { ours: [0], theirs: [1, 2], area: 0 },
    { ours: [1, 1], theirs: [1, 1, 1], area: 0.5 },
    { ours: [0, 2], theirs: [1], area: 0.5 },
    { ours: [1, 2], theirs: [1], area: 0.75 },
  ])('has an area of $area under the curve of $ours over $theirs', ({ ours, theirs, area }) => {
    expect(areaUnderCurve(ours, theirs)).toBe(area)
  })
})
