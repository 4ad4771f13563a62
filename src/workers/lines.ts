/** Longest line of a channel: a store value of 1 MiB in base64, or a configuration of 1 MiB with its quotes escaped. */
export const LINE_BYTES_MAX = 4 << 20

const LINE_FEED = 0x0a

/** Cuts a stream of bytes into lines, the same ones for every split of it. Holds at most one line. */
export class LineReader {
  readonly #bytesMax: number
  #parts: Buffer[] = []
  #length = 0

  constructor(bytesMax = LINE_BYTES_MAX) {
    this.#bytesMax = bytesMax
  }

  /** The lines that end in `chunk`, without their line feeds; undefined once a line is too long, and from then on. */
  push(chunk: Uint8Array): string[] | undefined {
    const lines: string[] = []
    let from = 0
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, from)) {
      if (!this.#keep(chunk.subarray(from, end))) return undefined
      lines.push(Buffer.concat(this.#parts).toString('utf8'))
      this.#parts = []
      this.#length = 0
      from = end + 1
    }
    return this.#keep(chunk.subarray(from)) ? lines : undefined
  }

  #keep(part: Uint8Array): boolean {
    this.#length += part.length
    if (this.#length > this.#bytesMax) return false
    // Copied: the chunk is the reader's own.
    if (part.length > 0) this.#parts.push(Buffer.from(part))
    return true
  }
}
