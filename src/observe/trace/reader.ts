import { crc32 } from 'node:zlib'
import { ACCESS_LEVELS } from '../../core/guard/access/levels.ts'
import { read32le } from '../../core/protocol/bytes.ts'
import {
  BLOCK_HEAD_BYTES,
  HEAD_BYTES,
  KIND,
  MAGIC,
  NO_WORD,
  PAYLOAD_MAX_BYTES,
  VERSION,
  type TraceRecord,
  type TraceStart,
  type WordTable,
} from './layout.ts'
import { startSchema } from './recorded.ts'

/** How it stands with a file. `cut`: what comes after `wholeBytes` is no whole block; what came before it was read. */
export type TraceState =
  | { readonly kind: 'whole' }
  | { readonly kind: 'no-trace' }
  | { readonly kind: 'other-version'; readonly version: number }
  | { readonly kind: 'cut'; readonly wholeBytes: number; readonly why: string }

/** Bytes of one file in, records out, the same for every split. After the first bad byte nothing more is read. */
export class TraceReader {
  readonly #onRecord: (record: TraceRecord) => void
  #waiting = new Uint8Array(0)
  #wholeBytes = 0
  #start: TraceStart | undefined
  #bad: TraceState | undefined

  constructor(onRecord: (record: TraceRecord) => void) {
    this.#onRecord = onRecord
  }

  push(chunk: Uint8Array): void {
    if (this.#bad !== undefined) return
    const bytes = new Uint8Array(this.#waiting.length + chunk.length)
    bytes.set(this.#waiting)
    bytes.set(chunk, this.#waiting.length)
    let at = 0
    for (let next = this.#step(bytes, at); next > 0; next = this.#step(bytes, at)) {
      at += next
      this.#wholeBytes += next
    }
    this.#waiting = bytes.slice(at)
  }

  /** After the last `push`. */
  end(): TraceState {
    if (this.#bad !== undefined) return this.#bad
    if (this.#wholeBytes === 0) return { kind: 'no-trace' }
    if (this.#start === undefined || this.#waiting.length > 0)
      return { kind: 'cut', wholeBytes: this.#wholeBytes, why: 'it ends in the middle of a block' }
    return { kind: 'whole' }
  }

  /** Takes one head or one block; returns its length, 0 when more is needed or nothing more is read. */
  #step(bytes: Uint8Array, at: number): number {
    if (this.#bad !== undefined) return 0
    const left = bytes.length - at
    if (this.#wholeBytes === 0) return left < HEAD_BYTES ? 0 : this.#head(bytes)
    if (left < BLOCK_HEAD_BYTES) return 0
    const length = read32le(bytes, at)
    if (length === 0 || length > PAYLOAD_MAX_BYTES) return this.#cut('a block has a length that none can have')
    if (left < BLOCK_HEAD_BYTES + length) return 0
    const from = at + BLOCK_HEAD_BYTES
    const payload = bytes.subarray(from, from + length)
    if (crc32(payload) !== read32le(bytes, at + 4)) return this.#cut('a block does not have the checksum it names')
    const why = this.#payload(payload)
    return why === undefined ? BLOCK_HEAD_BYTES + length : this.#cut(why)
  }

  #head(bytes: Uint8Array): number {
    for (let at = 0; at < MAGIC.length; at++)
      if (bytes[at] !== MAGIC.charCodeAt(at)) {
        this.#bad = { kind: 'no-trace' }
        return 0
      }
    const version = bytes[MAGIC.length]
    if (version !== VERSION) this.#bad = { kind: 'other-version', version }
    return version === VERSION ? HEAD_BYTES : 0
  }

  #cut(why: string): 0 {
    this.#bad = { kind: 'cut', wholeBytes: this.#wholeBytes, why }
    return 0
  }

  /** All of it or nothing: records of a block that does not hold to its end are not told. */
  #payload(payload: Uint8Array): string | undefined {
    const records: TraceRecord[] = []
    const fields = new Fields(payload)
    let ms = fields.number()
    while (!fields.isBad && fields.left > 0) {
      const kind = fields.byte()
      ms += fields.number()
      const record = this.#record(kind, ms, fields)
      if (record === undefined) return 'a block holds what is no record'
      if (record.kind === 'start') this.#start = fields.words = record.start
      records.push(record)
    }
    if (fields.isBad) return 'a record ends in the middle'
    for (const record of records) this.#onRecord(record)
    return undefined
  }

  #record(kind: number, atMs: number, fields: Fields): TraceRecord | undefined {
    fields.words = this.#start
    if ((kind === KIND.start) !== (this.#start === undefined)) return undefined
    const record = readRecord(kind, atMs, fields)
    return fields.isBad ? undefined : record
  }
}

function readRecord(kind: number, atMs: number, fields: Fields): TraceRecord | undefined {
  switch (kind) {
    case KIND.start: {
      const start = startSchema.safeParse(fields.json())
      return start.success ? { kind: 'start', atMs, start: start.data } : undefined
    }
    case KIND.config:
      return { kind: 'config', atMs, config: fields.json() }
    case KIND.judged: {
      const connection = fields.connection()
      const what = fields.byte()
      const ip = fields.raw(what & 4 ? 16 : 4)
      const level = ACCESS_LEVELS.find((each) => each === fields.wordAt('level', what & 3))
      const refusal = what & 8 ? fields.word('reject') : undefined
      return level && ({ kind: 'judged', atMs, connection, ip, level, refusal } as TraceRecord)
    }
    case KIND.greeted:
      return {
        kind: 'greeted',
        atMs,
        connection: fields.connection(),
        refusal: fields.optional('reject'),
      } as TraceRecord
    case KIND.keptOut:
      return {
        ...{ kind: 'kept-out', atMs, connection: fields.connection(), user: fields.number() },
        reason: fields.word('reject'),
      } as TraceRecord
    case KIND.entered:
      return { kind: 'entered', atMs, connection: fields.connection(), user: fields.number() }
    case KIND.authenticated:
      return {
        ...{ kind: 'authenticated', atMs, connection: fields.connection(), mode: fields.word('mode') },
        dc: fields.signed(),
      } as TraceRecord
    case KIND.rejected:
      return {
        ...{ kind: 'rejected', atMs, connection: fields.connection(), reason: fields.word('reject') },
        trials: fields.number(),
      } as TraceRecord
    case KIND.relaying:
      return {
        ...{ kind: 'relaying', atMs, connection: fields.connection(), way: fields.word('way'), dc: fields.signed() },
        waitMs: fields.number(),
      } as TraceRecord
    case KIND.closed:
      return {
        ...{ kind: 'closed', atMs, connection: fields.connection(), reason: fields.word('close') },
        ...{ outcome: fields.word('outcome'), fromClientBytes: fields.number(), toClientBytes: fields.number() },
        ageMs: fields.number(),
      } as TraceRecord
    default:
      return readRare(kind, atMs, fields)
  }
}

/** What is not about one connection. */
function readRare(kind: number, atMs: number, fields: Fields): TraceRecord | undefined {
  switch (kind) {
    case KIND.banned:
      return {
        ...{ kind: 'banned', atMs, ...fields.prefix(), reason: fields.word('ban'), forMs: fields.number() },
        ...{ times: fields.number(), score: fields.number() },
      } as TraceRecord
    case KIND.unbanned:
      return { kind: 'unbanned', atMs, ...fields.prefix() }
    case KIND.attack:
      return {
        ...{ kind: 'attack', atMs, detector: fields.text() },
        ...{ state: fields.byte() === 1 ? 'begun' : 'over', isAnswered: fields.byte() === 1 },
      }
    case KIND.overload:
      return {
        kind: 'overload',
        atMs,
        resource: fields.word('resource'),
        level: Math.min(2, fields.byte()),
      } as TraceRecord
    case KIND.lost:
      return { kind: 'lost', atMs, records: fields.number() }
    case KIND.end:
      return { kind: 'end', atMs }
    default:
      return undefined
  }
}

/** A cursor over one payload. What is not there reads as zero and makes it bad. */
class Fields {
  isBad = false
  /** Whose tables count. */
  words: TraceStart | undefined
  readonly #bytes: Uint8Array
  #at = 0
  #lastConnection = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  byte(): number {
    return this.#has(1) ? this.#bytes[this.#at++] : 0
  }

  raw(length: number): Uint8Array {
    if (!this.#has(length)) return new Uint8Array(length)
    this.#at += length
    return this.#bytes.slice(this.#at - length, this.#at)
  }

  number(): number {
    let value = 0
    for (let scale = 1; scale <= Number.MAX_SAFE_INTEGER; scale *= 0x80) {
      const byte = this.byte()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) this.isBad = true
        return value
      }
    }
    this.isBad = true
    return 0
  }

  signed(): number {
    const value = this.number()
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  connection(): number {
    return (this.#lastConnection += this.signed())
  }

  word(table: WordTable): string {
    return this.wordAt(table, this.byte())
  }

  optional(table: WordTable): string | undefined {
    const code = this.byte()
    return code === NO_WORD ? undefined : this.wordAt(table, code)
  }

  wordAt(table: WordTable, code: number): string {
    const word = this.words?.words[table][code]
    if (word === undefined) this.isBad = true
    return word ?? ''
  }

  prefix(): { ip: Uint8Array; bits: number } {
    const bits = this.byte()
    const length = this.byte()
    if ((length !== 4 && length !== 16) || bits > 8 * length) this.isBad = true
    const ip = new Uint8Array(length === 4 ? 4 : 16)
    if (!this.isBad) ip.set(this.raw((bits + 7) >> 3))
    return { ip, bits }
  }

  text(): string {
    return new TextDecoder().decode(this.raw(Math.min(this.number(), PAYLOAD_MAX_BYTES)))
  }

  json(): unknown {
    const text = this.text()
    if (this.isBad) return undefined
    try {
      return JSON.parse(text) as unknown
    } catch {
      this.isBad = true
      return undefined
    }
  }

  #has(length: number): boolean {
    if (this.left < length) this.isBad = true
    return !this.isBad
  }
}
