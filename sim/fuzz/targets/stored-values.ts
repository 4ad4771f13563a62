import { crc32 } from 'node:zlib'
import { BAN_BYTES, readBans, writeBan } from '../../../src/core/guard/ban-record.ts'
import { ListCopy } from '../../../src/core/guard/access/list-copy.ts'
import { formatPrefix, parsePrefix, type Prefix } from '../../../src/core/guard/sources/prefix.ts'
import { QUOTA_BYTES, readQuotas, writeQuota } from '../../../src/core/guard/users/quota-record.ts'
import { concat } from '../../../src/core/protocol/bytes.ts'
import type { Store } from '../../../src/core/ports.ts'
import { must, mustBeSame, type Target } from '../target.ts'
import { hex } from './vectors.ts'

const LIST = hex('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')

/** What the store gives back at a start: bans, quotas and the head of a list, which an older version or a broken disk wrote. */
export const target: Target = {
  bytesMax: 256,
  seeds: () => [
    concat(...['192.0.2.0/24', '198.51.100.7', '2001:db8::/48', '::/0'].map(ban)),
    quota(1, 5_000_000_000, 'month'),
    concat(quota(-7, 1, 'day'), quota(2, Number.MAX_SAFE_INTEGER, 'week')),
    concat(Uint8Array.of(0, 0), LIST),
    concat(Uint8Array.of(1, 2), LIST),
  ],
  run: (input) => [
    bansIn(input),
    bansIn(checked(input, BAN_BYTES, 4)),
    quotasIn(input),
    quotasIn(checked(input, QUOTA_BYTES, 3)),
    listIn(input),
  ],
}

/** The same records, each with the right check at its end: what an older version wrote, and not what a disk broke. */
function checked(input: Uint8Array, recordBytes: number, checkBytes: number): Uint8Array {
  const out = input.slice()
  for (let end = recordBytes; end <= out.length; end += recordBytes) {
    const check = crc32(out.subarray(end - recordBytes, end - checkBytes))
    for (let at = 0; at < checkBytes; at++) out[end - checkBytes + at] = check >>> (8 * at)
  }
  return out
}

function bansIn(input: Uint8Array): unknown {
  const bans = readBans(input)
  must(bans.length * BAN_BYTES <= input.length, 'more bans than bytes')
  for (const { ban, untilSec } of bans) {
    const text = formatPrefix(ban.prefix)
    mustBeSame(parsePrefix(text), ban.prefix, `a ban of what is no prefix, ${text}`)
    must(ban.times >= 1 && ban.times <= 255, 'a ban that was never made')
    const again = new Uint8Array(BAN_BYTES)
    writeBan(again, { ...ban, untilMs: 0 }, untilSec)
    mustBeSame(readBans(again), [{ ban, untilSec }], 'a ban written and read again')
  }
  return bans
}

function quotasIn(input: Uint8Array): unknown {
  const quotas = readQuotas(input)
  must(quotas.length * QUOTA_BYTES <= input.length, 'more quotas than bytes')
  for (const { key, quota } of quotas) {
    must(Number.isSafeInteger(quota.usedBytes) && quota.usedBytes >= 0, 'bytes that are no number')
    const again = new Uint8Array(QUOTA_BYTES)
    writeQuota(again, key, quota)
    mustBeSame(readQuotas(again), [{ key, quota }], 'a quota written and read again')
  }
  return quotas
}

/** The head of a copy with parts that are all empty: good only where its digest is that of nothing. */
function listIn(input: Uint8Array): string {
  let [answers, isGood, asked] = [0, false, 0]
  const store: Store = {
    get(_, reply) {
      asked++
      reply(asked === 1 ? input.slice() : new Uint8Array(0))
    },
    put() {},
    delete() {},
  }
  new ListCopy(store, '/a').restore((file) => {
    answers++
    isGood = file !== undefined
  })
  must(answers === 1 && asked <= 256, 'it answered twice or not at all, or asked without an end')
  const isWhole = input.length === 34 && Buffer.compare(input.subarray(2), LIST) === 0
  must(isGood === isWhole, 'a broken copy was taken, or a whole one was not')
  return isGood ? `good, ${asked} asked` : 'none'
}

function ban(text: string): Uint8Array {
  const prefix = parsePrefix(text) as Prefix
  const out = new Uint8Array(BAN_BYTES)
  writeBan(out, { prefix, times: 3, reason: 'failures', untilMs: 0 }, 1_764_201_600)
  return out
}

function quota(name: number, usedBytes: number, period: 'day' | 'week' | 'month'): Uint8Array {
  const out = new Uint8Array(QUOTA_BYTES)
  writeQuota(out, Int32Array.of(name, 2, 3, 4), { period, beganSec: 1_764_201_600, usedBytes })
  return out
}
