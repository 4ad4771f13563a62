import { fromHex } from '../../core/protocol/bytes.ts'
import { KEY_LENGTH } from '../../core/protocol/secret.ts'
import { text, type Kind } from './value.ts'

/** Where the 16 bytes of a secret are. */
export type KeySource =
  | { readonly from: 'text'; readonly key: Uint8Array }
  | { readonly from: 'file'; readonly path: string }
  | { readonly from: 'hsm'; readonly label: string }

/** The allowed text, for keys in the configuration and in files alike. */
export const KEY_ALLOWED = `${2 * KEY_LENGTH} hex digits`

/** What a secret may be called in a token. */
export const LABEL_ALLOWED = 'a label of 1 to 64 letters, digits, ".", "_" or "-"'

export function isLabel(found: string): boolean {
  return /^[A-Za-z0-9._-]{1,64}$/.test(found)
}

/** 32 hex digits in any case, and nothing else. */
export function readKey(found: string): Uint8Array | undefined {
  return /^[0-9a-f]{32}$/i.test(found) ? fromHex(found) : undefined
}

/** What to do about a key that is written wrong; never repeats a part of it. */
export function keyHint(found: unknown): string | undefined {
  if (typeof found !== 'string') return undefined
  if (found.startsWith('hsm:')) return `after "hsm:" comes ${LABEL_ALLOWED}`
  if (/^(dd|ee)[0-9a-f]{32}/i.test(found)) {
    const mode = found.slice(0, 2).toLowerCase() === 'dd' ? 'padded' : 'fake-tls'
    return `this is what a client is given; the key is the 32 digits after "${found.slice(0, 2)}", with modes = ["${mode}"]`
  }
  if (!/^[0-9a-f]*$/i.test(found)) return 'it has characters that are no hex digits'
  return 'make one with: palisade secret new'
}

export function keySource(): Kind<KeySource> {
  return text(
    `${KEY_ALLOWED}, "file:PATH" or "hsm:LABEL"`,
    (found): KeySource | undefined => {
      const [, scheme, rest] = /^(file|hsm):(.+)$/.exec(found) ?? []
      if (scheme === 'file') return { from: 'file', path: rest }
      if (scheme === 'hsm') return isLabel(rest) ? { from: 'hsm', label: rest } : undefined
      const key = readKey(found)
      return key === undefined ? undefined : { from: 'text', key }
    },
    keyHint,
  )
}
