import type { StoredObject } from './shelf.ts'
import { NOT_THERE, type SecretFault } from './token.ts'

/**
 * A generation of a secret is two objects: its 16 bytes, to be hashed, and the same with 16 zeros behind them, to sign with (RFC 2104
 * pads so anyway).
 */
export const DIGEST_LENGTH = 16
/** SoftHSM makes no HMAC-SHA256 with less: CKR_KEY_SIZE_RANGE. */
export const HMAC_LENGTH = 32

/** The id of the second object. */
export function hmacId(id: Uint8Array): Uint8Array {
  return Uint8Array.of(...id, 1)
}

export interface Pair<T> {
  readonly digest: T
  readonly hmac: T
}

/** The two objects out of those that bear their names, or why they are no secret of ours. */
export function pairFrom<O extends StoredObject>(
  named: readonly O[],
  padded: readonly O[],
): Pair<O> | { readonly fault: SecretFault } {
  if (named.length === 0) return { fault: padded.length === 0 ? NOT_THERE : 'its object of 16 bytes is missing' }
  if (named.length > 1) return { fault: `there are ${named.length} of that name` }
  const [digest] = named
  if (digest.length !== DIGEST_LENGTH) return { fault: `it has ${digest.length} bytes, not ${DIGEST_LENGTH}` }
  const partners = padded.filter(({ id, length }) => id.startsWith(digest.id) && length === HMAC_LENGTH)
  if (partners.length !== 1) return { fault: 'its object for HMAC is missing' }
  const pair = { digest, hmac: partners[0] }
  const isKept = (key: O) => key.isSensitive && !key.isExtractable
  return isKept(pair.digest) && isKept(pair.hmac) ? pair : { fault: 'it may be taken out of the token' }
}
