import type { Socket } from 'node:net'
import type { Clock } from '../core/ports.ts'
import { systemClock } from './clock.ts'
import type { Libc } from './libc.ts'
import type { NetworkOptions, RuntimeNetwork } from './network.ts'
import { SystemRandom } from './random.ts'
import { FileMemory, type MapFile, type MappedMemory } from './shared-memory.ts'
import { openStore, type LevelStore, type StoreError } from './store.ts'

export type { Listener, ListenError, ListenOptions, NetworkOptions, RuntimeNetwork } from './network.ts'
export type { MappedMemory } from './shared-memory.ts'
export type { LevelStore, StoreError } from './store.ts'

/** The ports, as this process can supply them. */
export interface Runtime {
  readonly name: 'bun' | 'node'
  readonly network: RuntimeNetwork
  readonly clock: Clock
  readonly random: SystemRandom
  readonly libc: () => Libc
  readonly openChannel: (fd: number) => Socket
  /** Regions as files in `directory`, which is made when the first region is opened. */
  openSharedMemory(directory: string): MappedMemory
  /** Answers once, never at once. */
  openStore(directory: string, reply: (result: LevelStore | { readonly error: StoreError }) => void): void
}

/** What differs between the runtimes. */
export interface Adapter {
  readonly name: 'bun' | 'node'
  createNetwork(options: NetworkOptions): RuntimeNetwork
  readonly mapFile: MapFile
  /** Throws one line for the operator where it cannot be reached. */
  readonly libc: () => Libc
  /** Milliseconds since the start of the machine. */
  readonly monotonicMs: () => number
  /** A stream over a connected Unix socket, by its descriptor. */
  readonly openChannel: (fd: number) => Socket
}

/** Only the file of the runtime we are on is loaded: the other one imports what does not exist here. */
const { adapter }: { adapter: Adapter } =
  typeof Bun === 'undefined' ? await import('./node/adapter.ts') : await import('./bun/adapter.ts')

export function createRuntime(options: NetworkOptions = {}): Runtime {
  return {
    name: adapter.name,
    network: adapter.createNetwork(options),
    clock: systemClock(adapter.monotonicMs),
    random: new SystemRandom(),
    libc: adapter.libc,
    openChannel: adapter.openChannel,
    openSharedMemory: (directory) => new FileMemory({ directory, mapFile: adapter.mapFile }),
    openStore,
  }
}

/** For tests that bring their own idea of when the machine started. */
export const mapFile: MapFile = adapter.mapFile
