import { describe, expect, it } from 'vitest'
import { MemoryGauge } from '../../src/runtime/memory-gauge.ts'

function machine() {
  const state = { bytes: 0, garbage: 0, now: 0, collected: 0 }
  const gauge = new MemoryGauge({
    rssBytes: () => state.bytes + state.garbage,
    collect: () => {
      state.garbage = 0
      state.collected++
    },
    mono: () => state.now,
  })
  return { state, gauge }
}

describe('the gauge of memory', () => {
  it('leaves garbage alone while there is room', () => {
    const { state, gauge } = machine()
    state.garbage = 79
    expect([gauge.read(80), state.collected]).toEqual([79, 0])
  })

  it('counts none near a threshold, so that only what is in use shuts anybody out', () => {
    const { state, gauge } = machine()
    Object.assign(state, { bytes: 30, garbage: 60 })
    expect(gauge.read(80)).toBe(30)
  })

  it('collects once in a while at most', () => {
    const { state, gauge } = machine()
    state.bytes = 90
    for (state.now = 0; state.now < 90_000; state.now += 250) expect(gauge.read(80)).toBe(90)
    expect(state.collected).toBe(3)
  })

  it('reads this process, and can collect its garbage', () => {
    expect(new MemoryGauge().read(0)).toBeGreaterThan(10 << 20)
  })
})
