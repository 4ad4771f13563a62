import { read32le, write32le } from '../bytes.ts'
import type { PacketCodec } from './packet.ts'

/** RPC_NONCE, the first frame of each side: name(4) | key selector(4) | schema(4) | unix time(4) | nonce(16). */
export interface Nonce {
  readonly kind: 'nonce'
  /** First word of the proxy secret. */
  readonly selector: number
  readonly schema: number
  /** Wall clock of the sender, seconds. */
  readonly wallSec: number
  /** 16 bytes. */
  readonly nonce: Uint8Array
}

export const NONCE_LENGTH = 16
/** AES keys out of the secret and the nonces; the others (none, with extra keys, with Diffie-Hellman) are not for proxies. */
export const SCHEMA_AES = 1
/** Both sides refuse a clock further away. */
export const CLOCK_SKEW_MAX_SEC = 30

const NONCE_AT = 16
const LENGTH = NONCE_AT + NONCE_LENGTH

export const nonce: PacketCodec<Nonce> = {
  id: 0x7acb87aa,
  length: () => LENGTH,
  write({ selector, schema, wallSec, nonce }, out) {
    write32le(out, 4, selector)
    write32le(out, 8, schema)
    write32le(out, 12, wallSec)
    out.set(nonce, NONCE_AT)
  },
  read(payload) {
    if (payload.length !== LENGTH) return undefined
    return {
      kind: 'nonce',
      selector: read32le(payload, 4),
      schema: read32le(payload, 8),
      wallSec: read32le(payload, 12),
      nonce: Uint8Array.from(payload.subarray(NONCE_AT)),
    }
  },
}

export type NonceFault = 'other-secret' | 'other-schema' | 'clock-skew'

/** Why the other side's nonce cannot be gone on with. */
export function nonceFault(theirs: Nonce, ours: { selector: number; wallSec: number }): NonceFault | undefined {
  if (theirs.selector !== ours.selector) return 'other-secret'
  if (theirs.schema !== SCHEMA_AES) return 'other-schema'
  // Seconds on the wire have 32 bits: a difference over their end is a small one.
  const skewSec = (theirs.wallSec - ours.wallSec) | 0
  return Math.abs(skewSec) > CLOCK_SKEW_MAX_SEC ? 'clock-skew' : undefined
}
