import { describe, expect, it } from 'vitest'
import { SharedLocks } from '../../../src/core/memory/shared-lock.ts'

const at = (column: number) => ({ column, columns: 8 })
const words = () => new Int32Array(new SharedArrayBuffer(16))

describe('SharedLocks', () => {
  it('are held by one at a time, and named after their holder', () => {
    const shared = words()
    const [a, b] = [new SharedLocks(shared, at(0)), new SharedLocks(shared, at(6), { spinsMax: 3 })]
    expect(a.acquire(1)).toBe(true)
    expect([...shared]).toEqual([0, 1, 0, 0])
    expect(b.acquire(1)).toBe(false)
    expect(b.acquire(2)).toBe(true)
    a.release(1)
    expect(b.acquire(1)).toBe(true)
    expect([...shared]).toEqual([0, 7, 7, 0])
  })

  it('are waited for while their holder works', () => {
    const shared = words()
    const a = new SharedLocks(shared, at(0))
    let looks = 0
    const b = new SharedLocks(shared, { ...at(1), onStep: () => void (++looks === 5 && a.release(0)) })
    a.acquire(0)
    expect([b.acquire(0), looks]).toEqual([true, 6])
  })

  it('come back from the dead, each mended while it is held', () => {
    const shared = words()
    const [dead, other, heir] = [
      new SharedLocks(shared, at(3)),
      new SharedLocks(shared, at(1)),
      new SharedLocks(shared, at(0)),
    ]
    dead.acquire(0)
    other.acquire(1)
    dead.acquire(3)
    const mended: number[] = []
    heir.releaseFrom(3, (lock) => {
      expect(shared[lock]).toBe(1)
      mended.push(lock)
    })
    expect([mended, [...shared]]).toEqual([
      [0, 3],
      [0, 2, 0, 0],
    ])
  })
})
