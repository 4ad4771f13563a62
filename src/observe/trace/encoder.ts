import { crc32 } from 'node:zlib'
import { write32le } from '../../core/protocol/bytes.ts'
import {
  BLOCK_HEAD_BYTES,
  HEAD_BYTES,
  KIND,
  MAGIC,
  NO_WORD,
  RECORD_MAX_BYTES,
  VERSION,
  WORDS,
  type TraceRecord,
  type WordTable,
} from './layout.ts'

/** Flushed when it is full, and each second. */
const BLOCK_BYTES = 32 << 10
/** Of the base of a payload. */
const VARINT_MAX_BYTES = 8

type Of<K extends TraceRecord['kind']> = Omit<Extract<TraceRecord, { kind: K }>, 'kind' | 'atMs'>

/** The first bytes of a file. */
export function fileHead(): Uint8Array {
  const head = new Uint8Array(HEAD_BYTES)
  for (let at = 0; at < MAGIC.length; at++) head[at] = MAGIC.charCodeAt(at)
  head[MAGIC.length] = VERSION
  return head
}

/**
 * Records in, blocks out: the layout is drawn in `layout.ts`. One method a kind, with plain arguments: most are called for every
 * connection. Times are ms since the file's start and do not go back; whoever writes takes the block when it `isFull`.
 */
export class TraceEncoder {
  /** In the block that is being filled. */
  records = 0
  #bytes = new Uint8Array(BLOCK_BYTES)
  #at = BLOCK_HEAD_BYTES
  #lastMs = 0
  #lastConnection = 0

  get isFull(): boolean {
    return this.#at > BLOCK_BYTES - RECORD_MAX_BYTES
  }

  /** The block so far, with its head; undefined when there is nothing in it. What follows is in the next one. */
  take(): Uint8Array | undefined {
    if (this.records === 0) return undefined
    const block = this.#bytes.slice(0, this.#at)
    const payload = block.subarray(BLOCK_HEAD_BYTES)
    write32le(block, 0, payload.length)
    write32le(block, 4, crc32(payload))
    if (this.#bytes.length > BLOCK_BYTES) this.#bytes = new Uint8Array(BLOCK_BYTES)
    this.records = 0
    this.#at = BLOCK_HEAD_BYTES
    this.#lastConnection = 0
    return block
  }

  start(ms: number, { start }: Of<'start'>): void {
    this.#begin(KIND.start, ms)
    this.#text(JSON.stringify(start))
  }

  config(ms: number, { config }: Of<'config'>): void {
    this.#begin(KIND.config, ms)
    this.#text(JSON.stringify(config))
  }

  /** `ip`: encrypted already. */
  judged(ms: number, { connection, ip, level, refusal }: Of<'judged'>): void {
    this.#of(KIND.judged, ms, connection)
    const family = ip.length === 4 ? 0 : 4
    this.#byte(codeOf('level', level) | family | (refusal === undefined ? 0 : 8))
    this.#raw(ip)
    if (refusal !== undefined) this.#byte(codeOf('reject', refusal))
  }

  greeted(ms: number, { connection, refusal }: Of<'greeted'>): void {
    this.#of(KIND.greeted, ms, connection)
    this.#byte(refusal === undefined ? NO_WORD : codeOf('reject', refusal))
  }

  keptOut(ms: number, { connection, user, reason }: Of<'kept-out'>): void {
    this.#of(KIND.keptOut, ms, connection)
    this.#number(user)
    this.#byte(codeOf('reject', reason))
  }

  entered(ms: number, { connection, user }: Of<'entered'>): void {
    this.#of(KIND.entered, ms, connection)
    this.#number(user)
  }

  authenticated(ms: number, { connection, mode, dc }: Of<'authenticated'>): void {
    this.#of(KIND.authenticated, ms, connection)
    this.#byte(codeOf('mode', mode))
    this.#signed(dc)
  }

  rejected(ms: number, { connection, reason, trials }: Of<'rejected'>): void {
    this.#of(KIND.rejected, ms, connection)
    this.#byte(codeOf('reject', reason))
    this.#number(trials)
  }

  relaying(ms: number, { connection, way, dc, waitMs }: Of<'relaying'>): void {
    this.#of(KIND.relaying, ms, connection)
    this.#byte(codeOf('way', way))
    this.#signed(dc)
    this.#number(waitMs)
  }

  closed(ms: number, { connection, reason, outcome, fromClientBytes, toClientBytes, ageMs }: Of<'closed'>): void {
    this.#of(KIND.closed, ms, connection)
    this.#byte(codeOf('close', reason))
    this.#byte(codeOf('outcome', outcome))
    this.#number(fromClientBytes)
    this.#number(toClientBytes)
    this.#number(ageMs)
  }

  /** `ip`: encrypted already, as for `unbanned`. */
  banned(ms: number, { ip, bits, reason, forMs, times, score }: Of<'banned'>): void {
    this.#begin(KIND.banned, ms)
    this.#prefix(ip, bits)
    this.#byte(codeOf('ban', reason))
    this.#number(forMs)
    this.#number(times)
    this.#number(score)
  }

  unbanned(ms: number, { ip, bits }: Of<'unbanned'>): void {
    this.#begin(KIND.unbanned, ms)
    this.#prefix(ip, bits)
  }

  attack(ms: number, { detector, state, isAnswered }: Of<'attack'>): void {
    this.#begin(KIND.attack, ms)
    this.#text(detector)
    this.#byte(state === 'begun' ? 1 : 0)
    this.#byte(isAnswered ? 1 : 0)
  }

  overload(ms: number, { resource, level }: Of<'overload'>): void {
    this.#begin(KIND.overload, ms)
    this.#byte(codeOf('resource', resource))
    this.#byte(level)
  }

  lost(ms: number, { records }: Of<'lost'>): void {
    this.#begin(KIND.lost, ms)
    this.#number(records)
  }

  end(ms: number): void {
    this.#begin(KIND.end, ms)
  }

  #begin(kind: number, ms: number): void {
    // Clocks do not go back; whole numbers of them do not either.
    const now = Math.floor(ms)
    if (this.records === 0) {
      this.#number(now)
      this.#lastMs = now
    }
    this.records++
    this.#byte(kind)
    this.#number(Math.max(0, now - this.#lastMs))
    this.#lastMs = Math.max(this.#lastMs, now)
  }

  #of(kind: number, ms: number, connection: number): void {
    this.#begin(kind, ms)
    this.#signed(connection - this.#lastConnection)
    this.#lastConnection = connection
  }

  #prefix(ip: Uint8Array, bits: number): void {
    this.#byte(bits)
    this.#byte(ip.length)
    this.#raw(ip.subarray(0, (bits + 7) >> 3))
  }

  /** Of any length: the only field that may need more room than a block has. */
  #text(text: string): void {
    const utf8 = new TextEncoder().encode(text)
    const needed = this.#at + utf8.length + VARINT_MAX_BYTES + RECORD_MAX_BYTES
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(needed)
      larger.set(this.#bytes.subarray(0, this.#at))
      this.#bytes = larger
    }
    this.#number(utf8.length)
    this.#raw(utf8)
  }

  #raw(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#at)
    this.#at += bytes.length
  }

  #byte(value: number): void {
    this.#bytes[this.#at++] = value
  }

  #signed(value: number): void {
    this.#number(value < 0 ? -2 * value - 1 : 2 * value)
  }

  #number(value: number): void {
    let rest = Math.max(0, Math.floor(value))
    while (rest > 0x7f) {
      this.#bytes[this.#at++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.#bytes[this.#at++] = rest
  }
}

function codeOf(table: WordTable, word: string): number {
  return (WORDS[table] as readonly string[]).indexOf(word)
}
