import type { LoadedConfig } from '../../config/load.ts'
import type { Resolver } from '../../core/ports.ts'
import type { Trust } from '../../runtime/https/get.ts'
import type { RuntimeNetwork } from '../../runtime/index.ts'

/** One line of `palisade check`. */
export interface Finding {
  readonly level: 'ok' | 'warn' | 'fail'
  readonly check: string
  readonly message: string
}

export interface CheckInput {
  readonly loaded: LoadedConfig
  readonly network: RuntimeNetwork
  /** Of `dns.servers`. */
  readonly resolver: Resolver
  /** Of `[pinning]`, for whoever speaks TLS. */
  readonly trust: Trust
  readonly wallSec: number
}

export type Check = (input: CheckInput) => Promise<readonly Finding[]>

/** No check takes longer by much: all run side by side. */
export const PROBE_MS = 5000
