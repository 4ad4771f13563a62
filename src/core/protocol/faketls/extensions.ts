import { read16 } from '../bytes.ts'

/**
 * Walks an extension list, type(2) | length(2) | data each, that must fill `from..end` exactly. False when it does not; `visit`
 * has then seen those before the fault.
 */
export function walkExtensions(
  bytes: Uint8Array,
  from: number,
  end: number,
  visit: (type: number, dataAt: number, dataEnd: number) => void,
): boolean {
  let at = from
  while (at + 4 <= end) {
    const dataAt = at + 4
    const dataEnd = dataAt + read16(bytes, at + 2)
    if (dataEnd > end) return false
    visit(read16(bytes, at), dataAt, dataEnd)
    at = dataEnd
  }
  return at === end
}
