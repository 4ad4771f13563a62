import { createHash } from 'node:crypto'
import { ctr } from '../../src/core/protocol/ctr.ts'
import { sha256 } from './crypto.ts'
import { TlWriter } from './tl.ts'

/**
 * Files that exist because somebody asks for them: the content of a file is an AES-256-CTR key stream under a key made of its
 * id, so that every part can be made, and checked, without the others.
 */
const IV = new Uint8Array(16)

/** `length` bytes of file `id` from `offset` (0..2^31) on. */
export function fileBytes(id: bigint, offset: number, length: number): Uint8Array {
  const key = sha256(new TlWriter().text('file').u64(BigInt.asUintN(64, id)).done())
  return ctr({ key, iv: IV }, offset).update(new Uint8Array(length))
}

const HASH_STEP_BYTES = 1 << 20

/** SHA-256 of the first `length` bytes, in hex. */
export function fileSha256(id: bigint, length: number): string {
  const hash = createHash('sha256')
  for (let at = 0; at < length; at += HASH_STEP_BYTES) {
    hash.update(fileBytes(id, at, Math.min(HASH_STEP_BYTES, length - at)))
  }
  return hash.digest('hex')
}

export interface UploadedPart {
  readonly fileId: bigint
  readonly part: number
  readonly bytes: number
  readonly sha256: string
}

/** What clients sent up: digests of the latest parts, and how much it was. */
export class UploadLog {
  readonly #partsMax: number
  readonly #parts: UploadedPart[] = []
  #bytes = 0

  constructor(partsMax = 4096) {
    this.#partsMax = partsMax
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Latest last; older ones than the most that are kept are forgotten. */
  get parts(): readonly UploadedPart[] {
    return this.#parts
  }

  add(fileId: bigint, part: number, content: Uint8Array): void {
    this.#bytes += content.length
    const sha256 = createHash('sha256').update(content).digest('hex')
    this.#parts.push({ fileId, part, bytes: content.length, sha256 })
    if (this.#parts.length > 2 * this.#partsMax) this.#parts.splice(0, this.#partsMax)
  }
}
