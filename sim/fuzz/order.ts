import type { Finding } from './fuzzer.ts'

/** What one thread is to do. */
export interface Order {
  readonly name: string
  readonly seed: number
  /** Most executions; and most milliseconds, where the clock decides. */
  readonly executionsMax: number
  readonly timeMs: number
  /** Executions so far, and the input that runs: `WATCHED_HEAD` words and bytes. Seen from outside when this thread hangs. */
  readonly watched: SharedArrayBuffer
  /** Begins with the target's own seeds alone, without what was kept. */
  readonly isFresh?: boolean
  /** Also hand back the inputs that are worth keeping. */
  readonly isSaving: boolean
}

export interface Report {
  readonly executions: number
  readonly seconds: number
  readonly taken: number
  readonly known: number
  readonly queue: number
  readonly findings: readonly Finding[]
  readonly kept: readonly Uint8Array[]
}

/** Words in front of the input: executions modulo 2^31, bytes of the input, 1 to make an end. */
export const WATCHED = { executions: 0, bytes: 1, isStopped: 2 } as const
export const WATCHED_HEAD = 3
