import type { Hello, KeyRef, Match, SecretId, Vault, VaultFailure } from '../../src/core/ports.ts'
import { SimulatedVault, type SimulatedVaultOptions } from '../world/vault.ts'

/** A vault that counts what it is asked to compute: real CPU time is not the same twice, operations are. */
export class CountingVault implements Vault {
  /** Secrets tried on hellos, whoever sent them. */
  trials = 0
  readonly #vault: SimulatedVault

  constructor(options: SimulatedVaultOptions) {
    this.#vault = new SimulatedVault(options)
  }

  get isBusy(): boolean {
    return this.#vault.isBusy
  }

  tick(): void {
    this.#vault.tick()
  }

  match(
    hello: Hello,
    candidates: readonly SecretId[],
    reply: (match: Match | VaultFailure | undefined, trials: number) => void,
  ): void {
    this.#vault.match(hello, candidates, (match, trials) => {
      this.trials += trials
      reply(match, trials)
    })
  }

  sign(key: KeyRef, parts: readonly Uint8Array[], reply: (mac: Uint8Array | undefined) => void): void {
    this.#vault.sign(key, parts, reply)
  }
}
