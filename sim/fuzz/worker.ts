import { parentPort, workerData } from 'node:worker_threads'
import { loadCorpus } from './corpus.ts'
import { Fuzzer } from './fuzzer.ts'
import { counters, countBranches } from './loader.ts'
import type { Target } from './target.ts'

/** What one thread is to do. */
export interface Order {
  readonly name: string
  readonly seed: number
  /** Most executions; and most milliseconds, where the clock decides. */
  readonly executionsMax: number
  readonly timeMs: number
  /** Executions so far, and the input that runs: `WATCHED_HEAD` words and bytes. Seen from outside when this thread hangs. */
  readonly watched: SharedArrayBuffer
  /** Also hand back the inputs that are worth keeping. */
  readonly isSaving: boolean
}

export interface Report {
  readonly executions: number
  readonly seconds: number
  readonly taken: number
  readonly known: number
  readonly queue: number
  readonly findings: readonly { readonly what: string; readonly stack: string; readonly input: Uint8Array }[]
  readonly kept: readonly Uint8Array[]
}

/** Words in front of the input: executions modulo 2^31, bytes of the input. */
export const WATCHED_HEAD = 2

const ROUNDS_AT_A_TIME = 16

export async function work(order: Order): Promise<Report> {
  const loaded = countBranches()
  // Loaded behind the hook: what is loaded already is not counted.
  const { loadTarget } = (await import('./targets/index.ts')) as { loadTarget: (name: string) => Promise<Target> }
  const target = await loadTarget(order.name)
  const head = new Int32Array(order.watched, 0, WATCHED_HEAD)
  const shown = new Uint8Array(order.watched, 4 * WATCHED_HEAD)
  const startedAt = performance.now()
  const fuzzer = new Fuzzer({
    ...{ target, seed: order.seed, kept: loadCorpus(order.name), literals: loaded.literals },
    counters: counters.subarray(0, loaded.branches),
    onInput(input) {
      shown.set(input)
      head[1] = input.length
      Atomics.store(head, 0, (head[0] + 1) & 0x7fffffff)
    },
  })
  const isOver = () => fuzzer.executions >= order.executionsMax || performance.now() - startedAt >= order.timeMs
  while (!isOver() && !fuzzer.isGivenUp) {
    let rounds = 0
    fuzzer.run(() => isOver() || rounds++ >= ROUNDS_AT_A_TIME)
    // What inputs set off and did not wait for ends in between.
    await new Promise((resolve) => setImmediate(resolve))
  }
  const { executions, coverage, queue, findings } = fuzzer
  const kept = order.isSaving ? queue.minimal().map(({ bytes }) => bytes) : []
  const seconds = (performance.now() - startedAt) / 1000
  return {
    executions,
    seconds,
    taken: coverage.taken,
    known: coverage.known,
    queue: queue.entries.length,
    findings,
    kept,
  }
}

if (parentPort !== null) parentPort.postMessage(await work(workerData as Order))
