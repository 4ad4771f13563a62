import { join } from 'node:path'
import { problemOf, type LoadedConfig } from '../config/load.ts'
import type { Log } from '../observe/log.ts'
import { errorCode } from '../runtime/network.ts'
import { Pkcs11Crypto } from '../runtime/vault/crypto.ts'
import { SealedFolder } from '../runtime/vault/sealed-folder.ts'
import { listSecrets } from '../runtime/vault/secrets.ts'
import type { Pkcs11Token } from '../runtime/vault/token.ts'
import { KeyFault, type CipherKey } from '../vault/crypto.ts'
import type { PinWatch } from '../vault/pin-watch.ts'
import { SealedVault, sealSecret } from '../vault/sealed.ts'
import { NOT_THERE, TokenError, type SecretFault } from '../vault/token.ts'
import { ConfigFault } from './errors.ts'
import { useToken } from './token.ts'

/** The AES key of the token that secrets are sealed with. */
export const SEAL_LABEL = 'palisade-seal'

export interface SealedOptions {
  readonly loaded: LoadedConfig
  readonly log: Log
  readonly pin: PinWatch
  /** What the module cannot do, where that is why secrets are sealed. */
  readonly why?: string
}

/** Sealed secrets, which are unsealed into our memory when labels are looked up. The token is open for that moment alone. */
export function openSealed({ loaded, log, pin, why }: SealedOptions) {
  const vault = new SealedVault(sealedSecrets(loaded))
  const { module, token } = loaded.config.hsm
  let isTold = false
  const tell = () => {
    if (isTold) return
    isTold = true
    log.write(
      why === undefined ? 'info' : 'warn',
      'hsm.sealed',
      'Secrets of the HSM are unsealed and used in our memory',
      {
        ...{ module, token, route: 'sealed', provider: 'sealed', pid: process.pid, why },
      },
    )
  }
  if (why !== undefined) tell()
  const faultsOf = (labels: readonly string[]) => {
    try {
      const faults = unsealLabels(vault, loaded, labels, pin)
      if (faults.every((fault) => fault === undefined)) tell()
      return faults
    } catch (error) {
      if (!(error instanceof ConfigFault) || !labels.some((label) => vault.has(label))) throw error
      // What a reload cannot look up is good as it is, while it is in use.
      const { lines } = error
      log.write('warn', 'hsm.sealed-kept', 'The token does not open: secrets in use stay as they are', { why: lines })
      return labels.map((label) => (vault.has(label) ? undefined : 'the token does not open'))
    }
  }
  return { vault, faultsOf: (labels: readonly string[]) => Promise.resolve(labels).then(faultsOf) }
}

/** Unseals what these labels name, for `put` of the vault: what speaks against each. Throws a `ConfigFault`. */
export function unsealLabels(
  vault: SealedVault,
  loaded: LoadedConfig,
  labels: readonly string[],
  pin?: PinWatch,
): readonly (SecretFault | undefined)[] {
  try {
    return useToken(
      loaded,
      (token) => {
        const faults = vault.unseal(sealKeyOf(token), labels)
        const inToken = faults.includes(NOT_THERE) ? listSecrets(token).map(({ label }) => label) : []
        return faults.map((fault, i) =>
          fault === NOT_THERE && inToken.includes(labels[i]) ? liesInToken(labels[i]) : fault,
        )
      },
      pin,
    )
  } catch (error) {
    if (!(error instanceof TokenError)) throw error
    const allowed = 'a token that can unseal what it sealed (AES-GCM)'
    throw new ConfigFault([problemOf(loaded, { path: ['hsm', 'token'], allowed, hint: error.message })])
  }
}

export interface Stored {
  /** False: there is one of that label. */
  readonly isNew: boolean
  /** Whether the key of the token had to be made. */
  readonly isSealNew: boolean
}

/** Seals 16 bytes into a file of that label, on the disk at its return. Throws a `ConfigFault`, `TokenError` or `KeyFault`. */
export function storeSealed(loaded: LoadedConfig, label: string, key: Uint8Array): Stored {
  const folder = sealedSecrets(loaded)
  if (folder.read(label) !== undefined) return { isNew: false, isSealNew: false }
  return useToken(loaded, (token) => {
    const { seal, isSealNew } = sealKeyFor(token)
    const sealed = sealSecret(seal, label, key)
    try {
      return { isNew: folder.add(label, sealed), isSealNew }
    } catch (error) {
      const code = errorCode(error)
      if (code === 'UNKNOWN') throw error
      const allowed = 'a folder that can be written'
      throw new ConfigFault([problemOf(loaded, { path: ['state', 'path'], allowed, hint: `${folder.path}: ${code}` })])
    }
  })
}

/** Those of the configuration, by their labels. */
export function sealedSecrets(loaded: LoadedConfig): SealedFolder {
  return new SealedFolder(join(loaded.config.state.path, 'secrets'))
}

function sealKeyFor(token: Pkcs11Token): { readonly seal: CipherKey; readonly isSealNew: boolean } {
  const crypto = new Pkcs11Crypto(token)
  const found = sealKeyOf(token)
  if (!('fault' in found)) return { seal: found, isSealNew: false }
  if (found.isThere) throw new KeyFault(found.fault)
  crypto.createCipherKey(SEAL_LABEL)
  return { seal: crypto.cipherKey(SEAL_LABEL), isSealNew: true }
}

function sealKeyOf(token: Pkcs11Token): CipherKey | { readonly fault: SecretFault; readonly isThere: boolean } {
  try {
    return new Pkcs11Crypto(token).cipherKey(SEAL_LABEL)
  } catch (error) {
    if (!(error instanceof KeyFault)) throw error
    const fault = `of the key "${SEAL_LABEL}" that it is sealed with: ${error.message}`
    return { fault, isThere: error.message !== NOT_THERE }
  }
}

function liesInToken(label: string): SecretFault {
  const again = `palisade hsm import --label ${label} where you have its link, or hsm generate for another one`
  return `it lies in the token as a key, and only sealed secrets are used (hsm.provider); seal it with: ${again}`
}
