import type { LoadedConfig } from '../../config/load.ts'
import type { Resolver } from '../../core/ports.ts'
import type { Lookup, Trust } from '../../runtime/https/get.ts'
import type { Runtime } from '../../runtime/index.ts'

/** Straight from the resolver: a check runs once. */
export function lookupBy(resolver: Resolver): Lookup {
  return (host, reply) => resolver.query(host, (answer) => reply(answer.kind === 'addresses' ? answer.ips : []))
}

/** One line of `palisade check`. */
export interface Finding {
  readonly level: 'ok' | 'warn' | 'fail'
  readonly check: string
  readonly message: string
}

export interface CheckInput extends Pick<Runtime, 'network' | 'clock' | 'random'> {
  readonly loaded: LoadedConfig
  /** Of `dns.servers`. */
  readonly resolver: Resolver
  /** Of `[pinning]`, for whoever speaks TLS. */
  readonly trust: Trust
  readonly wallSec: number
}

export type Check = (input: CheckInput) => Promise<readonly Finding[]>

/** For one step of a check. No check has more than four in a row, and all checks run side by side. */
export const PROBE_MS = 5000
