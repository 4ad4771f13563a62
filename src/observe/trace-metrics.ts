import { Counter, type Registry } from 'prom-client'

/** Of one process, since its start. */
export interface TraceCounts {
  /** Records that are written, or will be in a moment, and their bytes with all around them. */
  records: number
  bytes: number
  /** Records that the disk was too slow for. */
  lost: number
}

const COUNTERS = [
  {
    name: 'records',
    help: 'Records of connection events written to the trace',
    of: ({ records }: TraceCounts) => records,
  },
  { name: 'bytes', help: 'Bytes written to the trace', of: ({ bytes }: TraceCounts) => bytes },
  { name: 'lost', help: 'Records of the trace that the disk was too slow for', of: ({ lost }: TraceCounts) => lost },
] as const

/** Zero while nothing is recorded: a reload may begin it. */
export function registerTraceCounters(registry: Registry, read: () => Readonly<TraceCounts>): void {
  for (const { name, help, of } of COUNTERS)
    new Counter({
      ...{ name: `palisade_trace_${name}_total`, help, registers: [registry] },
      collect() {
        this.reset()
        this.inc(of(read()))
      },
    })
}
