import { Guard } from '../../src/core/guard/guard.ts'
import { ReplayGuard } from '../../src/core/guard/replay.ts'
import type { SharedMemory, Store, WorkerPlace } from '../../src/core/ports.ts'
import { UNGUARDED, type GuardSettings } from '../../src/core/settings.ts'
import { SeededRandom } from '../world/random.ts'

export const THREADS = 3
export const NOW_MS = 1_000_000
/** Few entries and few sources, so that all of them meet. */
const ENTRIES = 8
export const SOURCES = ['192.0.2.1', '192.0.2.2', '198.51.100.1', '2001:db8::1']
export const MOST_OPEN = 2
export const MOST_NEW = 6
export const IDENTITIES = 3

export const SETTINGS: GuardSettings = {
  ...{
    ...UNGUARDED,
    isEnabled: true,
    connectionsPerIp: MOST_OPEN,
    credit: 1,
    handshakesPerIp: 1,
    blockScore: 1_000_000,
  },
  ...{ newPerIp: { perSec: 1, burst: MOST_NEW }, newTotal: { perSec: 1, burst: 1_000_000 } },
}

const EMPTY: Store = {
  get: (_key, reply) => reply(undefined),
  put: (_key, _value, reply) => reply?.(true),
  delete: (_key, reply) => reply?.(true),
}

export interface Tables {
  readonly guard: Guard
  readonly replay: ReplayGuard
}

/** What each worker has over the same memory. */
export function openTables(memory: SharedMemory, worker: WorkerPlace, seed: number): Tables {
  const clock = { mono: () => NOW_MS, wall: () => NOW_MS / 1000 }
  const random = new SeededRandom(seed, 'tables')
  return {
    guard: new Guard({
      ...{ memory, random, worker, emit: () => {}, settings: () => SETTINGS, entries: ENTRIES, nowMs: NOW_MS },
    }),
    replay: new ReplayGuard({ memory, store: EMPTY, clock, skewSec: 120, worker }),
  }
}

/** Regions that threads share, by name. */
export class ThreadMemory implements SharedMemory {
  readonly regions: Map<string, SharedArrayBuffer>

  constructor(regions = new Map<string, SharedArrayBuffer>()) {
    this.regions = regions
  }

  open(name: string, byteLength: number) {
    const known = this.regions.get(name)
    const buffer = known ?? new SharedArrayBuffer(byteLength)
    this.regions.set(name, buffer)
    return { bytes: new Uint8Array(buffer), origin: known === undefined ? ('new' as const) : ('kept' as const) }
  }
}
