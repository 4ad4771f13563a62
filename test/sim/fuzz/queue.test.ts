import { describe, expect, it } from 'vitest'
import { branchOf, Coverage } from '../../../sim/fuzz/coverage.ts'
import { Queue } from '../../../sim/fuzz/queue.ts'
import { SeededRandom } from '../../../sim/world/random.ts'

describe('coverage', () => {
  it('is new where a branch is, or where it is taken much more often', () => {
    const counters = new Uint32Array(4)
    const coverage = new Coverage(counters)
    const look = (...counts: number[]) => {
      counters.set(counts)
      const { isNew, work } = coverage.look()
      coverage.clear()
      return [isNew, work]
    }
    expect(look(1, 0, 0, 0)).toEqual([true, 1])
    expect(look(1, 0, 0, 0)).toEqual([false, 1])
    expect(look(0, 0, 2, 0)).toEqual([true, 2])
    expect(look(5, 0, 0, 0)).toEqual([true, 5])
    expect(look(7, 0, 0, 0)).toEqual([false, 7])
    expect(look(1e6, 0, 0, 0)).toEqual([true, 1e6])
    expect([coverage.taken, coverage.known]).toEqual([2, 4])
    expect([...counters]).toEqual([0, 0, 0, 0])
  })

  it('tells of a branch and how often, as one number', () => {
    const counters = new Uint32Array(3)
    const coverage = new Coverage(counters)
    counters.set([0, 1, 9])
    expect([...coverage.features()].map(branchOf)).toEqual([1, 2])
    counters.set([0, 1, 10])
    expect([...coverage.features()]).toEqual([...coverage.features()])
  })
})

const feature = (branch: number) => branch * 8
const features = (...branches: number[]) => Uint32Array.from(branches, feature)

describe('the queue', () => {
  it('keeps the fewest inputs that take every branch, small ones first', () => {
    const queue = new Queue()
    queue.add(new Uint8Array(9), features(1, 2, 3, 4), 1)
    queue.add(new Uint8Array(2), features(1, 2), 1)
    queue.add(new Uint8Array(3), features(2), 1)
    queue.add(new Uint8Array(1), features(5), 1)
    expect(queue.minimal().map(({ bytes }) => bytes.length)).toEqual([1, 9])
  })

  it('picks favourites most of the time, the ones picked less before the others, and the same for the same seed', () => {
    const make = () => {
      const queue = new Queue()
      queue.add(new Uint8Array(100), features(1, 2), 50)
      queue.add(new Uint8Array(1), features(1), 1)
      queue.add(new Uint8Array(2), features(2), 1)
      const random = new SeededRandom(1, 'queue')
      return Array.from({ length: 400 }, () => queue.pick(random).bytes.length)
    }
    const picked = make()
    const countOf = (length: number) => picked.filter((each) => each === length).length
    expect(countOf(100)).toBeGreaterThan(0)
    expect(countOf(1)).toBeGreaterThan(2 * countOf(100))
    expect(countOf(2)).toBeGreaterThan(2 * countOf(100))
    expect(make()).toEqual(picked)
  })
})
