import { text, type Kind } from './value.ts'

/** Where the PIN of a token is: it never stands in the configuration itself. */
export type PinSource =
  { readonly from: 'env'; readonly name: string } | { readonly from: 'file'; readonly path: string }

export const PIN_ALLOWED = '"env:NAME" or "file:PATH"'

export function pinSource(): Kind<PinSource> {
  return text(PIN_ALLOWED, (found): PinSource | undefined => {
    const [, scheme, rest] = /^(env|file):(.+)$/.exec(found) ?? []
    if (scheme === 'env') return /^[A-Za-z_][A-Za-z0-9_]*$/.test(rest) ? { from: 'env', name: rest } : undefined
    return scheme === 'file' ? { from: 'file', path: rest } : undefined
  })
}
