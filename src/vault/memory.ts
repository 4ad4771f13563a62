import { createHash, createHmac } from 'node:crypto'
import type { Hello, KeyRef, Match, SecretId, Vault, VaultFailure } from '../core/ports.ts'
import { tryOn, type SecretUse } from './trial.ts'

export interface MemoryVaultOptions {
  /** Runs every reply; by default replies come at once. Tests use it to answer later. */
  readonly later?: (run: () => void) => void
}

/** Secrets in the memory of this process. */
export class MemoryVault implements Vault {
  readonly #keys = new Map<SecretId, MemorySecret>()
  readonly #later: (run: () => void) => void

  constructor(options: MemoryVaultOptions = {}) {
    this.#later = options.later ?? ((run) => run())
  }

  /** Keeps a copy of the 16-byte key; an id that is known already gets the new key. */
  put(id: SecretId, key: Uint8Array): void {
    this.remove(id)
    // Not slice: of a Buffer that is a view, which follows what its owner does to it.
    this.#keys.set(id, new MemorySecret(Uint8Array.from(key)))
  }

  /** Forgets the key and overwrites it. Harmless when the id is unknown. */
  remove(id: SecretId): void {
    this.#keys.get(id)?.erase()
    this.#keys.delete(id)
  }

  match(
    hello: Hello,
    candidates: readonly SecretId[],
    reply: (match: Match | VaultFailure | undefined, trials: number) => void,
  ): void {
    let trials = 0
    let match: Match | undefined
    for (const id of candidates) {
      const secret = this.#keys.get(id)
      if (secret === undefined) continue
      trials++
      match = tryOn(hello, { id, generation: 0 }, secret)
      if (match !== undefined) break
    }
    this.#later(() => reply(match, trials))
  }

  sign(key: KeyRef, parts: readonly Uint8Array[], reply: (mac: Uint8Array | undefined) => void): void {
    const mac = this.#keys.get(key.id)?.hmac(parts)
    this.#later(() => reply(mac))
  }
}

class MemorySecret implements SecretUse {
  readonly #key: Uint8Array

  constructor(key: Uint8Array) {
    this.#key = key
  }

  hmac(parts: readonly Uint8Array[]): Uint8Array {
    const hmac = createHmac('sha256', this.#key)
    for (const part of parts) hmac.update(part)
    return hmac.digest()
  }

  digest(head: Uint8Array): Uint8Array {
    return createHash('sha256').update(head).update(this.#key).digest()
  }

  erase(): void {
    this.#key.fill(0)
  }
}
