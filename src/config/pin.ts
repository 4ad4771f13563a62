import { whyUnreadable, type FileReader } from './key-files.ts'
import type { PinSource } from './values/pin-source.ts'

/** The PIN, or why there is none: what is allowed, to follow "expected". */
export type PinResult = { readonly pin: string } | { readonly allowed: string }

/** Paths are absolute. A line feed at the end of a file is not part of the PIN. */
export function readPin(
  source: PinSource,
  environment: Readonly<Record<string, string | undefined>>,
  read: FileReader,
): PinResult {
  if (source.from === 'env') {
    const pin = environment[source.name] ?? ''
    return pin === '' ? { allowed: `a variable of the environment that is set, and ${source.name} is not` } : { pin }
  }
  try {
    const pin = read(source.path).text.replace(/\r?\n$/, '')
    return pin === '' ? { allowed: `a PIN in ${source.path}, which is empty` } : { pin }
  } catch (error) {
    return { allowed: `a file that can be read, but ${source.path} ${whyUnreadable(error)}` }
  }
}
