import { describe, expect, it } from 'vitest'
import type { OverloadLevel, ProxyEvent } from '../../../src/core/events.ts'
import { HOLD_MS, Overload, POLL_MS, RISE_MS } from '../../../src/core/guard/overload.ts'
import { TimerWheel } from '../../../src/core/memory/wheel.ts'
import type { GaugeReadings } from '../../../src/core/ports.ts'
import { settingsWith } from '../session/scene.ts'
import { scene } from './scene.ts'

const CALM: GaugeReadings = { loopLagMs: 0, memoryBytes: 0, descriptors: 0, buffers: 0 }

function watched() {
  const now = { ms: 1_000 }
  let readings = CALM
  let settings = settingsWith({ memory: { ceilingBytes: 1_000 } })
  const events: ProxyEvent[] = []
  const wheel = new TimerWheel(now.ms)
  const overload = new Overload({
    gauges: { socketsMax: 100, read: () => readings },
    clock: { mono: () => now.ms, wall: () => 0 },
    ...{ wheel, emit: (event: ProxyEvent) => void events.push(event), settings: () => settings },
  })
  overload.start()
  /** Shows these readings for a time, and returns the level behind it. */
  const show = (shown: Partial<GaugeReadings>, forMs = POLL_MS): OverloadLevel => {
    readings = { ...CALM, ...shown }
    for (const end = now.ms + forMs; now.ms < end;) {
      now.ms += 50
      wheel.advance(now.ms)
    }
    return overload.level
  }
  const configure = (changed: typeof settings) => void (settings = changed)
  return { overload, events, show, configure, wheel }
}

describe('overload', () => {
  it.each([
    ['memory', (share: number) => ({ memoryBytes: share * 1_000 })],
    ['descriptors', (share: number) => ({ descriptors: share })],
    ['buffers', (share: number) => ({ buffers: share })],
  ] as const)('of %s steps up at its thresholds, at once', (resource, at) => {
    const { show, events } = watched()
    const levels = [0.849, 0.85, 0.949, 0.95, 1.2].map((share) => show(at(share)))
    expect(levels).toEqual([0, 1, 1, 2, 2])
    expect(events).toEqual([
      { kind: 'overload', resource, level: 1, reading: 0.85 },
      { kind: 'overload', resource, level: 2, reading: 0.95 },
    ])
  })

  it('of the loop needs lag that lasts: one late turn is none', () => {
    const { show } = watched()
    expect(show({ loopLagMs: 900 }, RISE_MS.loop_lag - POLL_MS)).toBe(0)
    expect(show({ loopLagMs: 20 })).toBe(0)
    expect(show({ loopLagMs: 150 }, RISE_MS.loop_lag)).toBe(0)
    expect(show({ loopLagMs: 150 })).toBe(1)
    expect(show({ loopLagMs: 400 }, RISE_MS.loop_lag)).toBe(1)
    expect(show({ loopLagMs: 400 })).toBe(2)
  })

  it('is left one level at a time, each when the reading was clearly lower for a while', () => {
    const { show, events } = watched()
    show({ buffers: 1 })
    // Under the threshold, but not by the margin.
    expect(show({ buffers: 0.94 }, 10 * HOLD_MS)).toBe(2)
    expect(show({ buffers: 0.9 }, HOLD_MS - POLL_MS)).toBe(2)
    // Once up again, and the time begins anew.
    expect(show({ buffers: 0.91 })).toBe(2)
    expect(show({ buffers: 0.9 }, HOLD_MS)).toBe(2)
    expect(show({ buffers: 0.9 })).toBe(1)
    expect(show({ buffers: 0.5 }, HOLD_MS)).toBe(1)
    expect(show({ buffers: 0.5 })).toBe(0)
    expect(events.map((event) => event.kind === 'overload' && event.level)).toEqual([2, 1, 0])
  })

  it('is as high as the worst resource', () => {
    const { show } = watched()
    expect(show({ memoryBytes: 990, descriptors: 0.86 })).toBe(2)
    // Memory is left for good, by two steps; descriptors stay short.
    expect(show({ descriptors: 0.86 }, 3 * (HOLD_MS + POLL_MS))).toBe(1)
  })

  it('goes by new thresholds from the next look on, and looks no more once closed', () => {
    const { show, configure, overload, wheel } = watched()
    expect(show({ descriptors: 0.6 })).toBe(0)
    const { guard } = settingsWith()
    configure(settingsWith({ guard: { overload: { ...guard.overload, descriptors: { from: 0.5, to: 0.9 } } } }))
    expect(show({ descriptors: 0.6 })).toBe(1)
    overload.close()
    expect([show({ descriptors: 1 }), wheel.armed]).toEqual([1, 0])
  })
})

describe('the guard under overload', () => {
  it('takes known sources alone at the first level, and nobody at the second', () => {
    const overload: { level: OverloadLevel } = { level: 0 }
    const { come, use } = scene({ overload })
    use('192.0.2.1')
    const told = ([0, 1, 2] as const).map((level) => {
      overload.level = level
      return [come('192.0.2.1').refusal, come('192.0.2.2').refusal]
    })
    expect(told).toEqual([
      [undefined, undefined],
      [undefined, 'overload'],
      ['overload', 'overload'],
    ])
  })

  it('masks whom it refuses at the first level, and has nothing for anybody at the second', () => {
    const overload: { level: OverloadLevel } = { level: 1 }
    const { come, guard } = scene({ overload })
    const [first] = [come('192.0.2.1').lease, (overload.level = 2)] as const
    const second = come('192.0.2.1').lease
    expect([first.isExcess, second.isExcess, second.entry]).toEqual([false, true, -1])
    guard.release(first)
    guard.release(second)
  })

  it('takes addresses of level full as known', () => {
    const overload: { level: OverloadLevel } = { level: 1 }
    const { come } = scene({ overload })
    expect(come('192.0.2.1', undefined, 'full').refusal).toBeUndefined()
    overload.level = 2
    expect(come('192.0.2.1', undefined, 'full').refusal).toBe('overload')
  })

  it('counts a refusal for overload against nobody', () => {
    const overload: { level: OverloadLevel } = { level: 1 }
    const { come, events, guard } = scene({ overload })
    for (let i = 0; i < 1_000; i++) guard.release(come('192.0.2.1').lease)
    overload.level = 0
    expect([come('192.0.2.1').refusal, events]).toEqual([undefined, []])
  })

  it.each([
    ['with dry_run says what it would refuse', { isDryRun: true }, ['overload', undefined]],
    ['that is off refuses nobody', { isEnabled: false }, [undefined, undefined]],
  ])('%s', (_, settings, told) => {
    const { come, guard } = scene({ overload: { level: 2 }, settings })
    const { refusal, lease } = come('192.0.2.1')
    expect([refusal, lease.refusal, guard.isShut]).toEqual([...told, false])
    expect(lease.isExcess).toBe(false)
  })
})
