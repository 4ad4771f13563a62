import { describe, expect, it } from 'vitest'
import { MaskBandwidth } from '../../../src/core/guard/mask-bandwidth.ts'
import { TrialTable } from '../../../src/core/guard/trial-table.ts'
import { TrialBudget } from '../../../src/core/guard/trials.ts'
import { TimerWheel } from '../../../src/core/memory/wheel.ts'
import { seeded } from '../seeded.ts'
import { Memory } from './scene.ts'

const RATE = 10_000
const NOW_MS = 1_000_000
/** Nobody is held who has to pay for no more than a second in advance. */
const ALL = RATE
const SECRETS = Array.from({ length: 300 }, (_, id) => id)

/** What workers have over one memory, and a clock for all of them. */
function workers(count: number) {
  const memory = new Memory()
  const all = Array.from({ length: count }, (_, column) => {
    const wheel = new TimerWheel(NOW_MS)
    const table = new TrialTable({ memory, random: seeded(1), worker: { column, columns: count }, nowMs: NOW_MS })
    const trials = new TrialBudget({ table, secrets: () => ({ markOf: (id) => id, byMark: () => undefined }) })
    const settings = () => ({ host: '', port: 443, skewSec: 120, maxBytes: 1, maxTimeMs: 1, bytesPerSec: RATE })
    return { trials, wheel, bandwidth: new MaskBandwidth({ table, wheel, readMaxBytes: 1_000, settings }) }
  })
  const run = (ms: number) => {
    for (let passed = 0; passed < ms; passed += 50) for (const { wheel } of all) wheel.advance(wheel.now + 50)
  }
  const enter = (worker: number, ip: string) => {
    const calls: string[] = []
    const owner = { hold: () => calls.push('hold'), letGo: () => calls.push('letGo') }
    return { ip, calls, flow: all[worker].bandwidth.enter(ip, owner) }
  }
  return { memory, all, run, enter }
}

describe('the bandwidth of masked connections', () => {
  it('is one over all workers, for each prefix', () => {
    const { enter, run } = workers(2)
    const [here, there, elsewhere] = [enter(0, '192.0.2.1'), enter(1, '192.0.2.254'), enter(1, '192.0.3.1')]
    here.flow.take(ALL - 1)
    expect(here.flow.isHeld).toBe(false)
    there.flow.take(1)
    elsewhere.flow.take(1)
    expect([here.calls, there.calls, elsewhere.calls]).toEqual([[], ['hold'], []])
    run(50)
    expect(there.calls).toEqual(['hold', 'letGo'])
    here.flow.take(2 * RATE)
    run(1_900)
    expect(here.calls).toEqual(['hold'])
    run(150)
    expect(here.calls).toEqual(['hold', 'letGo'])
  })

  it('is kept for nobody who has left, and what was carried stays owed', () => {
    const { all, enter, run } = workers(1)
    const first = enter(0, '2001:db8::1')
    first.flow.take(4 * RATE)
    all[0].bandwidth.leave(first.ip, first.flow)
    run(100)
    expect([first.flow.isHeld, first.calls, all[0].wheel.armed]).toEqual([false, ['hold'], 0])
    const next = enter(0, '2001:db8::2')
    next.flow.take(0)
    expect(next.flow.isHeld).toBe(true)
    run(3_100)
    expect(next.calls).toEqual(['hold', 'letGo'])
  })

  it('stays used up while a hundred thousand prefixes come that owe nothing', () => {
    const { all, enter, memory } = workers(1)
    const bytes = memory.bytesInUse
    const first = enter(0, '192.0.2.1')
    first.flow.take(500 * RATE)
    for (let i = 0; i < 100_000; i++) {
      const ip = `${10 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}.1`
      const taken = all[0].trials.take(ip, [], SECRETS, NOW_MS + i)
      all[0].trials.settle(ip, taken, 0, undefined, NOW_MS + i)
    }
    const next = enter(0, '192.0.2.2')
    next.flow.take(0)
    expect([next.flow.isHeld, memory.bytesInUse]).toEqual([true, bytes])
  })
})
