import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { CallbackTimer, TICK_MS, TimerWheel } from '../../../src/core/memory/wheel.ts'

describe('TimerWheel', () => {
  it('fires a deadline once, at the first tick that is not before it', () => {
    const wheel = new TimerWheel(0)
    const fired: number[] = []
    wheel.arm(new CallbackTimer(() => fired.push(wheel.now)), 120)
    wheel.advance(100)
    expect(fired).toEqual([])
    wheel.advance(150)
    wheel.advance(300)
    expect(fired).toEqual([150])
    expect(wheel.armed).toBe(0)
  })

  it('moves a timer that is armed again, and forgets one that is disarmed', () => {
    const wheel = new TimerWheel(0)
    let fired = 0
    const timer = new CallbackTimer(() => fired++)
    wheel.arm(timer, 100)
    wheel.arm(timer, 500)
    wheel.advance(400)
    expect(fired).toBe(0)
    wheel.disarm(timer)
    wheel.advance(10_000)
    expect(fired).toBe(0)
    expect(wheel.armed).toBe(0)
  })

  it('fires a time in the past at the next tick, never at once', () => {
    const wheel = new TimerWheel(10_000)
    let fired = 0
    wheel.arm(new CallbackTimer(() => fired++), 0)
    expect(fired).toBe(0)
    wheel.advance(10_000 + TICK_MS)
    expect(fired).toBe(1)
  })

  it('lets a timer arm itself while it fires, without firing it twice in one tick', () => {
    const wheel = new TimerWheel(0)
    let fired = 0
    const timer: CallbackTimer = new CallbackTimer(() => {
      fired++
      wheel.arm(timer, 0)
    })
    wheel.arm(timer, 10)
    wheel.advance(TICK_MS)
    expect(fired).toBe(1)
    wheel.advance(2 * TICK_MS)
    expect(fired).toBe(2)
  })

  it('lets one firing timer disarm another that is due in the same tick', () => {
    const wheel = new TimerWheel(0)
    let fired = 0
    const second = new CallbackTimer(() => fired++)
    wheel.arm(new CallbackTimer(() => wheel.disarm(second)), 10)
    wheel.arm(second, 10)
    wheel.advance(TICK_MS)
    expect(fired).toBe(0)
    expect(wheel.armed).toBe(0)
  })

  test.prop([
    fc.array(fc.tuple(fc.nat(600_000), fc.nat(50)), { maxLength: 60 }),
    fc.array(fc.integer({ min: 1, max: 400_000 }), { maxLength: 30 }),
  ])('agrees with a sorted list, whatever the steps of time', (deadlines, steps) => {
    const wheel = new TimerWheel(0)
    const pending = new Map<number, number>()
    deadlines.forEach(([at], index) => {
      pending.set(index, at)
      wheel.arm(new CallbackTimer(() => expect(pending.delete(index)).toBe(true)), at)
    })
    let now = 0
    for (const step of steps) {
      now += step
      wheel.advance(now)
      const reached = Math.floor(now / TICK_MS) * TICK_MS
      for (const at of pending.values()) expect(Math.max(at, 1)).toBeGreaterThan(reached)
      expect(wheel.armed).toBe(pending.size)
      expect(wheel.nextAt()).toBe(pending.size === 0 ? undefined : Math.min(...pending.values()))
    }
  })
})
