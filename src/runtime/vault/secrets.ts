import { randomBytes } from 'node:crypto'
import { isMacLabel } from './crypto-keys.ts'
import { createKey, destroyQuietly, findKeys, HMAC_LENGTH, hmacId, hmacLabel } from './objects.ts'
import { pairFrom, type Pkcs11Token } from './token.ts'

/** A secret of the token by its label, and what is wrong with it. */
export interface StoredSecret {
  readonly label: string
  /** Undefined: it is whole and cannot leave the token. */
  readonly fault: string | undefined
}

const ID_LENGTH = 16

/** Every secret of the token, in the order of their labels; keys that are not ours are named with a fault. */
export function listSecrets(token: Pkcs11Token): StoredSecret[] {
  const keys = token.use((session, module) => findKeys(module, session))
  const labels = new Set(keys.map(({ label }) => label))
  const seconds = new Set([...labels].map(hmacLabel))
  return [...labels]
    .filter((label) => !seconds.has(label) && !isMacLabel(label))
    .sort()
    .map((label) => {
      const named = keys.filter((key) => key.label === label)
      const padded = keys.filter((key) => key.label === hmacLabel(label))
      const pair = pairFrom(named, padded)
      return { label, fault: 'fault' in pair ? pair.fault : undefined }
    })
}

/** Puts 16 bytes into the token, for good, as its two objects. False: there is a key of that label already. */
export function storeSecret(token: Pkcs11Token, label: string, key: Uint8Array): boolean {
  return token.write((session, module) => {
    const taken = [label, hmacLabel(label)].flatMap((name) => findKeys(module, session, name))
    if (taken.length > 0) return false
    const id = randomBytes(ID_LENGTH)
    const padded = new Uint8Array(HMAC_LENGTH)
    padded.set(key)
    const first = createKey(module, session, { id, label, value: key, isLasting: true, isForHmac: false })
    try {
      const second = { id: hmacId(id), label: hmacLabel(label), value: padded }
      createKey(module, session, { ...second, isLasting: true, isForHmac: true })
    } catch (error) {
      destroyQuietly(module, session, first)
      throw error
    } finally {
      padded.fill(0)
    }
    return true
  })
}
