import { Worker } from 'node:worker_threads'
import { WATCHED, WATCHED_HEAD, type Order, type Report } from './order.ts'

/** Longest input of any target. */
const INPUT_MAX = 1 << 16
/** A thread in which one execution takes longer hangs; a machine that is busy still makes some in this time. */
const HANG_MS = 20_000
/** What outlives executions fills this within a million of them. */
const HEAP_MAX_MB = 512

export interface WatchOptions {
  readonly hangMs?: number
  readonly heapMaxMb?: number
  /** Makes an end of it; what was done so far is told. */
  readonly stop?: AbortSignal
  /** What the thread runs. */
  readonly worker?: URL
}

/** Fuzzes one target in a thread of its own, and ends it where it hangs, runs out of memory or dies. */
export function fuzz(order: Omit<Order, 'watched'>, options: WatchOptions = {}): Promise<Report> {
  const {
    hangMs = HANG_MS,
    heapMaxMb = HEAP_MAX_MB,
    worker: script = new URL('./worker.ts', import.meta.url),
  } = options
  const watched = new SharedArrayBuffer(4 * WATCHED_HEAD + INPUT_MAX)
  const head = new Int32Array(watched, 0, WATCHED_HEAD)
  const end = () => void Atomics.store(head, WATCHED.isStopped, 1)
  options.stop?.addEventListener('abort', end)
  if (options.stop?.aborted === true) end()
  return new Promise((resolve) => {
    const worker = new Worker(script, {
      workerData: { ...order, watched } satisfies Order,
      resourceLimits: { maxOldGenerationSizeMb: heapMaxMb },
    })
    const finish = (report: Report) => {
      clearInterval(watching)
      options.stop?.removeEventListener('abort', end)
      resolve(report)
      void worker.terminate()
    }
    const gaveUp = (what: string) => {
      const input = new Uint8Array(watched, 4 * WATCHED_HEAD).slice(0, head[WATCHED.bytes])
      finish({ ...NOTHING, executions: head[WATCHED.executions], findings: [{ what, stack: what, input }] })
    }
    let last = -1
    const watching = setInterval(() => {
      const now = Atomics.load(head, WATCHED.executions)
      if (now === last && now > 0) gaveUp(`one input takes longer than ${hangMs} ms`)
      last = now
    }, hangMs)
    worker.on('message', finish)
    worker.on('error', (error) => gaveUp(error instanceof Error ? error.message : String(error)))
    worker.on('exit', (code) => gaveUp(`the thread ended with code ${code}`))
  })
}

const NOTHING: Report = { executions: 0, seconds: 0, taken: 0, known: 0, queue: 0, findings: [], kept: [] }
