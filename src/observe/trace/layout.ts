import {
  CLOSE_REASONS,
  MODES,
  OVERLOAD_RESOURCES,
  REJECT_REASONS,
  WAYS,
  type CloseReason,
  type Mode,
  type Outcome,
  type OverloadLevel,
  type OverloadResource,
  type RejectReason,
  type Way,
} from '../../core/events.ts'
import { ACCESS_LEVELS, type AccessLevel } from '../../core/guard/access/levels.ts'
import { BAN_REASONS, type BanReason } from '../../core/guard/sources/bans.ts'

/**
 * A trace file. Numbers marked v are unsigned LEB128, below 2^53; z is the same of a zigzag: 0, -1, 1, -2, ...
 *
 *   file     "PALTRACE"(8) | version(1) | block...
 *   block    length of the payload(4, LE) | CRC-32 of the payload(4, LE) | payload
 *   payload  ms from the file's start to its first record(v) | record...
 *   record   kind(1) | ms since the record before it in the payload(v) | fields
 *
 *   1 start          JSON: length(v) | UTF-8            `TraceStart`; the first record, and nowhere else
 *   2 config         JSON: length(v) | UTF-8            the configuration in force from now on (`recorded.ts`); the second record
 *   3 judged         connection(z) | what(1) | address(4 or 16) | refusal(1), if there is one
 *                    what: level in bits 0-1, 4: IPv6, 8: refused
 *   4 greeted        connection(z) | refusal(1); 255: none
 *   5 kept out       connection(z) | user(v) | reason(1)
 *   6 entered        connection(z) | user(v)
 *   7 authenticated  connection(z) | mode(1) | dc(z)
 *   8 rejected       connection(z) | reason(1) | trials(v)
 *   9 relaying       connection(z) | way(1) | dc(z) | waited ms(v)
 *  10 closed         connection(z) | reason(1) | outcome(1) | bytes from client(v) | to client(v) | age ms(v)
 *  11 banned         bits(1) | bytes of the address(1: 4 or 16) | prefix(as many bytes as hold its bits) | reason(1)
 *                    | for ms(v) | times(v) | score(v)
 *  12 unbanned       bits(1) | bytes of the address(1) | prefix
 *  13 attack         detector: length(v) | UTF-8 | 1 begun, 0 over(1) | answered(1)
 *  14 overload       resource(1) | level(1)
 *  15 lost           records of this process that the disk was too slow for, all so far(v)
 *  16 end            none: the recording ended in order
 *
 * A connection is its distance from the one named before it in the payload, so that a payload is read without those before it. A
 * user is the place in the table of the configuration in force plus one; 0 is none of it. Reasons, modes, ways, levels and resources
 * are places in the tables of `TraceStart.words`. Addresses and prefixes are encrypted by `PrefixCipher`, never in clear (I24).
 */
export const MAGIC = 'PALTRACE'
export const VERSION = 1
export const HEAD_BYTES = MAGIC.length + 1
export const BLOCK_HEAD_BYTES = 8
/** A configuration is the largest record there is: some hundred bytes for each user and rule. */
export const PAYLOAD_MAX_BYTES = 16 << 20
/** Of any record that holds no JSON and no name. */
export const RECORD_MAX_BYTES = 80
export const NO_WORD = 255

export const KIND = {
  ...{ start: 1, config: 2, judged: 3, greeted: 4, keptOut: 5, entered: 6, authenticated: 7, rejected: 8 },
  ...{ relaying: 9, closed: 10, banned: 11, unbanned: 12, attack: 13, overload: 14, lost: 15, end: 16 },
} as const

export const OUTCOMES = ['relayed', 'masked', 'discarded', 'failed'] as const satisfies readonly Outcome[]

/** What a trace has codes for. A file brings its own tables: codes of another version may differ. */
export const WORDS = {
  level: ACCESS_LEVELS,
  reject: REJECT_REASONS,
  close: CLOSE_REASONS,
  outcome: OUTCOMES,
  mode: MODES,
  way: WAYS,
  resource: OVERLOAD_RESOURCES,
  ban: BAN_REASONS,
} as const satisfies Readonly<Record<string, readonly string[]>>
export type WordTable = keyof typeof WORDS
export type Words = Readonly<Record<WordTable, readonly string[]>>

export interface TraceStart {
  /** Of Palisade. */
  readonly version: string
  /** Of the process among those of the proxy. */
  readonly worker: number
  /** The same in all files of one process, and in no others: 16 hex digits. */
  readonly run: string
  /** Of its files, from 0. */
  readonly sequence: number
  /** Names the key of the addresses without telling it: 16 hex digits. */
  readonly keyId: string
  /** The two clocks at the file's start: unix seconds, and ms since the machine's start. */
  readonly wallSec: number
  readonly monoMs: number
  readonly words: Words
}

export interface EncryptedPrefix {
  /** 4 or 16 bytes, those behind the prefix zero. */
  readonly ip: Uint8Array
  readonly bits: number
}

/** One record as it was read. `atMs` counts from the file's start; addresses are encrypted. */
export type TraceRecord = { readonly atMs: number } & (
  | { readonly kind: 'start'; readonly start: TraceStart }
  | { readonly kind: 'config'; readonly config: unknown }
  | {
      readonly kind: 'judged'
      readonly connection: number
      readonly ip: Uint8Array
      readonly level: AccessLevel
      readonly refusal: RejectReason | undefined
    }
  | { readonly kind: 'greeted'; readonly connection: number; readonly refusal: RejectReason | undefined }
  | { readonly kind: 'kept-out'; readonly connection: number; readonly user: number; readonly reason: RejectReason }
  | { readonly kind: 'entered'; readonly connection: number; readonly user: number }
  | { readonly kind: 'authenticated'; readonly connection: number; readonly mode: Mode; readonly dc: number }
  | { readonly kind: 'rejected'; readonly connection: number; readonly reason: RejectReason; readonly trials: number }
  | {
      readonly kind: 'relaying'
      readonly connection: number
      readonly way: Way
      readonly dc: number
      readonly waitMs: number
    }
  | {
      readonly kind: 'closed'
      readonly connection: number
      readonly reason: CloseReason
      readonly outcome: Outcome
      readonly fromClientBytes: number
      readonly toClientBytes: number
      readonly ageMs: number
    }
  | ({
      readonly kind: 'banned'
      readonly reason: BanReason
      readonly forMs: number
      readonly times: number
      readonly score: number
    } & EncryptedPrefix)
  | ({ readonly kind: 'unbanned' } & EncryptedPrefix)
  | {
      readonly kind: 'attack'
      readonly detector: string
      readonly state: 'begun' | 'over'
      readonly isAnswered: boolean
    }
  | { readonly kind: 'overload'; readonly resource: OverloadResource; readonly level: OverloadLevel }
  | { readonly kind: 'lost'; readonly records: number }
  | { readonly kind: 'end' }
)
