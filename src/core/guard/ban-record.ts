import { crc32 } from 'node:zlib'
import { read32le, write32le } from '../protocol/bytes.ts'
import { BAN_REASONS, type Ban } from './sources/bans.ts'
import { formatPrefix, isTag, parsePrefix, type Prefix } from './sources/prefix.ts'

// One ban: words(16) | tag(2) | times(1) | reason(1) | over at, unix seconds(4) | CRC-32 of all before(4):
// one bit that broke on the disk would ban somebody else, or until the next century.
export const BAN_BYTES = 28
const TAG_AT = 16
const TIMES_AT = 18
const REASON_AT = 19
const UNTIL_AT = 20
const CHECK_AT = 24

/** A ban as it lies on the disk, where only the wall clock means anything. */
export interface StoredBan {
  readonly ban: Omit<Ban, 'untilMs'>
  /** Unix seconds. */
  readonly untilSec: number
}

/** Fills `BAN_BYTES` of `out`. */
export function writeBan(out: Uint8Array, { prefix, times, reason }: Ban, untilSec: number): void {
  prefix.words.forEach((word, at) => write32le(out, 4 * at, word))
  out[TAG_AT] = prefix.tag & 0xff
  out[TAG_AT + 1] = prefix.tag >> 8
  out[TIMES_AT] = times
  out[REASON_AT] = BAN_REASONS.indexOf(reason)
  write32le(out, UNTIL_AT, Math.max(0, Math.ceil(untilSec)))
  write32le(out, CHECK_AT, checkOf(out))
}

function checkOf(record: Uint8Array): number {
  return crc32(record.subarray(0, CHECK_AT))
}

/** The bans in a value of the store; what is none of ours is passed over. */
export function readBans(value: Uint8Array): StoredBan[] {
  const bans: StoredBan[] = []
  for (let at = 0; at + BAN_BYTES <= value.length; at += BAN_BYTES) {
    const read = readBan(value.subarray(at, at + BAN_BYTES))
    if (read !== undefined) bans.push(read)
  }
  return bans
}

function readBan(bytes: Uint8Array): StoredBan | undefined {
  if (read32le(bytes, CHECK_AT) !== checkOf(bytes)) return undefined
  const words = Uint32Array.from([0, 4, 8, 12], (at) => read32le(bytes, at))
  const prefix = { words, tag: bytes[TAG_AT] | (bytes[TAG_AT + 1] << 8) }
  // A ban of what nobody can name could not be lifted by hand either.
  if (bytes[REASON_AT] >= BAN_REASONS.length || bytes[TIMES_AT] === 0 || !isNameable(prefix)) return undefined
  const ban = { prefix, times: bytes[TIMES_AT], reason: BAN_REASONS[bytes[REASON_AT]] }
  return { ban, untilSec: read32le(bytes, UNTIL_AT) }
}

function isNameable(prefix: Prefix): boolean {
  const named = isTag(prefix.tag) ? parsePrefix(formatPrefix(prefix)) : undefined
  return named?.tag === prefix.tag && named.words.every((word, at) => word === prefix.words[at])
}
