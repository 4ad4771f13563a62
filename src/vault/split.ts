import type { Hello, KeyRef, Match, SecretId, Vault, VaultFailure } from '../core/ports.ts'

type Reply = (match: Match | VaultFailure | undefined, trials: number) => void

export interface SplitOptions {
  /** Answers at once. */
  readonly near: Vault
  /** May take its time, or not answer at all. */
  readonly far: Vault
  /** Where a secret lies. */
  readonly isFar: (id: SecretId) => boolean
}

/**
 * Two vaults as one. What lies near is tried first, whatever the order of the candidates, so that nobody whose secret lies there waits
 * for the other one; all the rest is one question. What one cannot say hides no match of the other.
 */
export class SplitVault implements Vault {
  readonly #options: SplitOptions

  constructor(options: SplitOptions) {
    this.#options = options
  }

  match(hello: Hello, candidates: readonly SecretId[], reply: Reply): void {
    const { near, far, isFar } = this.#options
    const away = candidates.filter(isFar)
    if (away.length === candidates.length) return far.match(hello, away, reply)
    const here = away.length === 0 ? candidates : candidates.filter((id) => !isFar(id))
    near.match(hello, here, (match, spent) => {
      if (away.length === 0 || (match !== undefined && match !== 'failed')) return reply(match, spent)
      far.match(hello, away, (other, trials) => reply(other ?? match, spent + trials))
    })
  }

  sign(key: KeyRef, parts: readonly Uint8Array[], reply: (mac: Uint8Array | undefined) => void): void {
    const { near, far, isFar } = this.#options
    const vault = isFar(key.id) ? far : near
    vault.sign(key, parts, reply)
  }
}
