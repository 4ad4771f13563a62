/** Most branches that one target's code may have. */
export const COUNTERS_MAX = 1 << 14

/** How often each branch of the instrumented code was taken since the last look; instrumented code counts in here itself. */
export const counters = new Uint32Array(COUNTERS_MAX)
