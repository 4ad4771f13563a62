import { describe, expect, it } from 'vitest'
import { compare, median, percentile } from '../../bench/stats.ts'

describe('median', () => {
  it('is the middle value whatever the order', () => {
    expect(median([30, 10, 20])).toBe(20)
  })

  it('is the mean of the middle two of an even number', () => {
    expect(median([4, 1, 3, 100])).toBe(3.5)
  })

  it('sorts by size and not as text', () => {
    expect(median([9, 10, 100])).toBe(10)
  })

  it('has no answer for no values', () => {
    expect(() => median([])).toThrow('no values')
  })
})

describe('percentile', () => {
  it('is a value that so many percent are not above', () => {
    const values = Array.from({ length: 200 }, (_, at) => 200 - at)
    expect([0, 50, 99, 100].map((percent) => percentile(values, percent))).toEqual([1, 100, 198, 200])
  })

  it('sorts by size and not as text, and leaves the values as they are', () => {
    const values = [100, 9, 10]
    expect(percentile(values, 99)).toBe(100)
    expect(values).toEqual([100, 9, 10])
  })

  it('is the only value of one, and has no answer for none', () => {
    expect(percentile([7], 50)).toBe(7)
    expect(() => percentile([], 50)).toThrow('no values')
  })
})

describe('compare', () => {
  it('divides medians and shows the spread over the rounds', () => {
    expect(compare([10, 20, 30], [12, 18, 60])).toEqual({
      relay: 20,
      proxy: 18,
      ratio: 0.9,
      ratioMin: 0.9,
      ratioMax: 2,
    })
  })

  it('refuses figures of different rounds', () => {
    expect(() => compare([1], [1, 2])).toThrow('rounds differ')
  })
})
