import { randomBytes } from 'node:crypto'
import type { Handle } from 'pkcs11js'
import { DIGEST_LENGTH, HMAC_LENGTH } from '../../vault/pair.ts'
import type { ObjectPlan, ObjectShelf } from '../../vault/shelf.ts'
import { TokenError } from '../../vault/token.ts'
import { isMacLabel } from './crypto-keys.ts'
import { createKey, findKeys, type KeyObject } from './objects.ts'
import type { Pkcs11Module } from './pkcs11.ts'

const ID_LENGTH = 16

/** The objects of the token that `session` is of. Changes need a session that may write. */
export function shelfIn(module: Pkcs11Module, session: Handle): ObjectShelf<KeyObject> {
  return {
    // What signs beside a seal key is not a secret of anybody's.
    find: (name) => findKeys(module, session, name).filter((key) => !isMacLabel(key.name)),
    create: (plan) => create(module, session, plan),
    destroy({ handle }) {
      try {
        module.call('C_DestroyObject', (native) => native.C_DestroyObject(session, handle))
      } catch (error) {
        if (!(error instanceof TokenError) || error.code !== 'CKR_OBJECT_HANDLE_INVALID') throw error
      }
    },
    newId: () => randomBytes(ID_LENGTH),
  }
}

function create(module: Pkcs11Module, session: Handle, plan: ObjectPlan): void {
  const { name: label, id, part } = plan
  // A record is a key that nobody uses: data objects would be nearer, but NSS keeps none in a token (CKR_ATTRIBUTE_VALUE_INVALID).
  const value =
    part === 'record' ? randomBytes(DIGEST_LENGTH) : new Uint8Array(part === 'hmac' ? HMAC_LENGTH : DIGEST_LENGTH)
  if (plan.part !== 'record') value.set(plan.key)
  try {
    createKey(module, session, { label, id, value, isLasting: true, isForHmac: part === 'hmac' })
  } finally {
    value.fill(0)
  }
}
