import { crc32 } from 'node:zlib'
import { read32le, write32le } from '../../protocol/bytes.ts'
import { QUOTA_PERIODS } from './period.ts'
import type { QuotaRecord } from './quotas.ts'

// One quota: name(16) | bytes used, low(4) | high(4) | period began(4) | period(1) | low bits of the CRC-32 of all before(3):
// one bit that broke on the disk would keep a user out for a month.
export const QUOTA_BYTES = 32
const USED_AT = 16
const BEGAN_AT = 24
const PERIOD_AT = 28
const CHECK_AT = 29

/** What is on the disk of one user's quota; `key` as `UserRows.keyOf` makes it. */
export interface StoredQuota {
  readonly key: Int32Array
  readonly quota: QuotaRecord
}

/** The quotas in a value of the store; what is none of ours is passed over. */
export function readQuotas(value: Uint8Array): StoredQuota[] {
  const quotas: StoredQuota[] = []
  for (let at = 0; at + QUOTA_BYTES <= value.length; at += QUOTA_BYTES) {
    const record = value.subarray(at, at + QUOTA_BYTES)
    const quota = readQuota(record)
    if (quota !== undefined) quotas.push({ key: readKey(record), quota })
  }
  return quotas
}

/** Fills `QUOTA_BYTES` of `out`. */
export function writeQuota(out: Uint8Array, key: Int32Array, { period, beganSec, usedBytes }: QuotaRecord): void {
  key.forEach((word, at) => write32le(out, 4 * at, word))
  write32le(out, USED_AT, usedBytes % 2 ** 32)
  write32le(out, USED_AT + 4, Math.floor(usedBytes / 2 ** 32))
  write32le(out, BEGAN_AT, beganSec)
  out[PERIOD_AT] = QUOTA_PERIODS.indexOf(period)
  const check = checkOf(out)
  for (let at = 0; at < 3; at++) out[CHECK_AT + at] = (check >>> (8 * at)) & 0xff
}

function checkOf(record: Uint8Array): number {
  return crc32(record.subarray(0, CHECK_AT)) & 0xffffff
}

function readKey(record: Uint8Array): Int32Array {
  return Int32Array.from([0, 4, 8, 12], (at) => read32le(record, at))
}

/** Undefined when it is no quota of ours. */
function readQuota(record: Uint8Array): QuotaRecord | undefined {
  if (read32le(record, PERIOD_AT) >>> 8 !== checkOf(record)) return undefined
  const usedBytes = read32le(record, USED_AT + 4) * 2 ** 32 + read32le(record, USED_AT)
  if (record[PERIOD_AT] >= QUOTA_PERIODS.length || usedBytes > Number.MAX_SAFE_INTEGER) return undefined
  return { period: QUOTA_PERIODS[record[PERIOD_AT]], beganSec: read32le(record, BEGAN_AT), usedBytes }
}
