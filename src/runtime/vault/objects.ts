import type { Handle } from 'pkcs11js'
import type { Pkcs11Module } from './pkcs11.ts'

/** Attributes of a key as a token gives them. */
export interface KeyObject {
  readonly handle: Handle
  readonly label: string
  readonly id: string
  /** Bytes of the key. */
  readonly length: number
  readonly isSensitive: boolean
  readonly isExtractable: boolean
}

/** A secret is two objects: its 16 bytes, to be hashed, and the same with 16 zeros behind them, to sign with (RFC 2104 pads so anyway). */
export const DIGEST_LENGTH = 16
/** SoftHSM makes no HMAC-SHA256 with less: CKR_KEY_SIZE_RANGE. */
export const HMAC_LENGTH = 32

/** The label of the second object. No secret can be called so: blanks are not allowed in `hsm:LABEL`. */
export function hmacLabel(label: string): string {
  return `${label} (hmac)`
}

/** Of the second object: it begins with the first one's id, by which they are known to belong together. NSS keeps one key for an id. */
export function hmacId(id: Buffer): Buffer {
  return Buffer.concat([id, Buffer.of(1)])
}

/** More than any configuration can name; a token that has more is not ours alone. */
const OBJECTS_MAX = 32_768
const BATCH = 256

/** Keys of the token with that label, or all. */
export function findKeys(module: Pkcs11Module, session: Handle, label?: string): KeyObject[] {
  const { CKA_CLASS, CKO_SECRET_KEY, CKA_KEY_TYPE, CKK_GENERIC_SECRET, CKA_TOKEN, CKA_LABEL } = module.constants
  const template = [
    { type: CKA_CLASS, value: CKO_SECRET_KEY },
    { type: CKA_KEY_TYPE, value: CKK_GENERIC_SECRET },
    { type: CKA_TOKEN, value: true },
    ...(label === undefined ? [] : [{ type: CKA_LABEL, value: label }]),
  ]
  module.call('C_FindObjectsInit', (native) => native.C_FindObjectsInit(session, template))
  const handles: Handle[] = []
  for (;;) {
    const found = module.call('C_FindObjects', (native) => native.C_FindObjects(session, BATCH))
    handles.push(...found)
    if (found.length === 0 || handles.length >= OBJECTS_MAX) break
  }
  module.call('C_FindObjectsFinal', (native) => native.C_FindObjectsFinal(session))
  return handles.map((handle) => readKey(module, session, handle))
}

function readKey(module: Pkcs11Module, session: Handle, handle: Handle): KeyObject {
  const { CKA_LABEL, CKA_ID, CKA_VALUE_LEN, CKA_SENSITIVE, CKA_EXTRACTABLE } = module.constants
  const types = [CKA_LABEL, CKA_ID, CKA_VALUE_LEN, CKA_SENSITIVE, CKA_EXTRACTABLE]
  const [label, id, length, sensitive, extractable] = module
    .call('C_GetAttributeValue', (native) =>
      native.C_GetAttributeValue(
        session,
        handle,
        types.map((type) => ({ type })),
      ),
    )
    .map(({ value }) => value)
  return {
    handle,
    label: label.toString(),
    id: id.toString('hex'),
    // A CK_ULONG in the machine's order; keys are shorter than 64 KB.
    length: length.readUInt16LE(0),
    isSensitive: sensitive[0] === 1,
    isExtractable: extractable[0] === 1,
  }
}

export interface KeyPlan {
  readonly label: string
  readonly id: Buffer
  readonly value: Uint8Array
  /** Session objects go with the session that made them. */
  readonly isLasting: boolean
  readonly isForHmac: boolean
}

/** Makes a key that never leaves the token. The value is overwritten here; what the module keeps of the call is its affair. */
export function createKey(module: Pkcs11Module, session: Handle, plan: KeyPlan): Handle {
  const c = module.constants
  const value = Buffer.from(plan.value)
  const template = [
    { type: c.CKA_CLASS, value: c.CKO_SECRET_KEY },
    { type: c.CKA_KEY_TYPE, value: c.CKK_GENERIC_SECRET },
    { type: c.CKA_TOKEN, value: plan.isLasting },
    { type: c.CKA_PRIVATE, value: true },
    { type: c.CKA_SENSITIVE, value: true },
    { type: c.CKA_EXTRACTABLE, value: false },
    // One that may be derived from can be turned into one that may be read, by some modules.
    ...[c.CKA_DERIVE, c.CKA_ENCRYPT, c.CKA_DECRYPT, c.CKA_WRAP, c.CKA_UNWRAP, c.CKA_VERIFY].map((type) => ({
      type,
      value: false,
    })),
    { type: c.CKA_SIGN, value: plan.isForHmac },
    { type: c.CKA_LABEL, value: plan.label },
    { type: c.CKA_ID, value: plan.id },
    { type: c.CKA_VALUE, value },
  ]
  try {
    return module.call('C_CreateObject', (native) => native.C_CreateObject(session, template))
  } finally {
    value.fill(0)
  }
}

export function destroyQuietly(module: Pkcs11Module, session: Handle, object: Handle): void {
  try {
    module.call('C_DestroyObject', (native) => native.C_DestroyObject(session, object))
  } catch {
    // It goes with its session at the latest, or is gone already.
  }
}
