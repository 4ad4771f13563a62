import type { ProxyEvent } from '../../src/core/events.ts'
import { Lease } from '../../src/core/guard/lease.ts'
import { Guard, type Suspicion } from '../../src/core/guard/guard.ts'
import { UNGUARDED, type GuardSettings } from '../../src/core/settings.ts'
import { SeededRandom } from '../world/random.ts'
import { VirtualSharedMemory } from '../world/store.ts'
import { DAY_MS, draw, type Arrival, type Attack, type Label } from './traffic.ts'

export const WINDOW_MS = 10_000

/** A source in a window in which it came, with what the guard held against it at the end. */
export interface Row {
  readonly label: Label
  readonly ip: string
  readonly connections: number
  readonly failed: number
  readonly suspicion: Suspicion
}

export interface Day {
  readonly rows: readonly Row[]
  readonly events: readonly { readonly atMs: number; readonly event: ProxyEvent }[]
  readonly arrivals: readonly Arrival[]
  /** Of honest connections and of others: admitted, and all. */
  readonly honest: { admitted: number; all: number }
  readonly others: { admitted: number; all: number }
}

interface Step {
  readonly atMs: number
  readonly run: () => void
}

/** Lets a guard alone live through ten minutes of traffic. With `dry_run` nothing that it does changes what it sees. */
export function live(seed: number, attacks?: readonly Attack[], settings: Partial<GuardSettings> = {}): Day {
  const random = new SeededRandom(seed, 'traffic')
  const arrivals = draw(random, attacks)
  const events: { atMs: number; event: ProxyEvent }[] = []
  const current: GuardSettings = { ...UNGUARDED, isEnabled: true, isDryRun: true, tableEntries: 65_536, ...settings }
  let nowMs = 0
  const guard = new Guard({
    ...{
      memory: new VirtualSharedMemory(),
      random: new SeededRandom(seed, 'guard'),
      worker: { column: 0, columns: 1 },
    },
    ...{ emit: (event) => events.push({ atMs: nowMs, event }), settings: () => current },
    ...{ entries: current.tableEntries, nowMs },
  })
  const honest = { admitted: 0, all: 0 }
  const others = { admitted: 0, all: 0 }
  const rows: Row[] = []
  let window = new Map<string, { label: Label; connections: number; failed: number }>()
  const pending = new Steps()
  let next = 0
  for (let endMs = WINDOW_MS; endMs <= DAY_MS; endMs += WINDOW_MS) {
    for (;;) {
      const arrival = arrivals.at(next)
      const step = pending.first
      if (arrival !== undefined && arrival.atMs < Math.min(endMs, step?.atMs ?? Infinity)) {
        next++
        nowMs = arrival.atMs
        come(arrival)
      } else if (step !== undefined && step.atMs < endMs) {
        nowMs = step.atMs
        pending.take().run()
      } else break
    }
    nowMs = endMs
    guard.advance(nowMs)
    for (const [ip, { label, connections, failed }] of window)
      rows.push({ label, ip, connections, failed, suspicion: guard.suspicion(ip) })
    window = new Map()
  }
  return { rows, events, arrivals, honest, others }

  function come({ ip, label, course, verdictMs, holdMs }: Arrival): void {
    const lease = new Lease()
    const refusal = guard.admit(ip, lease, 'standard', nowMs)
    const isRefused = refusal !== undefined && !current.isDryRun
    const count = isHonest(label) ? honest : others
    count.all++
    if (!isRefused) count.admitted++
    const seen = window.get(ip) ?? { label, connections: 0, failed: 0 }
    seen.connections++
    if (course !== 'good') seen.failed++
    window.set(ip, seen)
    pending.add(nowMs + verdictMs, () => {
      if (isRefused) return
      if (course !== 'halfOpen') guard.greet(lease, 'standard', nowMs)
      if (course === 'good') guard.authenticated(ip, lease, nowMs)
      else guard.failed(ip, lease, course, nowMs)
    })
    pending.add(nowMs + verdictMs + holdMs, () => {
      if (course === 'good') guard.used(lease, { ageMs: holdMs, fromClientBytes: 2_000, toClientBytes: 20_000 }, nowMs)
      guard.release(lease)
    })
  }
}

export function isHonest(label: Label): boolean {
  return label === 'home' || label === 'cgnat' || label === 'mistyped'
}

/** What comes later, the soonest first: a binary heap. */
class Steps {
  readonly #heap: Step[] = []

  get first(): Step | undefined {
    return this.#heap[0]
  }

  add(atMs: number, run: () => void): void {
    const heap = this.#heap
    let at = heap.push({ atMs, run }) - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      if (heap[above].atMs <= heap[at].atMs) break
      ;[heap[above], heap[at]] = [heap[at], heap[above]]
      at = above
    }
  }

  take(): Step {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return first
    heap[0] = last
    for (let at = 0; ;) {
      let least = at
      for (const child of [2 * at + 1, 2 * at + 2])
        if (child < heap.length && heap[child].atMs < heap[least].atMs) least = child
      if (least === at) return first
      ;[heap[least], heap[at]] = [heap[at], heap[least]]
      at = least
    }
  }
}
