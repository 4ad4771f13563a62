/** A number for each bin of a run. */
export type Bins = readonly number[]
/** The same where a bin may have nothing to say. */
export type GappyBins = readonly (number | null)[]

/** What happened when in one run: bins of one length from its start, all lists of the same length. Plain data. */
export interface Series {
  readonly binMs: number
  readonly bins: number
  /** Attempts by the time at which they began. */
  readonly honest: {
    readonly connected: Bins
    readonly lost: Bins
    /** The most at a time within the bin; so below. */
    readonly open: Bins
  }
  readonly attack: {
    /** By the time at which they came. */
    readonly came: Bins
    /** By the time at which they ended, and by what they had until then. */
    readonly masked: Bins
    readonly refused: Bins
    readonly tarpitted: Bins
    readonly discarded: Bins
    readonly failed: Bins
    /** Answered as a client is, by the time of that answer. */
    readonly served: Bins
    readonly open: Bins
  }
  /** From the dial to the first whole answer, of those that began in that bin. */
  readonly connectMs: { readonly p50: GappyBins; readonly p90: GappyBins; readonly p99: GappyBins }
  readonly bans: Bins
  /** Secrets tried on hellos, for everybody. */
  readonly trials: Bins
  /** Tracked by the guard at the end of the bin. */
  readonly sources: Bins
  readonly bufferBytes: Bins
  /** Of the process that played it; measured, and not the same twice. */
  readonly cpuMs: Bins
  /** A detector began to see an attack; the first hundred. */
  readonly alarms: readonly { readonly atMs: number; readonly what: string }[]
}
