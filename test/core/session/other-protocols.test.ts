import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { fromAscii, fromHex } from '../../../src/core/protocol/bytes.ts'
import { isOtherProtocol } from '../../../src/core/session/other-protocols.ts'
import { scene } from './scene.ts'

const OTHERS = {
  ssh: fromAscii('SSH-2.0-OpenSSH_9.2p1\r\n'),
  smtp: fromAscii('EHLO a.example\r\n'),
  alert: fromHex('15030100020228') ?? new Uint8Array(0),
}

describe('what no client begins with', () => {
  it.each(Object.entries(OTHERS))(
    'goes to the mask host at once, as the site would answer at once: %s',
    (_name, bytes) => {
      const of = scene()
      of.dial(bytes)
      of.world.runFor(100)
      expect(of.reasons('rejected')).toEqual(['not-a-client'])
      expect(of.sites).toHaveLength(1)
    },
  )

  it('is waited for where it may still be an init', () => {
    const of = scene()
    of.dial(Uint8Array.from({ length: 63 }, (_, at) => at * 5))
    of.world.runFor(100)
    expect(of.reasons('rejected')).toEqual([])
  })

  const arbText = fc.uint8Array({ min: 0x1e, max: 0x7f, minLength: 8, maxLength: 63 })
  const arbRecord = fc.tuple(fc.integer({ min: 0x13, max: 0x18 }), fc.integer({ min: 2, max: 4 }), fc.nat(6))
  const arbBytes = fc.oneof(
    fc.uint8Array({ maxLength: 63 }),
    arbText,
    arbRecord.map((start) => Uint8Array.from(start)),
  )
  test.prop([arbBytes])('is text of 12 bytes or a late record of TLS, and nothing else', (bytes) => {
    const isText = bytes.length >= 12 && /^[\t\n\r\x20-\x7e]{12}/.test(Buffer.from(bytes).toString('latin1'))
    const isRecord = bytes.length >= 3 && [0x14, 0x15, 0x17].includes(bytes[0]) && bytes[1] === 3 && bytes[2] <= 4
    expect(isOtherProtocol(bytes)).toBe(isText || isRecord)
  })
})
