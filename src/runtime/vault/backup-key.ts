import { createPublicKey, randomBytes, type KeyObject } from 'node:crypto'
import type { Handle } from 'pkcs11js'
import { MODULUS_BITS } from '../../vault/backup.ts'
import { TokenError } from '../../vault/token.ts'
import type { Pkcs11Module } from './pkcs11.ts'
import type { Pkcs11Token } from './token.ts'

/** What the key pair of a backup token is called in it. */
const NAME = 'palisade backup'
const EXPONENT = Buffer.from([1, 0, 1])
const ID_LENGTH = 16
/** CKZ_DATA_SPECIFIED, which pkcs11js does not export. */
const DATA_SPECIFIED = 1
const PLAIN_MAX = 1024

/** Makes the key pair whose private half opens backups, and never leaves the token. Throws where there is one. Returns the public half. */
export function makeBackupKey(token: Pkcs11Token): KeyObject {
  return token.write((session, module) => {
    const c = module.constants
    if (find(module, session, c.CKO_PRIVATE_KEY).length > 0)
      throw new TokenError('C_GenerateKeyPair', 'the token has a key for backups already')
    const common = [
      { type: c.CKA_TOKEN, value: true },
      { type: c.CKA_LABEL, value: NAME },
      { type: c.CKA_ID, value: randomBytes(ID_LENGTH) },
    ]
    const open = [
      ...common,
      { type: c.CKA_MODULUS_BITS, value: MODULUS_BITS },
      { type: c.CKA_PUBLIC_EXPONENT, value: EXPONENT },
      { type: c.CKA_ENCRYPT, value: true },
      ...[c.CKA_VERIFY, c.CKA_WRAP].map((type) => ({ type, value: false })),
    ]
    const closed = [
      ...common,
      ...[c.CKA_PRIVATE, c.CKA_SENSITIVE, c.CKA_DECRYPT].map((type) => ({ type, value: true })),
      ...[c.CKA_EXTRACTABLE, c.CKA_SIGN, c.CKA_UNWRAP, c.CKA_DERIVE].map((type) => ({ type, value: false })),
    ]
    const mechanism = { mechanism: c.CKM_RSA_PKCS_KEY_PAIR_GEN }
    const { publicKey } = module.call('C_GenerateKeyPair', (native) =>
      native.C_GenerateKeyPair(session, mechanism, open, closed),
    )
    return readPublic(module, session, publicKey)
  })
}

/** The public half of that token. Throws a `TokenError` where there is none, or more than one. */
export function backupKeyOf(token: Pkcs11Token): KeyObject {
  return token.use((session, module) => readPublic(module, session, one(module, session, 'CKO_PUBLIC_KEY')))
}

/** Opens what was sealed under that token's key; undefined where it was not. */
export function openSealed(token: Pkcs11Token, sealed: Uint8Array): Buffer | undefined {
  try {
    return token.use((session, module) => {
      const c = module.constants
      const key = one(module, session, 'CKO_PRIVATE_KEY')
      const parameter = {
        ...{ type: c.CK_PARAMS_RSA_OAEP, hashAlg: c.CKM_SHA_1, mgf: c.CKG_MGF1_SHA1 },
        ...{ source: DATA_SPECIFIED, sourceData: null },
      }
      const mechanism = { mechanism: c.CKM_RSA_PKCS_OAEP, parameter }
      module.call('C_DecryptInit', (native) => native.C_DecryptInit(session, mechanism, key))
      return module.call('C_Decrypt', (native) =>
        native.C_Decrypt(session, Buffer.from(sealed), Buffer.alloc(PLAIN_MAX)),
      )
    })
  } catch (error) {
    // Modules say so in many ways; SoftHSM by CKR_GENERAL_ERROR.
    if (error instanceof TokenError && error.call === 'C_Decrypt') return undefined
    throw error
  }
}

function one(module: Pkcs11Module, session: Handle, kind: 'CKO_PUBLIC_KEY' | 'CKO_PRIVATE_KEY'): Handle {
  const found = find(module, session, module.constants[kind])
  if (found.length === 1) return found[0]
  throw new TokenError(
    'C_FindObjects',
    found.length === 0 ? 'the token has no key for backups' : `the token has ${found.length} keys for backups`,
  )
}

function find(module: Pkcs11Module, session: Handle, kind: number): Handle[] {
  const { CKA_CLASS, CKA_TOKEN, CKA_LABEL } = module.constants
  const template = [
    { type: CKA_CLASS, value: kind },
    { type: CKA_TOKEN, value: true },
    { type: CKA_LABEL, value: NAME },
  ]
  module.call('C_FindObjectsInit', (native) => native.C_FindObjectsInit(session, template))
  const found = module.call('C_FindObjects', (native) => native.C_FindObjects(session, 2))
  module.call('C_FindObjectsFinal', (native) => native.C_FindObjectsFinal(session))
  return found
}

function readPublic(module: Pkcs11Module, session: Handle, key: Handle): KeyObject {
  const types = [module.constants.CKA_MODULUS, module.constants.CKA_PUBLIC_EXPONENT].map((type) => ({ type }))
  const [n, e] = module
    .call('C_GetAttributeValue', (native) => native.C_GetAttributeValue(session, key, types))
    .map(({ value }) => value.toString('base64url'))
  return createPublicKey({ key: { kty: 'RSA', n, e }, format: 'jwk' })
}
