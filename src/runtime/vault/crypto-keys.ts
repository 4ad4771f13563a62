import { randomBytes } from 'node:crypto'
import type { Handle, Template } from 'pkcs11js'
import { CIPHER_KEY_BYTES, KeyFault, MAC_KEY_BYTES, type SignatureKind } from '../../vault/crypto.ts'
import { NOT_THERE } from '../../vault/token.ts'
import type { Pkcs11js, Pkcs11Module } from './pkcs11.ts'

/** Keys that the token makes or is given, to cipher and to sign with: what they may do, and how they are found again. */

export type KeyKind = 'cipher' | 'mac' | 'private' | 'public'

const ID_BYTES = 16
/** CKM_EC_EDWARDS_KEY_PAIR_GEN and CKM_EDDSA of PKCS#11 v3.0, which pkcs11js has no names for. */
const EDWARDS_KEY_PAIR_GEN = 0x1055
export const EDDSA = 0x1057
/** CKA_EC_PARAMS: the curve's object identifier in DER. */
const CURVES: Readonly<Record<SignatureKind, Buffer>> = {
  'ecdsa-p256': Buffer.from('06082a8648ce3d030107', 'hex'),
  ed25519: Buffer.from('06032b6570', 'hex'),
}
const POINT_BYTES: Readonly<Record<SignatureKind, number>> = { 'ecdsa-p256': 65, ed25519: 32 }

/** A MAC key is a secret of no more kind than those of clients, from which its label keeps it apart. */
export function macLabel(label: string): string {
  return `${label}${MAC}`
}

export function isMacLabel(label: string): boolean {
  return label.endsWith(MAC)
}

const MAC = ' (mac)'

/** Makes an AES key in the token, or takes the value for one. */
export function makeCipherKey(module: Pkcs11Module, session: Handle, label: string, value?: Uint8Array): void {
  const c = module.constants
  const template = [...secretTemplate(c, label), ...flags([c.CKA_ENCRYPT, c.CKA_DECRYPT], true), ...flags([c.CKA_SIGN])]
  make(module, session, { type: c.CKK_AES, mechanism: c.CKM_AES_KEY_GEN, length: CIPHER_KEY_BYTES, template, value })
}

/** The same for HMAC. */
export function makeMacKey(module: Pkcs11Module, session: Handle, label: string, value?: Uint8Array): void {
  const c = module.constants
  const template = [
    ...secretTemplate(c, macLabel(label)),
    ...flags([c.CKA_SIGN], true),
    ...flags([c.CKA_ENCRYPT, c.CKA_DECRYPT]),
  ]
  const padded = value === undefined ? undefined : new Uint8Array(MAC_KEY_BYTES)
  padded?.set(value ?? [])
  const mechanism = c.CKM_GENERIC_SECRET_KEY_GEN
  make(module, session, { type: c.CKK_GENERIC_SECRET, mechanism, length: MAC_KEY_BYTES, template, value: padded })
}

/** Makes a pair of keys in the token. */
export function makeSigningKey(module: Pkcs11Module, session: Handle, label: string, kind: SignatureKind): void {
  const c = module.constants
  const mechanism = kind === 'ed25519' ? EDWARDS_KEY_PAIR_GEN : c.CKM_EC_KEY_PAIR_GEN
  const common: Template = [
    ...flags([c.CKA_TOKEN], true),
    { type: c.CKA_LABEL, value: label },
    { type: c.CKA_ID, value: randomBytes(ID_BYTES) },
  ]
  const open: Template = [...common, ...flags([c.CKA_VERIFY], true), { type: c.CKA_EC_PARAMS, value: CURVES[kind] }]
  const kept: Template = [
    ...common,
    ...flags([c.CKA_PRIVATE, c.CKA_SENSITIVE, c.CKA_SIGN], true),
    ...flags([c.CKA_EXTRACTABLE, c.CKA_DERIVE]),
  ]
  module.call('C_GenerateKeyPair', (native) => native.C_GenerateKeyPair(session, { mechanism }, open, kept))
}

/** The one key of that kind and label. Throws a `KeyFault` where there is none, or one that may be taken out. */
export function findKey(module: Pkcs11Module, session: Handle, kind: KeyKind, label: string): Handle {
  const found = findAll(module, session, kind, label)
  if (found.length === 0) throw new KeyFault(NOT_THERE)
  if (found.length > 1) throw new KeyFault(`there are ${found.length} of that name`)
  if (kind !== 'public' && !isKept(module, session, found[0])) throw new KeyFault('it may be taken out of the token')
  return found[0]
}

export function hasKey(module: Pkcs11Module, session: Handle, kind: KeyKind, label: string): boolean {
  return findAll(module, session, kind, label).length > 0
}

/** The public part of a pair, as `SigningKey` gives it. */
export function readPoint(module: Pkcs11Module, session: Handle, key: Handle) {
  const { CKA_EC_POINT, CKA_EC_PARAMS } = module.constants
  const template = [{ type: CKA_EC_POINT }, { type: CKA_EC_PARAMS }]
  const [{ value: point }, { value: curve }] = module.call('C_GetAttributeValue', (native) =>
    native.C_GetAttributeValue(session, key, template),
  )
  const kind = (['ecdsa-p256', 'ed25519'] as const).find((one) => CURVES[one].equals(curve))
  if (kind === undefined) throw new KeyFault('it is of a curve that is not used here')
  // In an OCTET STRING by the standard; some modules leave out its two bytes of tag and length.
  const publicKey = point.subarray(-POINT_BYTES[kind])
  if (publicKey.length !== POINT_BYTES[kind]) throw new KeyFault('its public part is cut short')
  return { kind, publicKey: Uint8Array.from(publicKey) }
}

interface Making {
  readonly type: number
  readonly mechanism: number
  readonly length: number
  readonly template: Template
  readonly value: Uint8Array | undefined
}

function make(module: Pkcs11Module, session: Handle, { type, mechanism, length, template, value }: Making): void {
  const c = module.constants
  if (value === undefined) {
    const all = [...template, { type: c.CKA_VALUE_LEN, value: length }]
    module.call('C_GenerateKey', (native) => native.C_GenerateKey(session, { mechanism }, all))
    return
  }
  const copy = Buffer.from(value)
  const all = [
    ...template,
    { type: c.CKA_CLASS, value: c.CKO_SECRET_KEY },
    { type: c.CKA_KEY_TYPE, value: type },
    { type: c.CKA_VALUE, value: copy },
  ]
  try {
    module.call('C_CreateObject', (native) => native.C_CreateObject(session, all))
  } finally {
    copy.fill(0)
  }
}

function secretTemplate(c: Pkcs11js, label: string): Template {
  return [
    ...flags([c.CKA_TOKEN, c.CKA_PRIVATE, c.CKA_SENSITIVE], true),
    ...flags([c.CKA_EXTRACTABLE, c.CKA_DERIVE, c.CKA_WRAP, c.CKA_UNWRAP, c.CKA_VERIFY]),
    { type: c.CKA_LABEL, value: label },
    // NSS keeps one key of an id.
    { type: c.CKA_ID, value: randomBytes(ID_BYTES) },
  ]
}

function flags(types: readonly number[], value = false): Template {
  return types.map((type) => ({ type, value }))
}

/** More of one name than this is as good as two. */
const SAME_MAX = 16

function findAll(module: Pkcs11Module, session: Handle, kind: KeyKind, label: string): Handle[] {
  const c = module.constants
  const about = {
    cipher: { type: c.CKA_KEY_TYPE, value: c.CKK_AES },
    mac: { type: c.CKA_KEY_TYPE, value: c.CKK_GENERIC_SECRET },
    private: { type: c.CKA_CLASS, value: c.CKO_PRIVATE_KEY },
    public: { type: c.CKA_CLASS, value: c.CKO_PUBLIC_KEY },
  }[kind]
  const name = { type: c.CKA_LABEL, value: kind === 'mac' ? macLabel(label) : label }
  const template = [about, name, { type: c.CKA_TOKEN, value: true }]
  module.call('C_FindObjectsInit', (native) => native.C_FindObjectsInit(session, template))
  const handles = module.call('C_FindObjects', (native) => native.C_FindObjects(session, SAME_MAX))
  module.call('C_FindObjectsFinal', (native) => native.C_FindObjectsFinal(session))
  return handles
}

function isKept(module: Pkcs11Module, session: Handle, key: Handle): boolean {
  const { CKA_SENSITIVE, CKA_EXTRACTABLE } = module.constants
  const template = [{ type: CKA_SENSITIVE }, { type: CKA_EXTRACTABLE }]
  const [sensitive, extractable] = module.call('C_GetAttributeValue', (native) =>
    native.C_GetAttributeValue(session, key, template),
  )
  return sensitive.value[0] === 1 && extractable.value[0] === 0
}
