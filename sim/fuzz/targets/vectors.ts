import vectors from '../../../fixtures/vectors.json' with { type: 'json' }
import { fromAscii, fromHex } from '../../../src/core/protocol/bytes.ts'

/** Bytes of hex of ours. */
export function hex(text: string): Uint8Array {
  return fromHex(text) ?? fromAscii(`not hex: ${text}`)
}

/** Every run of bytes that stands somewhere in a part of the vectors, and that is not too long. */
export function bytesIn(part: unknown, bytesMax: number): Uint8Array[] {
  if (typeof part === 'string') {
    const bytes = part.length > 1 ? fromHex(part) : undefined
    return bytes === undefined || bytes.length > bytesMax ? [] : [bytes]
  }
  return typeof part === 'object' && part !== null ? Object.values(part).flatMap((one) => bytesIn(one, bytesMax)) : []
}

export { vectors }
