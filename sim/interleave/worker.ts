import { parentPort, workerData } from 'node:worker_threads'
import { Lease } from '../../src/core/guard/lease.ts'
import { SeededRandom } from '../world/random.ts'
import { IDENTITIES, NOW_MS, openTables, SOURCES, ThreadMemory, THREADS } from './tables.ts'
import { Turns } from './turns.ts'

export interface Job {
  readonly thread: number
  readonly seed: number
  readonly steps: number
  readonly turns: SharedArrayBuffer
  readonly ledger: SharedArrayBuffer
  readonly regions: Map<string, SharedArrayBuffer>
}

/** What the threads say happened, counted where no table can be wrong about it: open now and admitted, per source; fresh, per identity. */
export class Ledger {
  readonly open: Int32Array
  readonly admitted: Int32Array
  readonly fresh: Int32Array
  /** [thread][source]: of open ones. */
  readonly own: Int32Array

  constructor(shared: SharedArrayBuffer) {
    const words = new Int32Array(shared)
    const count = SOURCES.length
    this.open = words.subarray(0, count)
    this.admitted = words.subarray(count, 2 * count)
    this.own = words.subarray(2 * count, (2 + THREADS) * count)
    this.fresh = words.subarray((2 + THREADS) * count)
  }

  static byteLength(): number {
    return 4 * ((2 + THREADS) * SOURCES.length + IDENTITIES)
  }
}

interface Held {
  readonly source: number
  readonly lease: Lease
}

/** One worker: connections come, speak, are recognised or not, and close, all drawn from its seed. */
function work({ thread, seed, steps, turns: shared, ledger: told, regions }: Job): void {
  const turns = new Turns(shared)
  const ledger = new Ledger(told)
  turns.await(thread)
  const random = new SeededRandom(seed, `thread ${thread}`)
  const place = { column: thread, columns: THREADS, onStep: () => turns.pass(thread) }
  const { guard, replay } = openTables(new ThreadMemory(regions), place, seed)
  const held: Held[] = []
  for (let i = 0; i < steps; i++) {
    const pick = random.below(10)
    if (pick < 4) come()
    else if (pick < 7) leave()
    else if (pick < 8) say()
    else hello()
  }
  turns.end(thread)

  function come(): void {
    const source = random.below(SOURCES.length)
    const lease = new Lease()
    if (guard.admit(SOURCES[source], lease, 'standard', NOW_MS) !== undefined) {
      guard.release(lease)
      return
    }
    ledger.open[source]++
    ledger.admitted[source]++
    ledger.own[thread * SOURCES.length + source]++
    held.push({ source, lease })
  }

  function leave(): void {
    const [each] = held.splice(random.below(held.length), 1)
    if (each === undefined) return
    ledger.open[each.source]--
    ledger.own[thread * SOURCES.length + each.source]--
    guard.release(each.lease)
  }

  function say(): void {
    const each = held.at(random.below(Math.max(1, held.length)))
    if (each === undefined) return
    guard.greet(each.lease, 'standard', NOW_MS)
    if (random.chance(1, 2)) guard.authenticated(SOURCES[each.source], each.lease, NOW_MS)
    else guard.failed(SOURCES[each.source], each.lease, 'failure', NOW_MS)
  }

  function hello(): void {
    const which = random.below(IDENTITIES)
    const identity = new Uint8Array(28).fill(which + 1)
    if (replay.admitStamped(identity, NOW_MS / 1000 + which) === 'fresh') ledger.fresh[which]++
  }
}

if (parentPort !== null) work(workerData as Job)
