import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readTextFile, whyUnreadable } from '../config/key-files.ts'
import { problemOf, type LoadedConfig } from '../config/load.ts'
import type { SealSource } from '../config/values/seal-source.ts'
import { fromHex } from '../core/protocol/bytes.ts'
import { Pkcs11Crypto } from '../runtime/vault/crypto.ts'
import { CIPHER_KEY_BYTES, KeyFault, NONCE_BYTES, NotAuthentic, TAG_BYTES, type CipherKey } from '../vault/crypto.ts'
import { softwareCipherKey } from '../vault/software-crypto.ts'
import { NOT_THERE, TokenError } from '../vault/token.ts'
import { ConfigFault } from './errors.ts'
import { useToken } from './token.ts'

/** The key of the sealed state: it lies beside the values, itself sealed under the key that `state.sealed` names. */
export interface StateKey {
  /** Values are encrypted with these 32 bytes. */
  readonly key: Uint8Array
  /** What lies on the disk of it: nonce(12) | ciphertext(32) | tag(16). */
  readonly sealed: Uint8Array
}

const SEALED_BYTES = NONCE_BYTES + CIPHER_KEY_BYTES + TAG_BYTES
const AAD = Buffer.from('palisade state key, version 1')

/** The folder of what is sealed, within that of the state. */
export function sealedFolder(state: string): string {
  return join(state, 'sealed')
}

export function keyFile(folder: string): string {
  return join(folder, 'key')
}

/**
 * Unseals the key of the state, or makes one where there is none yet; undefined where nothing is to be sealed. A token is open for that
 * moment. Throws a `ConfigFault` where it does not open, or where the state is sealed and the configuration does not say by what.
 */
export function openStateKey(loaded: LoadedConfig): StateKey | undefined {
  const { path, sealed: source } = loaded.config.state
  const folder = sealedFolder(path)
  const isSealed = existsSync(folder)
  if (source === undefined) {
    if (!isSealed) return undefined
    throw fault(loaded, `the key that ${folder} is sealed with`, 'to begin with an empty state, remove that folder')
  }
  if (!isSealed) {
    const key = randomBytes(CIPHER_KEY_BYTES)
    return useSealKey(loaded, source, (seal) => ({ key, sealed: sealKey(seal, key) }))
  }
  const sealed = readSealed(loaded, folder)
  return useSealKey(loaded, source, (seal) => ({ key: unsealKey(loaded, seal, sealed), sealed }))
}

function sealKey(seal: CipherKey, key: Uint8Array): Uint8Array {
  // One key sealed once in its life: a random nonce is far from any bound.
  const nonce = randomBytes(NONCE_BYTES)
  const sealing = seal.seal({ nonce, aad: AAD })
  return Buffer.concat([nonce, sealing.update(key), sealing.final()])
}

function unsealKey(loaded: LoadedConfig, seal: CipherKey, sealed: Uint8Array): Uint8Array {
  const opening = seal.open({ nonce: sealed.subarray(0, NONCE_BYTES), aad: AAD })
  try {
    return Buffer.concat([opening.update(sealed.subarray(NONCE_BYTES)), opening.final()])
  } catch (error) {
    if (!(error instanceof NotAuthentic)) throw error
    const file = keyFile(sealedFolder(loaded.config.state.path))
    throw fault(loaded, `the key that ${file} is sealed with`, error.message)
  }
}

function readSealed(loaded: LoadedConfig, folder: string): Uint8Array {
  const file = keyFile(folder)
  const allowed = `a state whose key is whole in ${file}`
  const undo = 'without it nothing of the state can be read: restore it from a backup, or remove that folder'
  try {
    const sealed = readFileSync(file)
    if (sealed.length === SEALED_BYTES) return sealed
  } catch (error) {
    throw fault(loaded, allowed, `it ${whyUnreadable(error)}; ${undo}`)
  }
  throw fault(loaded, allowed, `its length is wrong; ${undo}`)
}

/** Runs `use` with the AES key of `source`. Throws a `ConfigFault`. */
function useSealKey<T>(loaded: LoadedConfig, source: SealSource, use: (seal: CipherKey) => T): T {
  if (source.from === 'file') return useFileKey(loaded, source.path, use)
  const { label } = source
  try {
    return useToken(loaded, (token) => use(new Pkcs11Crypto(token).cipherKey(label)))
  } catch (error) {
    if (!(error instanceof KeyFault || error instanceof TokenError)) throw error
    const why = error.message === NOT_THERE ? `; make it with: palisade hsm seal-key --label ${label}` : ''
    const allowed = `the label of an AES-256 key in token "${loaded.config.hsm.token}"`
    throw fault(loaded, allowed, `${error.message}${why}`)
  }
}

function useFileKey<T>(loaded: LoadedConfig, path: string, use: (seal: CipherKey) => T): T {
  const key = readKeyFile(loaded, path)
  try {
    return use(softwareCipherKey(key))
  } finally {
    key.fill(0)
  }
}

function readKeyFile(loaded: LoadedConfig, path: string): Uint8Array {
  const digits = 2 * CIPHER_KEY_BYTES
  const make = 'make one with: openssl rand -hex 32'
  let text: string
  try {
    text = readTextFile(path).text.trim()
  } catch (error) {
    throw fault(loaded, `a file that can be read, but ${path} ${whyUnreadable(error)}`, make)
  }
  const key = text.length === digits ? fromHex(text) : undefined
  if (key === undefined) throw fault(loaded, `${digits} hex digits in ${path} and nothing else`, make)
  return key
}

function fault(loaded: LoadedConfig, allowed: string, hint: string): ConfigFault {
  return new ConfigFault([problemOf(loaded, { path: ['state', 'sealed'], allowed, hint })])
}
