import { Keyring, type StoredSecret } from '../../vault/keyring.ts'
import type { KeyObject } from './objects.ts'
import { shelfIn } from './shelf.ts'
import type { Pkcs11Token } from './token.ts'

/** Looks at the secrets of the token, and changes none. */
export function readSecrets<T>(token: Pkcs11Token, look: (keyring: Keyring<KeyObject>) => T): T {
  return token.use((session, module) => look(new Keyring(shelfIn(module, session))))
}

/** Changes secrets of the token, for good. */
export function changeSecrets<T>(token: Pkcs11Token, change: (keyring: Keyring<KeyObject>) => T): T {
  return token.write((session, module) => change(new Keyring(shelfIn(module, session))))
}

/** Every secret of the token as it is at that moment (unix seconds), in the order of their labels. */
export function listSecrets(token: Pkcs11Token, nowSec = 0): readonly StoredSecret[] {
  return readSecrets(token, (keyring) => keyring.list(nowSec))
}

/** Puts 16 bytes into the token, for good, as a new secret. False: there is something of that label already. */
export function storeSecret(token: Pkcs11Token, label: string, key: Uint8Array): boolean {
  return changeSecrets(token, (keyring) => keyring.store(label, key))
}
