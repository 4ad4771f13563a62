import { Worker } from 'node:worker_threads'
import { Lease } from '../../src/core/guard/lease.ts'
import { SeededRandom } from '../world/random.ts'
import {
  IDENTITIES,
  MOST_NEW,
  MOST_OPEN,
  NOW_MS,
  openTables,
  SOURCES,
  ThreadMemory,
  THREADS,
  type Tables,
} from './tables.ts'
import { Turns } from './turns.ts'
import { Ledger, type Job } from './worker.ts'

/** A thread takes microseconds to its next step, and some 100 ms to its first. */
const STEP_MS = 20_000
const TURNS_MAX = 20_000
/** Now and then one runs on for longer, as a process does on a core of its own. */
const STAY = [3, 4] as const

export interface Exploration {
  /** What must not have happened; empty when all is well. */
  readonly problems: readonly string[]
  readonly turns: number
  /** Thread that was stopped for good in the middle of something. */
  readonly killed: number | undefined
}

/**
 * One interleaving of workers over the tables they share, drawn from a seed: at each step on the memory another one may go on.
 * In half of them a worker dies at some step, with whatever lock it holds, and another one takes back what it counted.
 */
export async function explore(seed: number, steps = 25): Promise<Exploration> {
  const random = new SeededRandom(seed, 'explorer')
  const memory = new ThreadMemory()
  const keeper = openTables(memory, { column: THREADS, columns: THREADS }, seed)
  const turns = new SharedArrayBuffer(Turns.byteLength(THREADS))
  const told = new SharedArrayBuffer(Ledger.byteLength())
  const order = new Turns(turns)
  const ledger = new Ledger(told)
  order.reset()
  const jobs = Array.from({ length: THREADS }, (_, thread): Job => {
    return { thread, seed, steps, turns, ledger: told, regions: memory.regions }
  })
  const workers = jobs.map((job) => new Worker(new URL('./worker.ts', import.meta.url), { workerData: job }))
  const problems: string[] = []
  const dieAt = random.chance(1, 2) ? random.between(10, 300) : Infinity
  let killed: number | undefined
  let taken = 0
  let next = 0
  const isAlive = (thread: number) => thread !== killed && !order.hasEnded(thread)
  try {
    for (; taken < TURNS_MAX; taken++) {
      const alive = jobs.map(({ thread }) => thread).filter(isAlive)
      if (alive.length === 0) break
      if (taken >= dieAt && killed === undefined) {
        killed = random.pick(alive)
        await workers[killed].terminate()
        keeper.guard.takeBack(killed)
        keeper.replay.takeBack(killed)
        for (let source = 0; source < SOURCES.length; source++)
          ledger.open[source] -= ledger.own[killed * SOURCES.length + source]
        continue
      }
      if (!isAlive(next) || !random.chance(...STAY)) next = random.pick(alive)
      if (!order.let(next, STEP_MS)) {
        problems.push(`thread ${next} hangs`)
        break
      }
      check(ledger, problems)
      if (problems.length > 0) break
    }
    if (taken === TURNS_MAX) problems.push('they never come to an end')
    if (problems.length === 0) checkRoom(openTables(memory, { column: 0, columns: THREADS }, seed), ledger, problems)
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
  return { problems, turns: taken, killed }
}

/** At every instant (I3, I12). */
function check(ledger: Ledger, problems: string[]): void {
  for (let source = 0; source < SOURCES.length; source++) {
    if (ledger.open[source] > MOST_OPEN) problems.push(`${ledger.open[source]} of ${SOURCES[source]} are open`)
    if (ledger.admitted[source] > MOST_NEW)
      problems.push(`${ledger.admitted[source]} of ${SOURCES[source]} were admitted`)
  }
  for (let which = 0; which < IDENTITIES; which++)
    if (ledger.fresh[which] > 1) problems.push(`hello ${which} was let in ${ledger.fresh[which]} times`)
}

/** In the end the tables know of exactly those that are open: as many more fit, and no other. */
function checkRoom({ guard }: Tables, ledger: Ledger, problems: string[]): void {
  // The rates are used up; an hour later they are not.
  const laterMs = NOW_MS + 3_600_000
  for (let source = 0; source < SOURCES.length; source++) {
    let room = 0
    while (guard.admit(SOURCES[source], new Lease(), 'standard', laterMs) === undefined) room++
    const free = MOST_OPEN - ledger.open[source]
    if (room !== free) problems.push(`${SOURCES[source]} has room for ${room}, not for ${free}`)
  }
}
