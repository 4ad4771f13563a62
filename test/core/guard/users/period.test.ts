import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { periodStart } from '../../../../src/core/guard/users/period.ts'

const at = (text: string) => Date.parse(text) / 1000

describe('the period of a quota', () => {
  it.each([
    ['day', '2024-02-29T23:59:59Z', '2024-02-29T00:00:00Z'],
    ['week', '2026-11-25T12:00:00Z', '2026-11-23T00:00:00Z'],
    ['week', '2026-11-23T00:00:00Z', '2026-11-23T00:00:00Z'],
    ['month', '2026-03-01T00:00:00Z', '2026-03-01T00:00:00Z'],
    ['month', '2100-02-28T23:00:00Z', '2100-02-01T00:00:00Z'],
  ] as const)('%s of %s began at %s', (period, now, began) => {
    expect(periodStart(period, at(now))).toBe(at(began))
  })

  test.prop([fc.integer({ min: 0, max: 2 ** 32 - 1 })])('agrees with the calendar of the platform', (sec) => {
    const date = new Date(sec * 1000)
    const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()]
    const monday = day - ((date.getUTCDay() + 6) % 7)
    expect(periodStart('day', sec)).toBe(Date.UTC(year, month, day) / 1000)
    expect(periodStart('month', sec)).toBe(Date.UTC(year, month, 1) / 1000)
    // The first days of 1970 belong to a week of 1969.
    if (sec >= 4 * 86_400) expect(periodStart('week', sec)).toBe(Date.UTC(year, month, monday) / 1000)
  })
})
