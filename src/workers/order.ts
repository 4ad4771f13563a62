import type { WorkerStatus } from '../admin/commands.ts'
import type { Provider } from '../config/provider.ts'
import type { Address, WorkerPlace } from '../core/ports.ts'
import type { Snapshot } from '../observe/merge.ts'

/** What a worker is told at its start, as the note `begin`. Its sockets are descriptors 4 and up. */
export interface WorkerOrder {
  /** The configuration that it starts with, as text: the file may have changed since. */
  readonly file: string
  readonly text: string
  readonly sets: readonly string[]
  /** The configuration in force, where it was reloaded: cold keys stay those of `text`. */
  readonly current: string
  /** The supervisor's, which a changed configuration cannot move. */
  readonly stateFolder: string
  readonly place: WorkerPlace
  /** Of its sockets, in their order. */
  readonly addresses: readonly Address[]
  /** All that the program listens on. */
  readonly listening: readonly Address[]
  /** Where secrets of the token are used, as the supervisor found out. */
  readonly provider: Provider
  /** Where the vault helper listens, when there is one. */
  readonly helperAt?: string | undefined
}

/** What a worker tells every `PULSE_MS` and at its end, as the note `pulse`. */
export interface Pulse {
  readonly status: WorkerStatus
  readonly metrics: Snapshot
}

export const PULSE_MS = 2000
