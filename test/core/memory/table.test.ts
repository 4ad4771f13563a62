import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { KeyedHash } from '../../../src/core/memory/hash.ts'
import { BoundedTable } from '../../../src/core/memory/table.ts'
import { seeded } from '../seeded.ts'

const key = (name: number) => Uint8Array.of(name & 0xff, name >> 8)

describe('BoundedTable', () => {
  it('finds what was added, with its columns, and nothing else', () => {
    const table = new BoundedTable({ random: seeded(1), entries: 64, columns: 2 })
    const entry = table.findOrAdd(key(1))
    table.set(entry, 1, -5)
    expect(table.find(key(1))).toBe(entry)
    expect([table.get(entry, 0), table.get(entry, 1)]).toEqual([0, -5])
    expect(table.find(key(2))).toBe(-1)
    expect(table.size).toBe(1)
  })

  it('gives a new key the place of the one not touched for longest, with fresh columns', () => {
    const table = new BoundedTable({ random: seeded(1), entries: 8, columns: 1 })
    for (let name = 0; name < 8; name++) table.set(table.findOrAdd(key(name)), 0, name + 1)
    table.find(key(0))
    const entry = table.findOrAdd(key(8))
    expect(table.get(entry, 0)).toBe(0)
    expect(table.find(key(1))).toBe(-1)
    expect(table.find(key(0))).toBeGreaterThanOrEqual(0)
    expect(table.size).toBe(8)
  })

  test.prop([fc.array(fc.nat(500), { maxLength: 400 })])(
    'holds the newest of each set and never more than its size',
    (names) => {
      const table = new BoundedTable({ random: seeded(9), entries: 64, columns: 1 })
      names.forEach((name, at) => {
        const entry = table.findOrAdd(key(name))
        table.set(entry, 0, name)
        expect(table.size).toBeLessThanOrEqual(Math.min(64, at + 1))
        expect(table.get(table.find(key(name)), 0)).toBe(name)
      })
    },
  )
})

describe('KeyedHash', () => {
  it('is HalfSipHash-2-4: the reference vectors for key 00..07', () => {
    const zero = {
      fill: <T extends Uint8Array>(target: T) => (target.set([3, 2, 1, 0, 7, 6, 5, 4]), target),
      below: () => 0,
    }
    const hash = new KeyedHash(zero)
    const results = [0, 1, 2, 4].map((length) => {
      hash.of(Uint8Array.from({ length }, (_, at) => at))
      return [hash.low, hash.high]
    })
    expect(results).toEqual([
      [0x591f8d21, 0xc83cb8b9],
      [0x122455be, 0x157338f8],
      [0xef394f06, 0x57eb507c],
      [0x178ae7d5, 0xa12ee55b],
    ])
  })

  it('depends on key and on every byte', () => {
    const [a, b] = [new KeyedHash(seeded(1)), new KeyedHash(seeded(2))]
    a.of(Uint8Array.of(1, 2, 3))
    b.of(Uint8Array.of(1, 2, 3))
    expect(a.low).not.toBe(b.low)
    const first = a.low
    a.of(Uint8Array.of(1, 2, 4))
    expect(a.low).not.toBe(first)
    a.of(Uint8Array.of(1, 2, 3, 0))
    expect(a.low).not.toBe(first)
  })
})
