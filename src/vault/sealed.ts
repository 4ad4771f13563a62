import { randomBytes } from 'node:crypto'
import type { Hello, KeyRef, Match, SecretId, Vault, VaultFailure } from '../core/ports.ts'
import { KEY_LENGTH } from '../core/protocol/secret.ts'
import { NONCE_BYTES, NotAuthentic, type CipherKey } from './crypto.ts'
import { MemoryVault } from './memory.ts'
import { NOT_THERE, type SecretFault } from './token.ts'

/** Sealed secrets by their labels, wherever they lie. */
export interface SealedShelf {
  /** Undefined where there is none; a fault where it is there and cannot be read. */
  read(label: string): Uint8Array | { readonly fault: SecretFault } | undefined
}

/** A secret of 16 bytes as it lies on the disk: nonce(12) | ciphertext(16) | tag(16), bound to its label. */
export function sealSecret(seal: CipherKey, label: string, key: Uint8Array): Uint8Array {
  // Random: a key seals some thousands of secrets, and 96 bits are good for 2^32 (NIST SP 800-38D, 8.3).
  const nonce = randomBytes(NONCE_BYTES)
  const sealing = seal.seal({ nonce, aad: aadOf(label) })
  return Buffer.concat([nonce, sealing.update(key), sealing.final()])
}

/** Throws `NotAuthentic` where it was not sealed so for that label. */
export function unsealSecret(seal: CipherKey, label: string, sealed: Uint8Array): Uint8Array {
  if (sealed.length < NONCE_BYTES) throw new NotAuthentic()
  const opening = seal.open({ nonce: sealed.subarray(0, NONCE_BYTES), aad: aadOf(label) })
  opening.update(sealed.subarray(NONCE_BYTES))
  const key = opening.final()
  if (key.length !== KEY_LENGTH) throw new NotAuthentic()
  return key
}

function aadOf(label: string): Uint8Array {
  return Buffer.from(`palisade secret, version 1: ${label}`)
}

/**
 * For tokens that cannot use a secret without giving it out: secrets lie sealed under a key of the token, are unsealed when the
 * configuration is read, and used in the memory of this process, where whoever reads it finds them.
 */
export class SealedVault implements Vault {
  readonly #shelf: SealedShelf
  readonly #memory = new MemoryVault()
  readonly #labels = new Map<SecretId, string>()
  /** Of labels that were unsealed last and not yet put. */
  readonly #unsealed = new Map<string, Uint8Array>()

  constructor(shelf: SealedShelf) {
    this.#shelf = shelf
  }

  /** Whether a secret that was put is of that label. */
  has(label: string): boolean {
    return [...this.#labels.values()].includes(label)
  }

  /**
   * Unseals what these labels name, for `put`; `seal` may say why there is no key to do it with. What speaks against each, in their
   * order. Throws where the place of the key fails.
   */
  unseal(
    seal: CipherKey | { readonly fault: SecretFault },
    labels: readonly string[],
  ): readonly (SecretFault | undefined)[] {
    this.#wipe()
    return labels.map((label) => {
      const sealed = this.#shelf.read(label)
      if (sealed === undefined) return NOT_THERE
      if ('fault' in sealed) return sealed.fault
      if ('fault' in seal) return seal.fault
      try {
        this.#unsealed.set(label, unsealSecret(seal, label, sealed))
        return undefined
      } catch (error) {
        if (error instanceof NotAuthentic) return error.message
        throw error
      }
    })
  }

  /** Takes what `unseal` found for the label. Where that was nothing, what the id had before stays. */
  put(id: SecretId, label: string): void {
    const key = this.#unsealed.get(label)
    if (key === undefined) return
    this.#memory.put(id, key)
    this.#labels.set(id, label)
    key.fill(0)
    this.#unsealed.delete(label)
  }

  /** Harmless when the id is unknown. */
  remove(id: SecretId): void {
    this.#memory.remove(id)
    this.#labels.delete(id)
  }

  match(
    hello: Hello,
    candidates: readonly SecretId[],
    reply: (match: Match | VaultFailure | undefined, trials: number) => void,
  ): void {
    this.#memory.match(hello, candidates, reply)
  }

  sign(key: KeyRef, parts: readonly Uint8Array[], reply: (mac: Uint8Array | undefined) => void): void {
    this.#memory.sign(key, parts, reply)
  }

  #wipe(): void {
    for (const key of this.#unsealed.values()) key.fill(0)
    this.#unsealed.clear()
  }
}
