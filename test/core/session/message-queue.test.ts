import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { Waiting } from '../../../src/core/memory/backlog.ts'
import { BufferPool } from '../../../src/core/memory/pool.ts'
import { MessageQueue } from '../../../src/core/session/message-queue.ts'

const OWNER = { label: 'client', giveWay() {} }
const bytes = (length: number, from: number) => Uint8Array.from({ length }, (_, at) => (from + at * 3) & 0xff)

function scene(ceilingBytes: number) {
  const pool = new BufferPool({ ceilingBytes, debug: true })
  return { pool, queue: new MessageQueue(pool, OWNER) }
}

describe('MessageQueue', () => {
  it('puts small messages together and gives a buffer back with its last one', () => {
    const { pool, queue } = scene(1 << 20)
    for (let i = 0; i < 100; i++) queue.push({ bytes: bytes(200, i), quickAck: false })
    expect([queue.length, pool.leases]).toEqual([100, 2])
    for (let i = 0; i < 81; i++) queue.shift()
    expect([queue.length, pool.leases]).toEqual([19, 1])
    queue.close()
    expect([queue.length, pool.leases]).toEqual([0, 0])
  })

  it('says so when there is no buffer, and keeps what it has', () => {
    const { queue } = scene(16_384)
    expect(queue.push({ bytes: bytes(16_384, 1), quickAck: true })).toBe(true)
    expect(queue.push({ bytes: bytes(1, 1), quickAck: true })).toBe(false)
    expect([queue.length, queue.first?.bytes]).toEqual([1, bytes(16_384, 1)])
  })

  it('takes nothing when making room has closed it', () => {
    const { pool, queue } = scene(16_384)
    const held = pool.lease(16_384)
    const giveWay = () => {
      held?.release()
      queue.close()
    }
    pool.backlog.join(new Waiting({ label: 'still', giveWay }))
    expect([queue.push({ bytes: bytes(1, 1), quickAck: false }), pool.leases]).toEqual([false, 0])
  })

  const arbStep = fc.oneof(
    fc.record({ length: fc.integer({ min: 1, max: 30_000 }), quickAck: fc.boolean() }),
    fc.constant('shift' as const),
  )

  test.prop([fc.array(arbStep, { maxLength: 40 })])('gives messages in order, as they were', (steps) => {
    const { pool, queue } = scene(1 << 24)
    const model: { bytes: Uint8Array; quickAck: boolean }[] = []
    for (const [at, step] of steps.entries()) {
      if (step === 'shift') {
        queue.shift()
        model.shift()
      } else {
        const message = { bytes: bytes(step.length, at), quickAck: step.quickAck }
        const given = { ...message, bytes: message.bytes.slice() }
        expect(queue.push(given)).toBe(true)
        given.bytes.fill(0xee)
        model.push(message)
      }
      expect(queue.length).toBe(model.length)
      expect(queue.first?.quickAck).toBe(model.at(0)?.quickAck)
      expect(Buffer.from(queue.first?.bytes ?? []).equals(model.at(0)?.bytes ?? new Uint8Array(0))).toBe(true)
      if (model.length === 0) expect(pool.leases).toBe(0)
    }
    queue.close()
    expect([pool.leases, pool.inUseBytes]).toEqual([0, 0])
  })
})
