/**
 * How much an address or a user may ask of us, from least to most. `none`: is shown the mask site. `limited`: a quarter of
 * the rate limits and a bandwidth of its own. `full`: no rate limits.
 */
export const ACCESS_LEVELS = ['none', 'limited', 'standard', 'full'] as const
export type AccessLevel = (typeof ACCESS_LEVELS)[number]

/** 0 for `none` up to 3 for `full`. */
export function rankOf(level: AccessLevel): number {
  return ACCESS_LEVELS.indexOf(level)
}

/** The one that allows less: what counts once both an address and a user are known. */
export function lower(a: AccessLevel, b: AccessLevel): AccessLevel {
  return rankOf(a) < rankOf(b) ? a : b
}
