import { describe, expect, it } from 'vitest'
import { TrialBudget, TRIALS_BURST } from '../../../src/core/guard/trials.ts'
import { seeded } from '../seeded.ts'

const ALL = Array.from({ length: 400 }, (_, id) => id)
const budget = () => new TrialBudget({ random: seeded(1), entries: 64 })

describe('TrialBudget', () => {
  it('tries the secrets of the named host first, then what this prefix used last, then the rest', () => {
    const trials = budget()
    trials.spent('192.0.2.1', 3, 7, 0)
    expect(trials.candidates('192.0.2.200', [5], ALL, 0).slice(0, 4)).toEqual([7, 5, 0, 1])
    expect(trials.candidates('198.51.100.1', [5], ALL, 0).slice(0, 3)).toEqual([5, 0, 1])
  })

  it('gives a prefix a burst of failed trials, then only what is always tried, and refills with time', () => {
    const trials = budget()
    trials.spent('192.0.2.1', 1, 7, 0)
    expect(trials.candidates('192.0.2.1', [], ALL, 0)).toHaveLength(1 + TRIALS_BURST)
    trials.spent('192.0.2.1', TRIALS_BURST, undefined, 0)
    expect(trials.candidates('192.0.2.77', [5], ALL, 0)).toEqual([7, 5])
    expect(trials.candidates('192.0.3.1', [], ALL, 0)).toHaveLength(TRIALS_BURST)
    expect(trials.candidates('192.0.2.1', [], ALL, 5_000).length).toBeGreaterThan(100)
    expect(trials.candidates('192.0.2.1', [], ALL, 10_000)).toHaveLength(1 + TRIALS_BURST)
  })

  it('never lets a debt grow beyond one refill, however many trials failed', () => {
    const trials = budget()
    for (let i = 0; i < 100; i++) trials.spent('2001:db8::1', 300, undefined, 0)
    expect(trials.candidates('2001:db8::2', [], ALL, 0)).toEqual([])
    expect(trials.candidates('2001:db8::2', [], ALL, 10_001)).toHaveLength(TRIALS_BURST)
  })

  it('tries a single secret always', () => {
    const trials = budget()
    trials.spent('192.0.2.1', 10_000, undefined, 0)
    expect(trials.candidates('192.0.2.1', [], [3], 0)).toEqual([3])
  })

  it('keeps working when the clock has run for months', () => {
    const trials = budget()
    trials.spent('192.0.2.1', 1, undefined, 0)
    const months = 2 ** 31 + 12_345
    expect(trials.candidates('192.0.2.1', [], ALL, months)).toHaveLength(TRIALS_BURST)
    trials.spent('192.0.2.1', TRIALS_BURST, undefined, months)
    expect(trials.candidates('192.0.2.1', [], ALL, months)).toEqual([])
  })
})
