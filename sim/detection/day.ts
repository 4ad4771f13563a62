import type { ProxyEvent } from '../../src/core/events.ts'
import { Lease } from '../../src/core/guard/lease.ts'
import { Guard, type Suspicion } from '../../src/core/guard/guard.ts'
import { ALONE } from '../../src/core/ports.ts'
import { UNGUARDED, type GuardSettings } from '../../src/core/settings.ts'
import { VirtualSharedMemory } from '../world/store.ts'
import { World } from '../world/world.ts'
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

/** Lets a guard alone live through ten minutes of traffic. With `dry_run` nothing that it does changes what it sees. */
export function live(seed: number, attacks?: readonly Attack[], settings: Partial<GuardSettings> = {}): Day {
  const world = new World(seed)
  const startMs = world.now
  const arrivals = draw(world.random('traffic'), attacks)
  const events: { atMs: number; event: ProxyEvent }[] = []
  const current: GuardSettings = { ...UNGUARDED, isEnabled: true, isDryRun: true, tableEntries: 65_536, ...settings }
  const guard = new Guard({
    ...{ memory: new VirtualSharedMemory(), random: world.random('guard'), worker: ALONE },
    ...{ emit: (event) => events.push({ atMs: world.now - startMs, event }), settings: () => current },
    ...{ entries: current.tableEntries, nowMs: world.now },
  })
  const honest = { admitted: 0, all: 0 }
  const others = { admitted: 0, all: 0 }
  const rows: Row[] = []
  let window = new Map<string, { label: Label; connections: number; failed: number }>()
  let next = 0
  for (let endMs = WINDOW_MS; endMs <= DAY_MS; endMs += WINDOW_MS) {
    for (; next < arrivals.length && arrivals[next].atMs < endMs; next++) {
      const arrival = arrivals[next]
      world.at(startMs + arrival.atMs, () => come(arrival))
    }
    world.runUntil(startMs + endMs)
    guard.advance(world.now)
    for (const [ip, { label, connections, failed }] of window)
      rows.push({ label, ip, connections, failed, suspicion: guard.suspicion(ip) })
    window = new Map()
  }
  return { rows, events, arrivals, honest, others }

  function come({ ip, label, course, verdictMs, holdMs }: Arrival): void {
    const lease = new Lease()
    const refusal = guard.admit(ip, lease, 'standard', world.now)
    const isRefused = refusal !== undefined && !current.isDryRun
    const count = isHonest(label) ? honest : others
    count.all++
    if (!isRefused) count.admitted++
    const seen = window.get(ip) ?? { label, connections: 0, failed: 0 }
    seen.connections++
    if (course !== 'good') seen.failed++
    window.set(ip, seen)
    world.after(verdictMs, () => {
      if (isRefused) return
      if (course !== 'halfOpen') guard.greet(lease, 'standard', world.now)
      if (course === 'good') guard.authenticated(ip, lease, world.now)
      else guard.failed(ip, lease, course, world.now)
    })
    world.after(verdictMs + holdMs, () => {
      if (course === 'good')
        guard.used(lease, { ageMs: holdMs, fromClientBytes: 2_000, toClientBytes: 20_000 }, world.now)
      guard.release(lease)
    })
  }
}

export function isHonest(label: Label): boolean {
  return label === 'home' || label === 'cgnat' || label === 'mistyped'
}
