import type { Hello, KeyRef, Match, SecretId, Vault, VaultFailure } from '../../src/core/ports.ts'
import { MemoryVault } from '../../src/vault/memory.ts'

/** A question to the vault, and what is true about it. */
export interface Question {
  /** The process that asks. */
  readonly pid: number
  /** Virtual ms. */
  readonly askedAt: number
  /** Whose hello or init it is, as actors name it; undefined: a signature is wanted. */
  readonly identity: string | undefined
  /** The secret that fits, by a vault that never fails. */
  readonly truth: SecretId | undefined
}

/** What came: a secret, none, or nothing that can be relied on. */
export type VaultAnswer = SecretId | 'none' | 'failed'

export interface VaultWitness {
  asked(question: Question): void
  /** Before the asker is told, and when it has acted on it. */
  answers(question: Question, answer: VaultAnswer): void
  acted(): void
}

/** A vault of which checkers hear everything, and the right answer beside. */
export class WatchedVault implements Vault {
  readonly #vault: Vault
  readonly #oracle = new MemoryVault()
  readonly #now: () => number
  readonly #witness: VaultWitness
  readonly #pid: number

  constructor(vault: Vault, keys: readonly Uint8Array[], now: () => number, witness: VaultWitness, pid: number) {
    this.#pid = pid
    this.#vault = vault
    this.#now = now
    this.#witness = witness
    keys.forEach((key, at) => this.#oracle.put(at + 1, key))
  }

  match(
    hello: Hello,
    candidates: readonly SecretId[],
    reply: (match: Match | VaultFailure | undefined, trials: number) => void,
  ): void {
    const pid = this.#pid
    const question = { pid, askedAt: this.#now(), identity: nameOf(hello), truth: this.#truthOf(hello, candidates) }
    this.#witness.asked(question)
    this.#vault.match(hello, candidates, (match, trials) => {
      this.#witness.answers(question, match === undefined ? 'none' : match === 'failed' ? match : match.id)
      reply(match, trials)
      this.#witness.acted()
    })
  }

  sign(key: KeyRef, parts: readonly Uint8Array[], reply: (mac: Uint8Array | undefined) => void): void {
    const pid = this.#pid
    const question = { pid, askedAt: this.#now(), identity: undefined, truth: key.id }
    this.#witness.asked(question)
    this.#vault.sign(key, parts, (mac) => {
      this.#witness.answers(question, mac === undefined ? 'failed' : key.id)
      reply(mac)
      this.#witness.acted()
    })
  }

  #truthOf(hello: Hello, candidates: readonly SecretId[]): SecretId | undefined {
    let truth: SecretId | undefined
    this.#oracle.match(hello, candidates, (match) => {
      if (match !== undefined && match !== 'failed') truth = match.id
    })
    return truth
  }
}

/** What of it cannot be varied without losing the match. */
function nameOf(hello: Hello): string {
  const bytes = hello.kind === 'init' ? hello.wire.subarray(8, 56) : hello.random.subarray(0, 28)
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
