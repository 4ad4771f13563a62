import type { TimerWheel } from '../memory/wheel.ts'
import type { MaskSettings } from '../settings.ts'
import type { PrefixMark, TrialTable } from './trial-table.ts'
import { Bucket, Flow, Pacer, type BucketPlace, type Paced } from './users/index.ts'

export interface MaskBandwidthOptions {
  readonly table: TrialTable
  readonly wheel: TimerWheel
  /** What one read can bring. */
  readonly readMaxBytes: number
  readonly settings: () => MaskSettings
}

/**
 * How much all masked connections of one /24 or /64 carry together, both directions, over all workers. Who wants more is read more
 * slowly, as behind a slow line, and never cut.
 */
export class MaskBandwidth {
  readonly #options: MaskBandwidthOptions
  readonly #pacer: Pacer
  /** Of prefixes with masked connections in this process. */
  readonly #buckets = new Map<string, Bucket>()

  constructor(options: MaskBandwidthOptions) {
    this.#options = options
    this.#pacer = new Pacer(options.wheel, options.readMaxBytes)
  }

  /** What the bytes of one masked connection from there go through, until `leave`. */
  enter(ip: string, owner: Paced): Flow {
    const { table } = this.#options
    const mark = table.markOf(ip)
    const key = keyOf(mark)
    const bucket = this.#buckets.get(key) ?? new Bucket(new PrefixPlace(table, mark), this.#bytesPerSec)
    this.#buckets.set(key, bucket)
    bucket.uses++
    const flow = new Flow({ pacer: this.#pacer, owner })
    flow.refresh(bucket)
    return flow
  }

  /** That connection is closed, or is not masked any more. Once for each `enter`. */
  leave(ip: string, flow: Flow): void {
    flow.end()
    const key = keyOf(this.#options.table.markOf(ip))
    const bucket = this.#buckets.get(key)
    if (bucket !== undefined && --bucket.uses === 0) this.#buckets.delete(key)
  }

  /** After a change of settings: whoever waits has it with its next look. */
  apply(): void {
    for (const bucket of this.#buckets.values()) bucket.bytesPerSec = this.#bytesPerSec
  }

  get #bytesPerSec(): number {
    return this.#options.settings().bytesPerSec ?? Infinity
  }
}

function keyOf({ low, high }: PrefixMark): string {
  return `${low}-${high}`
}

/**
 * Its entry is looked up each time: in a full table another prefix may have it by now, since those without debt, and then those that
 * owe and were not seen for longest, make room. Who lost it begins anew with nothing owed.
 */
class PrefixPlace implements BucketPlace {
  readonly #table: TrialTable
  readonly #mark: PrefixMark

  constructor(table: TrialTable, mark: PrefixMark) {
    this.#table = table
    this.#mark = mark
  }

  paidMs(nowMs: number): number {
    const entry = this.#table.lock(this.#mark, nowMs)
    const paidMs = this.#table.carriedMs[entry]
    this.#table.unlock(entry)
    return paidMs
  }

  pay(ms: number, nowMs: number): void {
    const entry = this.#table.lock(this.#mark, nowMs)
    this.#table.carriedMs[entry] = Math.max(this.#table.carriedMs[entry], nowMs) + ms
    this.#table.unlock(entry)
  }
}
