import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { Bucket, BURST_MS, CellPlace, Pacer } from '../../../../src/core/guard/users/bucket.ts'
import { SharedLocks } from '../../../../src/core/memory/shared-lock.ts'
import { TimerWheel } from '../../../../src/core/memory/wheel.ts'

const RATE = 10_000
const TURN_BYTES = 1_000

/** One bandwidth as two workers see it. */
function open() {
  const place = (column: number) => new CellPlace(cells, 0, new SharedLocks(words, { column, columns: 2 }), 0)
  const [cells, words] = [new Float64Array(1), new Int32Array(1)]
  return { words, buckets: [0, 1].map((column) => new Bucket(place(column), RATE)) }
}

const step = fc.record({
  by: fc.nat(1),
  bytes: fc.nat(30_000),
  waitMs: fc.nat(3_000),
  rate: fc.constantFrom(RATE, 2 * RATE),
})

describe('a bandwidth', () => {
  test.prop([fc.array(step, { maxLength: 60 })])(
    'has as much room as a leaky bucket that many workers fill (I3)',
    (steps) => {
      const { buckets } = open()
      let [now, debtMs] = [1_000_000, 0]
      for (const { by, bytes, waitMs, rate } of steps) {
        for (const bucket of buckets) bucket.bytesPerSec = rate
        buckets[by].charge(bytes, now)
        debtMs += (bytes * 1000) / rate
        for (const bucket of buckets) expect(bucket.room(now)).toBeCloseTo(((BURST_MS - debtMs) * rate) / 1000, 3)
        now += waitMs
        debtMs = Math.max(0, debtMs - waitMs)
      }
    },
  )

  it('goes on when a worker died while it held it', () => {
    const { words, buckets } = open()
    new SharedLocks(words, { column: 1, columns: 2 }).acquire(0)
    // Whoever takes back what the dead one held comes first; without, it is seized.
    new SharedLocks(words, { column: 0, columns: 2 }).releaseFrom(1, () => {})
    buckets[0].charge(RATE, 1_000_000)
    expect(buckets[1].room(1_000_000)).toBe(0)
  })
})

describe('turns', () => {
  /** Connections that take `TURN_BYTES` each time they are let, and wait for the next turn. */
  function line(count: number) {
    const wheel = new TimerWheel(1_000_000)
    const pacer = new Pacer(wheel, TURN_BYTES)
    const [bucket] = open().buckets
    const turns = Array.from({ length: count }, () => 0)
    const takers = turns.map((_, at) => ({
      onTurn() {
        turns[at]++
        bucket.charge(TURN_BYTES, pacer.nowMs)
        pacer.wait(bucket, takers[at])
      },
    }))
    for (const taker of takers) pacer.wait(bucket, taker)
    const run = (ms: number) => {
      for (let passed = 0; passed < ms; passed += 50) wheel.advance(wheel.now + 50)
    }
    return { turns, run, wheel, bucket, takers }
  }

  test.prop([fc.integer({ min: 1, max: 40 })], { numRuns: 20 })(
    'go round, so that nobody has two more than another, and never bring more than the rate',
    (count) => {
      const { turns, run } = line(count)
      run(20_000)
      const total = turns.reduce((sum, each) => sum + each, 0) * TURN_BYTES
      expect(Math.max(...turns) - Math.min(...turns)).toBeLessThanOrEqual(1)
      expect(total).toBeLessThanOrEqual((RATE * (20_000 + BURST_MS)) / 1000 + 2 * TURN_BYTES)
      expect(total).toBeGreaterThanOrEqual((RATE * 20_000) / 1000)
    },
  )

  it('need one timer, and none when nobody waits', () => {
    const { wheel, bucket, takers, run } = line(20)
    expect(wheel.armed).toBe(1)
    for (const taker of takers) bucket.line.delete(taker)
    run(100)
    expect(wheel.armed).toBe(0)
  })
})
