import { APPLICATION_DATA, CCS_RECORD, ENCRYPTED_MAX, RECORD_HEADER, RECORD_MAX } from './tls.ts'

/**
 * After the hellos both sides send 17 03 03 | length(2) | payload; the payloads are one stream, whose cuts mean nothing
 * (protocol.md, 4.6). A client puts the record 14 03 03 00 01 01 before its first.
 */
export interface RecordReaderOptions {
  /** A client reads a proxy's records, which have no change-cipher-spec in front. False unless said. */
  readonly isClient?: boolean
}

/** Takes the records off a stream, in place. */
export class RecordReader {
  /** Bytes of the leading change-cipher-spec that are still to come, as an index into it. */
  #prefixAt: number
  #headerAt = 0
  #length = 0
  /** Bytes of the current payload still to come. */
  #left = 0
  #isViolated = false

  constructor(options: RecordReaderOptions = {}) {
    this.#prefixAt = options.isClient === true ? CCS_RECORD.length : 0
  }

  /**
   * The payload in `chunk`, moved together: a view into `chunk`, empty when there is none yet. Undefined when this is no
   * record of 1..16640 bytes; from then on always.
   */
  push(chunk: Uint8Array): Uint8Array | undefined {
    let at = 0
    let from = 0
    let end = 0
    while (at < chunk.length && !this.#isViolated) {
      if (this.#left === 0) {
        at = this.#takeHeader(chunk, at)
        continue
      }
      const length = Math.min(this.#left, chunk.length - at)
      // The first piece stays where it is, so that a chunk of one record is not copied at all.
      if (end === 0) from = end = at
      else chunk.copyWithin(end, at, at + length)
      end += length
      at += length
      this.#left -= length
    }
    return this.#isViolated ? undefined : chunk.subarray(from, end)
  }

  #takeHeader(chunk: Uint8Array, from: number): number {
    let at = from
    while (this.#prefixAt < CCS_RECORD.length && at < chunk.length) {
      if (chunk[at++] !== CCS_RECORD[this.#prefixAt++]) return this.#violate(at)
    }
    while (this.#headerAt < RECORD_HEADER && at < chunk.length) {
      const byte = chunk[at++]
      const index = this.#headerAt++
      if (index === 0 ? byte !== APPLICATION_DATA : index < 3 && byte !== 3) return this.#violate(at)
      if (index >= 3) this.#length = ((this.#length << 8) | byte) & 0xffff
    }
    if (this.#headerAt < RECORD_HEADER) return at
    if (this.#length === 0 || this.#length > ENCRYPTED_MAX) return this.#violate(at)
    this.#left = this.#length
    this.#headerAt = 0
    return at
  }

  #violate(at: number): number {
    this.#isViolated = true
    return at
  }
}

/** Bytes that `payloadBytes` take as records. */
export function wrappedLength(payloadBytes: number): number {
  return payloadBytes + RECORD_HEADER * Math.ceil(payloadBytes / RECORD_MAX)
}

/**
 * Writes `payload` into `out` as records of 16384 bytes and a last one of the rest; returns the length, `wrappedLength` of it.
 * No record for no payload: some clients do not take empty ones. `out` is long enough and another piece of memory.
 */
export function wrapRecords(payload: Uint8Array, out: Uint8Array): number {
  const { length } = payload
  if (length <= RECORD_MAX) {
    if (length === 0) return 0
    writeHeader(out, 0, length)
    out.set(payload, RECORD_HEADER)
    return RECORD_HEADER + length
  }
  let to = 0
  for (let at = 0; at < length; at += RECORD_MAX) {
    const end = Math.min(length, at + RECORD_MAX)
    writeHeader(out, to, end - at)
    out.set(payload.subarray(at, end), to + RECORD_HEADER)
    to += RECORD_HEADER + end - at
  }
  return to
}

function writeHeader(out: Uint8Array, at: number, length: number): void {
  out[at] = APPLICATION_DATA
  out[at + 1] = out[at + 2] = 3
  out[at + 3] = length >> 8
  out[at + 4] = length
}
