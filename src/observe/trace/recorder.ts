import { parseCidr } from '../../core/address.ts'
import type { ProxyEvent } from '../../core/events.ts'
import { BAN_REASONS } from '../../core/guard/sources/bans.ts'
import type { SecretId } from '../../core/ports.ts'
import { concat } from '../../core/protocol/bytes.ts'
import { fileHead, TraceEncoder } from './encoder.ts'
import { KnownAddresses } from './known-addresses.ts'
import { WORDS, type EncryptedPrefix, type TraceStart } from './layout.ts'
import type { PrefixCipher } from './prefix-cipher.ts'
import { maskPrefix } from './prefixes.ts'
import type { RecordedConfig } from './recorded.ts'

/** Where blocks go. It never waits: what it has no room for it does not take. */
export interface TraceSink {
  /** A new file, which begins with these bytes; those before it are kept as far as is configured. */
  begin(head: Uint8Array): void
  /** False: not taken, and lost. */
  write(block: Uint8Array): boolean
}

/** What is in force, and what a replay has to know of the state it starts from. */
export interface Standing {
  readonly config: RecordedConfig
  /** Places in `config.users`, by the ids that events name. */
  readonly users: ReadonlyMap<SecretId, number>
}

/** A ban as it stood when a file began. */
export type StandingBan = Omit<ProxyEvent & { readonly kind: 'banned' }, 'kind' | 'score'>

export interface RecorderOptions {
  readonly sink: TraceSink
  readonly cipher: PrefixCipher
  readonly about: Pick<TraceStart, 'version' | 'worker' | 'run' | 'keyId'>
  /** Monotonic ms, and unix seconds. */
  readonly mono: () => number
  readonly wall: () => number
  readonly rotateBytes: number
  readonly standing: Standing
  /** Asked at the beginning of each file. */
  readonly bans: () => Iterable<StandingBan>
}

/** How long records may wait for the disk. */
const FLUSH_MS = 1_000
/** Events that may wait to be recorded. */
const WAITING_MAX = 256
/** Bans that the beginning of a file tells of: what a block holds with room to spare. */
const BANS_MAX = 1_000

/**
 * Events of one process in, a trace out: what a replay needs, without payload, addresses encrypted before anything else sees them
 * (I24). It holds one block and no more. `tick` at least each second.
 *
 * Events wait for each other and are recorded together: one by one, between system calls, each would find our code and tables
 * gone from the processor's caches, and cost several times as much.
 */
export class TraceRecorder {
  readonly counts = { records: 0, bytes: 0, lost: 0 }
  rotateBytes: number
  readonly #options: RecorderOptions
  readonly #encoder = new TraceEncoder()
  readonly #addresses: KnownAddresses
  #standing: Standing
  #waiting: ProxyEvent[] = []
  readonly #waitingMs = new Float64Array(WAITING_MAX)
  #startMs = 0
  #flushedMs = 0
  #fileBytes = 0
  #sequence = 0

  constructor(options: RecorderOptions) {
    this.#options = options
    this.#addresses = new KnownAddresses(options.cipher)
    this.#standing = options.standing
    this.rotateBytes = options.rotateBytes
    this.#begin()
  }

  readonly emit = (event: ProxyEvent): void => {
    this.#waitingMs[this.#waiting.length] = this.#ms
    if (this.#waiting.push(event) === WAITING_MAX) this.#recordWaiting()
  }

  /** Another configuration is in force from now on. */
  configure(standing: Standing): void {
    this.#recordWaiting()
    const isSame = standing.config.digest === this.#standing.config.digest
    this.#standing = standing
    if (isSame) return
    this.#flush()
    this.#encoder.config(this.#ms, standing)
    this.#flush()
  }

  tick(): void {
    if (this.#options.mono() - this.#flushedMs < FLUSH_MS) return
    this.#recordWaiting()
    this.#flush()
    this.#rotate()
  }

  /** Nothing may follow. */
  end(): void {
    this.#recordWaiting()
    this.#encoder.end(this.#ms)
    this.#flush()
  }

  #recordWaiting(): void {
    const events = this.#waiting
    this.#waiting = []
    for (let at = 0; at < events.length; at++) {
      this.#record(events[at], this.#waitingMs[at])
      if (this.#encoder.isFull) this.#flush()
    }
    this.#rotate()
  }

  get #ms(): number {
    return this.#options.mono() - this.#startMs
  }

  #record(event: ProxyEvent, atMs: number): void {
    const encoder = this.#encoder
    switch (event.kind) {
      case 'judged': {
        const { connection, level, refusal } = event
        const ip = this.#addresses.encrypted(event.client.ip)
        if (ip !== undefined) encoder.judged(atMs, { connection, ip, level, refusal })
        return
      }
      case 'greeted':
        encoder.greeted(atMs, event)
        return
      case 'kept-out': {
        const { connection, reason } = event
        encoder.keptOut(atMs, { connection, reason, user: this.#userOf(event.secret) })
        return
      }
      case 'entered':
        encoder.entered(atMs, { connection: event.connection, user: this.#userOf(event.secret) })
        return
      case 'authenticated':
        encoder.authenticated(atMs, event)
        return
      case 'rejected':
        encoder.rejected(atMs, event)
        return
      case 'relaying':
        encoder.relaying(atMs, event)
        return
      case 'closed':
        encoder.closed(atMs, event)
        return
      case 'banned':
        this.#ban(event, event.score, atMs)
        return
      case 'unbanned': {
        const prefix = this.#prefix(event.prefix)
        if (prefix !== undefined) encoder.unbanned(atMs, prefix)
        return
      }
      case 'attack':
        encoder.attack(atMs, event)
        return
      case 'overload':
        encoder.overload(atMs, event)
        return
      case 'accepted':
      case 'access-list':
      case 'dial-ahead':
      case 'dial-failed':
      case 'fault':
      case 'link-closed':
      case 'link-opened':
      case 'mask-learnt':
      case 'mask-refused':
      case 'mask-unreachable':
      case 'middle-config':
      case 'migrated':
      case 'name-asked':
      case 'name-state':
      case 'public-address':
      case 'suspect':
      case 'vault':
      case 'would-refuse':
        // None of these is asked for by a replay.
        return
    }
  }

  #ban({ prefix: text, reason, forMs, times }: StandingBan, score: number, atMs: number): void {
    const prefix = this.#prefix(text)
    const why = BAN_REASONS.find((each) => each === reason)
    if (prefix !== undefined && why !== undefined)
      this.#encoder.banned(atMs, { ...prefix, reason: why, forMs, times, score })
  }

  #prefix(text: string): EncryptedPrefix | undefined {
    const range = parseCidr(text)
    if (range === undefined) return undefined
    return { ip: maskPrefix(this.#options.cipher.encrypt(range.base), range.bits), bits: range.bits }
  }

  /** As the file has it; 0 where no reload has told it yet. */
  #userOf(secret: SecretId): number {
    return (this.#standing.users.get(secret) ?? -1) + 1
  }

  #begin(): void {
    const { about, mono, wall, sink } = this.#options
    const encoder = this.#encoder
    this.#startMs = this.#flushedMs = mono()
    const start = { ...about, sequence: this.#sequence++, wallSec: wall(), monoMs: this.#startMs, words: WORDS }
    encoder.start(0, { start })
    encoder.config(0, this.#standing)
    this.#tellBans()
    this.counts.records += encoder.records
    const head = concat(fileHead(), encoder.take() ?? new Uint8Array(0))
    this.#fileBytes = head.length
    this.counts.bytes += head.length
    sink.begin(head)
  }

  #tellBans(): void {
    let told = 0
    for (const ban of this.#options.bans()) {
      if (this.#encoder.isFull || ++told > BANS_MAX) return
      this.#ban(ban, 0, 0)
    }
  }

  #flush(): void {
    const { sink, mono } = this.#options
    this.#flushedMs = mono()
    const { records } = this.#encoder
    const block = this.#encoder.take()
    if (block === undefined) return
    if (sink.write(block)) {
      this.counts.records += records
      this.counts.bytes += block.length
      this.#fileBytes += block.length
      return
    }
    this.counts.lost += records
    // The sum, so that it does not matter when this one gets lost as well.
    this.#encoder.lost(this.#ms, { records: this.counts.lost })
  }

  /** Only when nothing waits: its time would be before the new file's. */
  #rotate(): void {
    if (this.#fileBytes < this.rotateBytes) return
    this.#flush()
    this.#begin()
  }
}
