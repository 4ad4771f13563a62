/** What the driver asks of the load generator and what it hears back: one JSON object a line, one answer a job. */

export const WORKLOADS = ['download', 'upload', 'ping-pong', 'set-up', 'idle'] as const
export type Workload = (typeof WORKLOADS)[number]

/** How the proxy gets to Telegram; the relay knows one way alone. */
export const WAYS = ['direct', 'middle'] as const
export type Way = (typeof WAYS)[number]

/** `raw` is for the plain byte relay: the same bytes without any protocol around them. */
export const LOAD_MODES = ['raw', 'plain', 'dd', 'ee'] as const
export type LoadMode = (typeof LOAD_MODES)[number]

export interface Job {
  readonly workload: Workload | 'verify' | 'visit'
  readonly way: Way
  readonly mode: LoadMode
  /** Where the subject listens on 127.0.0.1, and its process. */
  readonly port: number
  readonly pid: number
  /** Bytes for download and upload, round trips for ping-pong, connections for set-up, visit and idle. */
  readonly amount: number
}

export interface JobResult {
  /** What was really moved or done, in the units of `amount`. */
  readonly amount: number
  /** CPU time of the subject in between. */
  readonly cpuMs: number
  readonly wallMs: number
  /** Idle alone: growth of the subject's resident memory in KiB. */
  readonly residentKb: number
}

export type JobAnswer = JobResult | { readonly error: string }

/** The generator's first line: where its DC and its middle proxy listen. The subjects are told to go there. */
export interface Greeting {
  readonly dcPort: number
  readonly middlePort: number
}
