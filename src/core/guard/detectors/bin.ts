/** What strangers did in one bin of time: sources without good use of late. All workers count into the same one. */
export interface Bin {
  /** Connections. */
  arrivals: number
  /** Handshakes that came to an end, well or badly. */
  tried: number
  /** Of those, bad ones; of one source only the first few of late, so that one alone does not look like many. */
  failed: number
  /** Sources that failed for the first time of late. */
  newFailing: number
}

export const BIN_MS = 5_000
/** In the order in which they lie in the shared map. */
export const BIN_COUNTS = ['arrivals', 'tried', 'failed', 'newFailing'] as const satisfies readonly (keyof Bin)[]

/**
 * Finds one sign of an attack in the course of bins. What it remembers it keeps in its slice of the shared map, so that it does
 * not matter which worker closes a bin.
 */
export interface Detector {
  readonly name: string
  /** Whether limits of strangers are tightened while it sees an attack; the others are only told of. */
  readonly isAnswered: boolean
  /** How far this bin is out of the ordinary. */
  step(state: Float64Array, bin: Bin): void
  /** What it has seen, for people. */
  explain(state: Float64Array, bin: Bin): string
}
