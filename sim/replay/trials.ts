import { TrialBudget } from '../../src/core/guard/trials.ts'
import { TrialTable, type TrialTableOptions } from '../../src/core/guard/trial-table.ts'
import type { SecretId } from '../../src/core/ports.ts'
import { SecretTable } from '../../src/core/session/secrets.ts'
import type { SecretSettings } from '../../src/core/settings.ts'
import type { Visit } from './timeline.ts'

const NOBODY: readonly SecretId[] = []

/** Somebody who tries a secret. */
export interface Trying {
  readonly ip: string
  /** Monotonic ms. */
  readonly nowMs: number
  readonly isGrey: boolean
  /** With the 64 bytes that plain and padded secrets begin with, and not with a hello of TLS. */
  readonly isInit: boolean
}

/**
 * The budget of secret trials once more. What a client named is not recorded: whoever has a secret for fake TLS is taken to have named
 * its host, and strangers the host with most secrets.
 */
export class ReplayedTrials {
  readonly #budget: TrialBudget
  #secrets = new SecretTable([])
  /** Of the host with most of them. */
  #most: readonly SecretId[] = NOBODY

  constructor(options: TrialTableOptions) {
    this.#budget = new TrialBudget({ table: new TrialTable(options), secrets: () => this.#secrets })
  }

  apply(secrets: readonly SecretSettings[]): void {
    this.#secrets = new SecretTable(secrets)
    this.#most = secrets
      .map(({ domain }) => this.#secrets.forHello(domain))
      .reduce((most, each) => (each.length > most.length ? each : most), NOBODY)
  }

  /**
   * Somebody who knows that secret: whether the budget gets to it. `isServed`: it does in any case, since it did when it was recorded
   * although this says that it could not have, as where the prefix had used it before the recording began.
   */
  tries({ ip, nowMs, isGrey, isInit }: Trying, secret: SecretSettings, isServed: boolean): boolean {
    const all = isInit ? this.#secrets.forInit() : this.#secrets.forHello(secret.domain)
    const taken = this.#budget.take(ip, isInit ? NOBODY : all, all, nowMs, isGrey)
    const { candidates } = taken
    const isTried = candidates.includes(secret.id)
    this.#budget.settle(ip, taken, candidates.length, isTried || isServed ? secret.id : undefined, nowMs)
    return isTried
  }

  /** Somebody whom no secret fits. */
  triesInVain({ ip, nowMs, isGrey, isInit }: Trying): void {
    const all = isInit ? this.#secrets.forInit() : this.#most
    if (all.length === 0) return
    const taken = this.#budget.take(ip, isInit ? NOBODY : all, all, nowMs, isGrey)
    this.#budget.settle(ip, taken, taken.candidates.length, undefined, nowMs)
  }
}

/** As `Trying` has it; `modes`: of the secret, where it is known. */
export function isInit({ mode, rejected }: Visit, modes: SecretSettings['modes'] | undefined): boolean {
  if (rejected === 'not-a-client') return true
  if (mode !== undefined) return mode !== 'fake-tls'
  return modes !== undefined && !modes.includes('fake-tls')
}
