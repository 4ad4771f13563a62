import type { Hello, KeyRef, Match, SecretId, Vault, VaultFailure } from '../core/ports.ts'

type Reply = (match: Match | VaultFailure | undefined, trials: number) => void

/** Two vaults as one: some secrets lie in one, the others in the other. What one cannot say hides no match of the other. */
export class SplitVault implements Vault {
  readonly #vaultOf: (id: SecretId) => Vault

  constructor(vaultOf: (id: SecretId) => Vault) {
    this.#vaultOf = vaultOf
  }

  match(hello: Hello, candidates: readonly SecretId[], reply: Reply): void {
    this.#matchFrom(0, { hello, candidates, reply }, 0, false)
  }

  sign(key: KeyRef, parts: readonly Uint8Array[], reply: (mac: Uint8Array | undefined) => void): void {
    this.#vaultOf(key.id).sign(key, parts, reply)
  }

  /** Candidates that follow each other and lie in one vault are asked for together. */
  #matchFrom(from: number, asked: Asked, spent: number, hasFailed: boolean): void {
    const { hello, candidates, reply } = asked
    if (from === candidates.length) return reply(hasFailed ? 'failed' : undefined, spent)
    const vault = this.#vaultOf(candidates[from])
    let to = from + 1
    while (to < candidates.length && this.#vaultOf(candidates[to]) === vault) to++
    vault.match(hello, candidates.slice(from, to), (match, trials) => {
      if (match !== undefined && match !== 'failed') reply(match, spent + trials)
      else this.#matchFrom(to, asked, spent + trials, hasFailed || match === 'failed')
    })
  }
}

interface Asked {
  readonly hello: Hello
  readonly candidates: readonly SecretId[]
  readonly reply: Reply
}
