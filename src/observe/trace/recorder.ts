import { parseCidr, parseIp } from '../../core/address.ts'
import type { ProxyEvent } from '../../core/events.ts'
import { BAN_REASONS } from '../../core/guard/sources/bans.ts'
import type { SecretId } from '../../core/ports.ts'
import { concat } from '../../core/protocol/bytes.ts'
import { fileHead, TraceEncoder } from './encoder.ts'
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
/** Bans that the beginning of a file tells of: what a block holds with room to spare. */
const BANS_MAX = 1_000

/**
 * Events of one process in, a trace out: what a replay needs, without payload, addresses encrypted before anything else sees them
 * (I24). It holds one block and no more. `tick` at least each second.
 */
export class TraceRecorder {
  readonly counts = { records: 0, bytes: 0, lost: 0 }
  rotateBytes: number
  readonly #options: RecorderOptions
  readonly #encoder = new TraceEncoder()
  #standing: Standing
  #startMs = 0
  #flushedMs = 0
  #fileBytes = 0
  #sequence = 0

  constructor(options: RecorderOptions) {
    this.#options = options
    this.#standing = options.standing
    this.rotateBytes = options.rotateBytes
    this.#begin()
  }

  readonly emit = (event: ProxyEvent): void => {
    if (!this.#record(event)) return
    if (this.#encoder.isFull) this.#flush()
  }

  /** Another configuration is in force from now on. */
  configure(standing: Standing): void {
    const isSame = standing.config.digest === this.#standing.config.digest
    this.#standing = standing
    if (isSame) return
    this.#flush()
    this.#encoder.config(this.#ms, standing)
    this.#flush()
  }

  tick(): void {
    if (this.#options.mono() - this.#flushedMs >= FLUSH_MS) this.#flush()
  }

  /** Nothing may follow. */
  end(): void {
    this.#encoder.end(this.#ms)
    this.#flush()
  }

  get #ms(): number {
    return this.#options.mono() - this.#startMs
  }

  /** False for what is not recorded. */
  #record(event: ProxyEvent): boolean {
    const encoder = this.#encoder
    switch (event.kind) {
      case 'judged': {
        const { connection, level, refusal } = event
        const ip = this.#encrypted(event.client.ip)
        if (ip !== undefined) encoder.judged(this.#ms, { connection, ip, level, refusal })
        return ip !== undefined
      }
      case 'greeted':
        encoder.greeted(this.#ms, event)
        return true
      case 'kept-out': {
        const { connection, reason } = event
        encoder.keptOut(this.#ms, { connection, reason, user: this.#userOf(event.secret) })
        return true
      }
      case 'entered':
        encoder.entered(this.#ms, { connection: event.connection, user: this.#userOf(event.secret) })
        return true
      case 'authenticated':
        encoder.authenticated(this.#ms, event)
        return true
      case 'rejected':
        encoder.rejected(this.#ms, event)
        return true
      case 'relaying':
        encoder.relaying(this.#ms, event)
        return true
      case 'closed':
        encoder.closed(this.#ms, event)
        return true
      case 'banned':
        return this.#ban(event, event.score)
      case 'unbanned': {
        const prefix = this.#prefix(event.prefix)
        if (prefix !== undefined) encoder.unbanned(this.#ms, prefix)
        return prefix !== undefined
      }
      case 'attack':
        encoder.attack(this.#ms, event)
        return true
      case 'overload':
        encoder.overload(this.#ms, event)
        return true
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
        return false
    }
  }

  #ban({ prefix: text, reason, forMs, times }: StandingBan, score: number): boolean {
    const prefix = this.#prefix(text)
    const why = BAN_REASONS.find((each) => each === reason)
    if (prefix === undefined || why === undefined) return false
    this.#encoder.banned(this.#ms, { ...prefix, reason: why, forMs, times, score })
    return true
  }

  #encrypted(text: string): Uint8Array | undefined {
    const ip = parseIp(text)
    return ip === undefined ? undefined : this.#options.cipher.encrypt(ip)
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
      this.#ban(ban, 0)
    }
  }

  #flush(): void {
    const { sink, mono } = this.#options
    this.#flushedMs = mono()
    const { records } = this.#encoder
    const block = this.#encoder.take()
    if (block === undefined) return
    const isTaken = sink.write(block)
    if (isTaken) {
      this.counts.records += records
      this.counts.bytes += block.length
      this.#fileBytes += block.length
    } else this.counts.lost += records
    if (this.#fileBytes >= this.rotateBytes) this.#begin()
    // The sum, so that it does not matter when this one gets lost as well.
    if (!isTaken) this.#encoder.lost(this.#ms, { records: this.counts.lost })
  }
}
