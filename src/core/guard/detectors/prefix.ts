/** So many sources of a prefix must have failed of late before it is judged as a whole: one bad neighbour bans nobody. */
const FAILING = { 4: 16, 6: 8 } as const

export function areMany(family: 4 | 6, failing: number): boolean {
  return failing >= FAILING[family]
}

/**
 * Whether a /24 or /48 as a whole is bad: its handshakes fail like those of a bad source, they come from many sources in it, and
 * hardly anybody uses it well. Finds whoever takes another address of a range for each attempt, so that no source is ever bad.
 */
export function isBadPrefix(
  family: 4 | 6,
  failing: number,
  score: number,
  isShared: boolean,
  blockScore: number,
): boolean {
  return !isShared && areMany(family, failing) && score >= blockScore
}
