/** The middle value, or the mean of the middle two; of at least one number. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new Error('median: no values')
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

export interface Comparison {
  /** Medians over the rounds. */
  readonly relay: number
  readonly proxy: number
  /** Proxy's median over the relay's. */
  readonly ratio: number
  /** Lowest and highest ratio of a round: how far to trust `ratio`. */
  readonly ratioMin: number
  readonly ratioMax: number
}

/** Compares figures of interleaved rounds: `relay[i]` and `proxy[i]` ran one after the other. */
export function compare(relay: readonly number[], proxy: readonly number[]): Comparison {
  if (relay.length !== proxy.length) throw new Error('compare: rounds differ in number')
  const ratios = proxy.map((value, round) => value / relay[round])
  return {
    relay: median(relay),
    proxy: median(proxy),
    ratio: median(proxy) / median(relay),
    ratioMin: Math.min(...ratios),
    ratioMax: Math.max(...ratios),
  }
}

/** The smallest value that so many percent of all are not above (nearest rank); of at least one number. */
export function percentile(values: readonly number[], percent: number): number {
  if (values.length === 0) throw new Error('percentile: no values')
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)]
}
