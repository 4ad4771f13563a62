import { Lease } from '../../../src/core/guard/lease.ts'
import { Guard } from '../../../src/core/guard/guard.ts'
import type { OverloadLevel, ProxyEvent } from '../../../src/core/events.ts'
import type { AccessLevel } from '../../../src/core/guard/access/index.ts'
import type { SharedMemory } from '../../../src/core/ports.ts'
import { UNGUARDED, type GuardSettings } from '../../../src/core/settings.ts'
import { World } from '../../../sim/world/world.ts'

/** One machine's shared memory, as all its workers map it. */
export class Memory implements SharedMemory {
  readonly #regions = new Map<string, Uint8Array>()
  open(name: string, byteLength: number) {
    const known = this.#regions.get(name)
    const bytes = known ?? new Uint8Array(byteLength)
    this.#regions.set(name, bytes)
    return { bytes, origin: known === undefined ? ('new' as const) : ('kept' as const) }
  }
  get bytesInUse(): number {
    return [...this.#regions.values()].reduce((sum, { length }) => sum + length, 0)
  }
}

export interface SceneOptions {
  readonly settings?: Partial<GuardSettings>
  readonly columns?: number
  readonly entries?: number
  readonly overload?: { readonly level: OverloadLevel }
}

/** Guards of some workers over one memory, and a clock that only the test moves. */
export function scene({ settings = {}, columns = 1, entries = 1024, overload }: SceneOptions = {}) {
  const memory = new Memory()
  const world = new World(1)
  const events: ProxyEvent[] = []
  const now = { ms: 1_000_000 }
  const current: GuardSettings = { ...UNGUARDED, isEnabled: true, ...settings }
  const make = (column: number) =>
    new Guard({
      ...{ memory, random: world.random('guard'), worker: { column, columns }, entries, nowMs: now.ms },
      ...{ emit: (event: ProxyEvent) => void events.push(event), settings: () => current },
      ...(overload === undefined ? {} : { overload }),
    })
  const guards = Array.from({ length: columns }, (_, column) => make(column))
  const [guard] = guards
  const come = (ip: string, by = guard, level: AccessLevel = 'standard') => {
    const lease = new Lease()
    return { lease, refusal: by.admit(ip, lease, level, now.ms) }
  }
  /** A handshake that fails, `times` over; returns what the last connection was told. */
  const fail = (ip: string, failure: 'failure' | 'halfOpen' | 'replay', times = 1) => {
    let refusal: string | undefined
    for (let i = 0; i < times; i++) {
      const it = come(ip)
      refusal = it.refusal
      guard.greet(it.lease, 'standard', now.ms)
      guard.failed(ip, it.lease, failure, now.ms)
      guard.release(it.lease)
      now.ms += 40
    }
    return refusal
  }
  const use = (ip: string, times = 1) => {
    for (let i = 0; i < times; i++) {
      const { lease } = come(ip)
      guard.authenticated(ip, lease, now.ms)
      guard.release(lease)
      now.ms += 40
    }
  }
  return { guard, guards, make, memory, events, now, come, fail, use }
}
