import type { Verdict } from '../attacks/judge.ts'
import type { Measures } from '../attacks/measures.ts'
import type { Series } from './series.ts'

/** A time in which something was done to the proxy. */
export interface Span {
  readonly kind: 'attack' | 'outage' | 'vault-outage' | 'fault'
  readonly label: string
  readonly fromMs: number
  readonly toMs: number
}

/** One run of a scenario, as plain data: the same seed gives the same but for CPU time and `rssBytes`. */
export interface RunReport {
  /** A sentence from the scenario's file. */
  readonly about: string
  readonly seed: number
  /** Plays it again. */
  readonly command: string
  readonly run: Measures
  readonly verdicts: readonly Verdict[]
  readonly spans: readonly Span[]
  readonly series: Series
  /** Most that may wait in buffers, bytes. */
  readonly poolCeilingBytes: number
  /** Of the process that played it: time of all its threads, and the most memory it had. */
  readonly cpuMs: number
  readonly rssBytes: number
}

/** One row of the table of all runs. */
export type RunOutline = Pick<RunReport, 'run' | 'verdicts' | 'command' | 'cpuMs'>

/** Some runs of one or several scenarios. */
export interface AttacksReport {
  readonly command: string
  /** Such as "node 24.1.0 on linux x64". */
  readonly runtime: string
  readonly count: number
  /** All of them, or as many as a table can have, those that failed first. */
  readonly outlines: readonly RunOutline[]
  /** Those that are shown whole. */
  readonly runs: readonly RunReport[]
}

/** What seeded runs came to, all of them together. */
export interface SwarmReport {
  readonly command: string
  readonly runtime: string
  readonly firstSeed: number
  readonly passed: number
  readonly failed: number
  readonly events: number
  readonly wallMs: number
  /** A profile is a way of drawing a run's options from its seed; one row where there is only one. */
  readonly profiles: readonly {
    readonly name: string
    readonly seeds: number
    readonly failed: number
    readonly events: number
  }[]
  /** How often things happened that can happen, and what never did and should have. */
  readonly reached: readonly { readonly name: string; readonly count: number }[]
  readonly missed: readonly string[]
  /** Every invariant that was checked, and in how many seeds it was found broken. */
  readonly invariants: readonly { readonly name: string; readonly about: string; readonly broken: number }[]
  /** The first ones. `command` shows that seed again. */
  readonly failures: readonly SwarmFailure[]
  /** Seeds that were done within each part of the wall time, which is `width` ms long. */
  readonly pace: Histogram
  /** How many runs had how many events. */
  readonly lengths: Histogram
}

/** Bars of one width from 0 on. */
export interface Histogram {
  readonly width: number
  readonly counts: readonly number[]
}

export interface SwarmFailure {
  readonly seed: number
  readonly profile: string
  readonly invariant: string
  readonly what: string
  /** Virtual ms since the start of that run. */
  readonly atMs: number
  readonly command: string
}

/** A proxy that was tried from outside. */
export interface ConformanceReport {
  /** Such as `127.0.0.1:8443`. */
  readonly target: string
  readonly cases: readonly {
    readonly id: string
    readonly group: string
    readonly title: string
    readonly verdict: 'pass' | 'fail' | 'skip'
    readonly why: string
    /** First bytes that came instead, in hex. */
    readonly observed: string
    readonly tookMs: number
  }[]
}
