import type { Hello, KeyRef, Match, SecretId, Vault, VaultFailure } from '../core/ports.ts'

export const VAULT_OPERATIONS = ['match', 'sign'] as const
export type VaultOperation = (typeof VAULT_OPERATIONS)[number]
/** What came of an operation: a secret fitted (or signed), none did, or nobody can say. */
export const VAULT_RESULTS = ['matched', 'none', 'failed'] as const
export type VaultResult = (typeof VAULT_RESULTS)[number]

/** Who is told what came of each question, and how long that took: from the question to its answer, in ms. */
export interface VaultMeter {
  answered(operation: VaultOperation, result: VaultResult, tookMs: number): void
}

export interface GaugedOptions {
  readonly vault: Vault
  readonly meter: VaultMeter
  /** Monotonic ms, with fractions: most answers take microseconds. */
  readonly now: () => number
}

/** A vault whose use is measured. What it answers is what the one below does, when that one does. */
export class GaugedVault implements Vault {
  readonly #options: GaugedOptions
  #asked = 0

  constructor(options: GaugedOptions) {
    this.#options = options
  }

  /** Questions that have no answer yet. */
  get asked(): number {
    return this.#asked
  }

  match(
    hello: Hello,
    candidates: readonly SecretId[],
    reply: (match: Match | VaultFailure | undefined, trials: number) => void,
  ): void {
    const { vault, now } = this.#options
    const since = now()
    this.#asked++
    vault.match(hello, candidates, (match, trials) => {
      this.#answered('match', match === 'failed' ? 'failed' : match === undefined ? 'none' : 'matched', since)
      reply(match, trials)
    })
  }

  sign(key: KeyRef, parts: readonly Uint8Array[], reply: (mac: Uint8Array | undefined) => void): void {
    const { vault, now } = this.#options
    const since = now()
    this.#asked++
    vault.sign(key, parts, (mac) => {
      this.#answered('sign', mac === undefined ? 'failed' : 'matched', since)
      reply(mac)
    })
  }

  #answered(operation: VaultOperation, result: VaultResult, since: number): void {
    const { meter, now } = this.#options
    this.#asked--
    meter.answered(operation, result, now() - since)
  }
}
