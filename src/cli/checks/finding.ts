import type { LoadedConfig } from '../../config/load.ts'
import type { Runtime } from '../../runtime/index.ts'

/** One line of `palisade check`. */
export interface Finding {
  readonly level: 'ok' | 'warn' | 'fail'
  readonly check: string
  readonly message: string
}

export interface CheckInput extends Pick<Runtime, 'network' | 'clock' | 'random'> {
  readonly loaded: LoadedConfig
  readonly wallSec: number
}

export type Check = (input: CheckInput) => Promise<readonly Finding[]>

/** For one step of a check. No check has more than four in a row, and all checks run side by side. */
export const PROBE_MS = 5000
