import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { GENERATION_MAX, KEPT_MAX, names, readName, readRecord, writeRecord } from '../../src/vault/generations.ts'

const arbLabel = fc.stringMatching(/^[A-Za-z0-9._-]{1,64}$/)
const arbNumber = fc.integer({ min: 1, max: GENERATION_MAX })

describe('what objects of a secret are called', () => {
  test.prop([arbLabel, arbNumber])(
    'tells the label, the part and the generation, and no two share a name',
    (label, number) => {
      expect(readName(names.digest(label, number))).toEqual({ label, part: 'digest', number })
      expect(readName(names.hmac(label, number))).toEqual({ label, part: 'hmac', number })
      expect(readName(names.record(label))).toEqual({ label, part: 'record', number: 0 })
    },
  )

  it('is what it was before there were generations, for the first one', () => {
    expect([names.digest('ann', 1), names.hmac('ann', 1)]).toEqual(['ann', 'ann (hmac)'])
  })

  it.each([
    'my key',
    'ann (0)',
    'ann (02)',
    'ann (hmac) ',
    ' ann',
    'ann (2,hmac)',
    'ann (1)',
    'ann (1, hmac)',
    'ann (65536)',
    '',
  ])('is none of "%s"', (name) => {
    expect(readName(name)).toBeUndefined()
  })
})

describe('the record of a secret', () => {
  const arbGeneration = (number: number) =>
    fc.oneof(
      fc.constant({ number, state: 'retired' as const }),
      fc
        .record({ untilSec: fc.nat(2 ** 33) })
        .map(({ untilSec }) => ({ number, state: 'retiring' as const, untilSec })),
    )
  const arbRecord = fc
    .record({ version: fc.nat(999_999_999), numbers: fc.uniqueArray(arbNumber, { maxLength: KEPT_MAX - 1 }) })
    .chain(({ version, numbers }) => {
      const sorted = numbers.sort((a, b) => a - b)
      return fc.tuple(...sorted.map(arbGeneration)).map((generations) => ({ version, generations }))
    })

  test.prop([arbRecord])('is read as it was written', (record) => {
    expect(readRecord(writeRecord('family', record))).toEqual(record)
  })

  it('is a line that an operator can read in any tool', () => {
    const text = 'palisade 3 family 1:retired 2:retiring:1764201600 3:active'
    expect(writeRecord('family', readRecord(text) ?? expect.fail('it is read'))).toBe(text)
  })

  it.each([
    '',
    'palisade',
    'palisade x',
    'palisade 1',
    'palisade 1 1:active',
    'palisade 1 a 1:sleeping',
    'palisade 1 a 0:active',
    'palisade 1 a 65536:active',
    'palisade 1 a 2:active 1:retired',
    'palisade 1 a 1:active 1:retired',
    'palisade 1 a 1:active 2:active',
    'palisade 1 a 1:retiring',
    'palisade 1 a  1:active',
    'palisade 01 a 1:active',
    'palisade 1 a 1:retiring:01764201600',
    `palisade 1 a ${Array.from({ length: KEPT_MAX + 1 }, (_, at) => `${at + 1}:retired`).join(' ')}`,
  ])('is none of "%s"', (text) => {
    expect(readRecord(text)).toBeUndefined()
  })

  test.prop([fc.string()])('is read from no garbage, and never throws', (text) => {
    const record = readRecord(text)
    if (record !== undefined) expect(writeRecord(text.split(' ')[2], record)).toBe(text)
  })
})
