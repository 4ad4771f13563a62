import { readDigest } from '../../trust/pins.ts'
import { text, type Kind } from './value.ts'

/** A SHA-256 as pins are written; kept as base64. */
export function sha256(): Kind<string> {
  return text('a SHA-256 in base64, as "palisade pin" prints it, or in hex', readDigest, (found) =>
    typeof found === 'string' && /^sha1\b|^[0-9a-f:]{40,59}$/i.test(found) ? 'this looks like SHA-1' : undefined,
  )
}
