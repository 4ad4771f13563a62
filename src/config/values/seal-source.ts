import { isLabel, LABEL_ALLOWED } from './secret-key.ts'
import { text, type Kind } from './value.ts'

/** Where the AES key is under which something is sealed. */
export type SealSource =
  { readonly from: 'hsm'; readonly label: string } | { readonly from: 'file'; readonly path: string }

export function sealSource(): Kind<SealSource> {
  return text(
    '"hsm:LABEL" or "file:PATH"',
    (found): SealSource | undefined => {
      const [, scheme, rest] = /^(hsm|file):(.+)$/.exec(found) ?? []
      if (scheme === 'file') return { from: 'file', path: rest }
      return scheme === 'hsm' && isLabel(rest) ? { from: 'hsm', label: rest } : undefined
    },
    (found) =>
      typeof found === 'string' && found.startsWith('hsm:') ? `after "hsm:" comes ${LABEL_ALLOWED}` : undefined,
  )
}
