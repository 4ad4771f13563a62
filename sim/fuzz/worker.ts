import { parentPort, workerData } from 'node:worker_threads'
import { loadCorpus } from './corpus.ts'
import { Fuzzer } from './fuzzer.ts'
import { counters, countBranches } from './loader.ts'
import { WATCHED_HEAD, type Order, type Report } from './order.ts'
import type { Target } from './target.ts'

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
    ...{
      target,
      seed: order.seed,
      kept: order.isFresh === true ? [] : loadCorpus(order.name),
      literals: loaded.literals,
    },
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
