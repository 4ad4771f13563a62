import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { BufferPool, LEASE_MAX_BYTES } from '../../../src/core/memory/pool.ts'
import { Accumulator } from '../../../src/core/session/accumulator.ts'
import { Outbox } from '../../../src/core/session/outbox.ts'
import { FakeConnection } from './fake-connection.ts'

const bytes = (length: number, from = 0) => Uint8Array.from({ length }, (_, at) => (from + at * 7) & 0xff)

function scene(ceilingBytes = 1 << 22) {
  const pool = new BufferPool({ ceilingBytes, debug: true })
  const connection = new FakeConnection()
  return { pool, connection, outbox: new Outbox(connection, pool) }
}

describe('Outbox', () => {
  it('leases nothing while the kernel takes everything', () => {
    const { pool, connection, outbox } = scene(0)
    expect(outbox.send(bytes(100_000))).toBe(true)
    expect([outbox.waiting, pool.highWaterBytes, connection.written.length]).toEqual([0, 0, 100_000])
  })

  it('lets nothing overtake what waits, even when there is room again', () => {
    const { connection, outbox } = scene()
    connection.room = 2
    outbox.send(bytes(3))
    connection.room = 100
    outbox.send(bytes(3, 100))
    expect([outbox.waiting, connection.written.length]).toEqual([4, 2])
    expect(outbox.flush()).toBe(true)
    expect(connection.written).toEqual([...bytes(3), ...bytes(3, 100)])
  })

  it('keeps more than the largest buffer holds', () => {
    const { pool, connection, outbox } = scene(1 << 23)
    connection.room = 0
    const data = bytes(2 * LEASE_MAX_BYTES + 5)
    expect(outbox.send(data)).toBe(true)
    expect([outbox.waiting, pool.leases]).toEqual([data.length, 3])
    connection.room = Number.POSITIVE_INFINITY
    expect([outbox.flush(), outbox.waiting, pool.leases]).toEqual([true, 0, 0])
    expect(Buffer.from(connection.written).equals(data)).toBe(true)
  })

  it('says no at the ceiling of the pool and one above, not one below, and gives everything back', () => {
    for (const [length, isKept] of [
      [4095, true],
      [4096, true],
      [4097, false],
    ] as const) {
      const { pool, connection, outbox } = scene(4096)
      connection.room = 0
      expect(outbox.send(bytes(length))).toBe(isKept)
      outbox.release()
      outbox.release()
      expect([pool.leases, pool.inUseBytes, outbox.waiting]).toEqual([0, 0, 0])
    }
  })

  const arbStep = fc.oneof(
    fc.record({ kind: fc.constant('send' as const), length: fc.nat(7000), room: fc.nat(5000) }),
    fc.record({ kind: fc.constant('flush' as const), length: fc.constant(0), room: fc.nat(9000) }),
  )

  test.prop([fc.array(arbStep, { maxLength: 40 }), fc.constantFrom(0, 2048, 8192, 1 << 22), fc.boolean()])(
    'keeps order under any partial writes, and gives every buffer back once, sent or not',
    (steps, ceilingBytes, isCut) => {
      const { pool, connection, outbox } = scene(ceilingBytes)
      const sent: number[] = []
      for (const { kind, length, room } of steps) {
        connection.room = room
        const chunk = bytes(length, sent.length)
        const isKept = kind === 'flush' ? outbox.flush() || true : outbox.send(chunk)
        if (!isKept) {
          outbox.release()
          expect([pool.leases, pool.inUseBytes]).toEqual([0, 0])
          expect(connection.written).toEqual([...sent, ...chunk].slice(0, connection.written.length))
          return
        }
        sent.push(...chunk)
        chunk.fill(0xee)
        expect(connection.written.length + outbox.waiting).toBe(sent.length)
        expect(pool.inUseBytes).toBeLessThanOrEqual(ceilingBytes)
      }
      connection.room = isCut ? 0 : Number.POSITIVE_INFINITY
      outbox.flush()
      outbox.release()
      expect(connection.written).toEqual(isCut ? sent.slice(0, connection.written.length) : sent)
      expect([pool.leases, pool.inUseBytes]).toEqual([0, 0])
    },
  )
})

describe('Accumulator', () => {
  it('takes up to the largest buffer; one byte more is a fault of ours', () => {
    const seen = new Accumulator(new BufferPool({ ceilingBytes: 1 << 23 }))
    expect(seen.add(bytes(LEASE_MAX_BYTES - 1))).toBe(true)
    expect(seen.add(bytes(1))).toBe(true)
    expect(seen.length).toBe(LEASE_MAX_BYTES)
    expect(() => seen.add(bytes(1))).toThrow('largest buffer')
  })

  it('keeps what it has when the pool has no room for more', () => {
    const pool = new BufferPool({ ceilingBytes: 4096 + 2048 })
    const seen = new Accumulator(pool)
    expect([seen.add(bytes(2048)), seen.add(bytes(1, 5)), seen.add(bytes(2048))]).toEqual([true, true, false])
    expect([...seen.bytes]).toEqual([...bytes(2048), ...bytes(1, 5)])
    seen.release()
    expect(pool.inUseBytes).toBe(0)
  })

  it('can drop what is there, and no more', () => {
    const seen = new Accumulator(new BufferPool({ ceilingBytes: 1 << 20 }))
    seen.add(bytes(10))
    expect(() => seen.drop(11)).toThrow('only what is there')
    seen.drop(10)
    expect([seen.length, seen.bytes.length, seen.add(bytes(3, 9))]).toEqual([0, 0, true])
    expect([...seen.bytes]).toEqual([...bytes(3, 9)])
  })

  const arbStep = fc.oneof(
    fc.record({ add: fc.nat(6000), drop: fc.constant(0) }),
    fc.record({ add: fc.constant(0), drop: fc.nat(100) }),
  )

  test.prop([fc.array(arbStep, { maxLength: 20 })])('holds what was added less what was dropped', (steps) => {
    const pool = new BufferPool({ ceilingBytes: 1 << 20, debug: true })
    const seen = new Accumulator(pool)
    let model: number[] = []
    for (const { add, drop } of steps) {
      const chunk = bytes(add, model.length)
      const count = (model.length * drop) / 100
      model = [...model, ...chunk].slice(Math.floor(count))
      expect(seen.add(chunk)).toBe(true)
      chunk.fill(0xee)
      seen.drop(Math.floor(count))
      expect([...seen.bytes]).toEqual(model)
      expect(pool.leases).toBeLessThanOrEqual(1)
    }
    seen.release()
    seen.release()
    expect([pool.leases, pool.inUseBytes, seen.length]).toEqual([0, 0, 0])
  })
})
