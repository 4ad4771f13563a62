import { crc32 } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { BAN_BYTES, readBans, writeBan } from '../../../src/core/guard/ban-record.ts'
import { parsePrefix } from '../../../src/core/guard/sources/prefix.ts'
import { write32le } from '../../../src/core/protocol/bytes.ts'

const TAG_AT = 16
const TIMES_AT = 18
const CHECK_AT = 24

function record(text: string): Uint8Array {
  const out = new Uint8Array(BAN_BYTES)
  const prefix = parsePrefix(text) ?? expect.fail(text)
  writeBan(out, { prefix, times: 2, reason: 'failures', untilMs: 0 }, 1_764_201_600)
  return out
}

/** The record as somebody would have written it on purpose. */
function checked(bytes: Uint8Array): Uint8Array {
  write32le(bytes, CHECK_AT, crc32(bytes.subarray(0, CHECK_AT)))
  return bytes
}

describe('bans on the disk', () => {
  it.each(['192.0.2.7', '192.0.2.0/24', '0.0.0.0/0', '2001:db8::/48', '::1'])(
    '%s is read as it was written',
    (text) => {
      const [{ ban, untilSec }] = readBans(record(text))
      expect(ban).toEqual({ prefix: parsePrefix(text), times: 2, reason: 'failures' })
      expect(untilSec).toBe(1_764_201_600)
    },
  )

  it('of what nobody can name, and so lift, are passed over', () => {
    const shorter = record('192.0.2.7')
    shorter[TAG_AT] = 1 + 24
    const mapped = record('::1')
    mapped[9] = mapped[8] = 0xff
    mapped.fill(0, 4, 8)
    const [never, longer] = [record('192.0.2.7'), record('192.0.2.7')]
    never[TIMES_AT] = 0
    longer[4] = 1
    for (const value of [shorter, mapped, never, longer]) expect(readBans(checked(value))).toEqual([])
  })

  it('are passed over when one bit is not as it was written', () => {
    for (let bit = 0; bit < 8 * BAN_BYTES; bit++) {
      const broken = record('192.0.2.7')
      broken[bit >> 3] ^= 1 << (bit & 7)
      expect(readBans(broken)).toEqual([])
    }
  })

  it('a record that is cut off, and what is before it', () => {
    expect(readBans(Uint8Array.from([...record('192.0.2.7'), ...record('::1').subarray(1)]))).toHaveLength(1)
  })
})
