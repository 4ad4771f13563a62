import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { BufferPool } from '../../../src/core/memory/pool.ts'
import { Pipe } from '../../../src/core/session/pipe.ts'
import { FakeConnection } from './fake-connection.ts'

const bytes = (length: number, from = 0) => Uint8Array.from({ length }, (_, at) => (from + at) & 0xff)

describe('Pipe', () => {
  it('pauses the source while more than the limit waits, and resumes it when all is taken', () => {
    const [source, target] = [new FakeConnection(), new FakeConnection()]
    const pipe = new Pipe(source, target, new BufferPool({ ceilingBytes: 1 << 20 }), 10)
    target.room = 5
    pipe.push(bytes(15))
    expect([source.isPaused, pipe.waiting]).toEqual([false, 10])
    pipe.push(bytes(1, 15))
    expect([source.isPaused, pipe.waiting]).toEqual([true, 11])
    target.room = 4
    pipe.drain()
    expect(source.isPaused).toBe(true)
    target.room = 100
    pipe.drain()
    expect(source.isPaused).toBe(false)
    expect(target.written).toEqual([...bytes(16)])
  })

  it('sends the FIN behind the last byte that waits', () => {
    const [source, target] = [new FakeConnection(), new FakeConnection()]
    const pipe = new Pipe(source, target, new BufferPool({ ceilingBytes: 1 << 20 }), 0)
    target.room = 1
    pipe.push(bytes(3))
    pipe.end()
    expect([target.hasEnded, pipe.isFinished]).toEqual([false, false])
    target.room = 100
    pipe.drain()
    expect([target.hasEnded, pipe.isFinished, target.written.length]).toEqual([true, true, 3])
  })

  it.each([
    [999, false],
    [1000, false],
    [1001, true],
  ])('pauses with %i bytes of 1000 waiting: %s', (waiting, isPaused) => {
    const [source, target] = [new FakeConnection(), new FakeConnection()]
    const pipe = new Pipe(source, target, new BufferPool({ ceilingBytes: 1 << 20 }), 1000)
    target.room = 0
    for (let sent = 0; sent < waiting; sent += 333) pipe.push(bytes(Math.min(333, waiting - sent)))
    expect([pipe.waiting, source.isPaused]).toEqual([waiting, isPaused])
  })

  it('leaves a source alone that ended, and sends one FIN', () => {
    const [source, target] = [new FakeConnection(), new FakeConnection()]
    const pipe = new Pipe(source, target, new BufferPool({ ceilingBytes: 1 << 20 }), 0)
    target.room = 0
    pipe.push(bytes(5))
    expect(source.isPaused).toBe(true)
    pipe.end()
    pipe.end()
    target.room = 5
    pipe.drain()
    expect([source.isPaused, target.hasEnded, target.written.length]).toEqual([true, true, 5])
    pipe.drain()
    expect(pipe.isFinished).toBe(true)
  })

  it('ends at once where nothing waits, and passes no empty chunk on', () => {
    const target = new FakeConnection()
    const pipe = new Pipe(new FakeConnection(), target, new BufferPool({ ceilingBytes: 0 }), 0)
    expect(pipe.push(bytes(0))).toBe(true)
    pipe.end()
    expect([pipe.isFinished, target.hasEnded]).toEqual([true, true])
  })

  it('says so when the pool has no buffer left, and gives back what it holds', () => {
    const pool = new BufferPool({ ceilingBytes: 4096 })
    const target = new FakeConnection()
    target.room = 0
    const pipe = new Pipe(new FakeConnection(), target, pool, 0)
    expect(pipe.push(bytes(4096))).toBe(true)
    expect(pipe.push(bytes(1))).toBe(false)
    pipe.release()
    expect(pool.leases).toBe(0)
  })

  const arbSteps = fc.array(fc.tuple(fc.constantFrom('push', 'room', 'hold', 'let go'), fc.nat(40)), { maxLength: 60 })
  // Draws alone come upon it in most runs, not in all.
  const example: ['push' | 'room' | 'hold' | 'let go', number][] = [
    ['push', 40],
    ['hold', 0],
    ['room', 40],
  ]
  test.prop([arbSteps], { examples: [[example]] })(
    'reads its source just where nothing stands in the way: neither its target nor a bandwidth',
    (steps) => {
      const [source, target] = [new FakeConnection(), new FakeConnection()]
      const pipe = new Pipe(source, target, new BufferPool({ ceilingBytes: 1 << 20 }), 20)
      target.room = 0
      let [isFull, isHeld] = [false, false]
      for (const [what, size] of steps) {
        if (what === 'hold') pipe.hold()
        else if (what === 'let go') pipe.letGo()
        else if (what === 'push') pipe.push(bytes(size))
        else {
          target.room = size
          pipe.drain()
        }
        if (what === 'hold' || what === 'let go') isHeld = what === 'hold'
        if (pipe.waiting > 20) isFull = true
        if (pipe.waiting === 0) isFull = false
        expect(source.isPaused).toBe(isFull || isHeld)
      }
    },
  )

  test.prop([fc.array(fc.tuple(fc.nat(9000), fc.nat(6000), fc.boolean()), { maxLength: 30 })])(
    'keeps every byte in order for any pattern of sizes, room and drains',
    (steps) => {
      const pool = new BufferPool({ ceilingBytes: 1 << 22, debug: true })
      const target = new FakeConnection()
      const pipe = new Pipe(new FakeConnection(), target, pool, 1000)
      const sent: number[] = []
      for (const [length, room, drains] of steps) {
        target.room = room
        const chunk = bytes(length, sent.length)
        sent.push(...chunk)
        pipe.push(chunk)
        chunk.fill(0xee)
        if (drains) pipe.drain()
        expect(target.written.length + pipe.waiting).toBe(sent.length)
      }
      target.room = Number.POSITIVE_INFINITY
      pipe.drain()
      pipe.end()
      expect(target.written).toEqual(sent)
      expect([pool.leases, pool.inUseBytes, target.hasEnded]).toEqual([0, 0, true])
    },
  )
})
