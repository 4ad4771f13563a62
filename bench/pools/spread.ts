/** Of some values: their mean, and what 99 of 100 do not exceed. */
export interface Spread {
  readonly mean: number
  readonly p99: number
}

/** Of at least one value. */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new Error('spread: no values')
  const sorted = values.toSorted((a, b) => a - b)
  let sum = 0
  for (const value of sorted) sum += value
  return { mean: sum / sorted.length, p99: sorted[Math.ceil(sorted.length * 0.99) - 1] }
}
