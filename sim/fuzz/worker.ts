import { parentPort, workerData } from 'node:worker_threads'
import { loadCorpus } from './corpus.ts'
import { Fuzzer } from './fuzzer.ts'
import { counters, countBranches } from './loader.ts'
import { WATCHED, WATCHED_HEAD, type Order, type Report } from './order.ts'

/** Between two of these whatever an input set off and did not wait for can end. */
const ROUNDS_AT_A_TIME = 16

/** Fuzzes one target, and lets whoever gave the order see what it is at. */
async function work({ name, watched, isFresh, isSaving, ...order }: Order): Promise<Report> {
  const loaded = countBranches()
  // Loaded behind the hook: what is loaded already is not counted.
  const { loadTarget } = await import('./targets/index.ts')
  const target = await loadTarget(name)
  const head = new Int32Array(watched, 0, WATCHED_HEAD)
  const shown = new Uint8Array(watched, 4 * WATCHED_HEAD)
  const startedAt = performance.now()
  const fuzzer = new Fuzzer({
    ...{ target, seed: order.seed, literals: loaded.literals, kept: isFresh === true ? [] : loadCorpus(name) },
    counters: counters.subarray(0, loaded.branches),
    onInput(input) {
      shown.set(input)
      head[WATCHED.bytes] = input.length
      Atomics.store(head, WATCHED.executions, (head[WATCHED.executions] + 1) & 0x7fffffff)
    },
  })
  const isOver = () =>
    fuzzer.executions >= order.executionsMax ||
    performance.now() - startedAt >= order.timeMs ||
    Atomics.load(head, WATCHED.isStopped) === 1
  while (!isOver() && !fuzzer.isGivenUp) {
    let rounds = 0
    fuzzer.run(() => isOver() || rounds++ >= ROUNDS_AT_A_TIME)
    await new Promise((resolve) => setImmediate(resolve))
  }
  const { executions, coverage, queue, findings } = fuzzer
  const seconds = (performance.now() - startedAt) / 1000
  const kept = isSaving ? queue.minimal().map(({ bytes }) => bytes) : []
  const { taken, known } = coverage
  return { executions, seconds, taken, known, queue: queue.entries.length, findings, kept }
}

if (parentPort !== null) parentPort.postMessage(await work(workerData as Order))
