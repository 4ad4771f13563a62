import { describe, expect, it } from 'vitest'
import { LiveTimeline } from '../../../sim/attacks/live/live-timeline.ts'
import { sum } from '../../../sim/report/figures.ts'
import { livePlayedReport } from '../report/samples.ts'

const NOTHING = { bans: [], alarms: [] }

describe('the timeline of a run against a real proxy', () => {
  const { run, series, ends, bansByReason } = livePlayedReport()

  it('adds up to what the run was measured at, by every group', () => {
    const [homes] = run.honest
    expect(sum(series.honest.connected)).toBe(homes.connected)
    expect(sum(series.honest.lost)).toBe(homes.attempts - homes.connected)
    const { open, ...attack } = series.attack
    expect(Math.max(...open)).toBeGreaterThan(0)
    const came = sum(run.attack.map(({ connections }) => connections))
    expect(sum(Object.values(attack).flat())).toBe(came)
    expect(ends.map((each) => sum(Object.values(each.ends)))).toEqual(run.attack.map((each) => each.connections))
    expect(sum(attack.served)).toBe(sum(run.attack.map(({ served }) => served)))
    for (const seen of [attack.served, attack.answered]) expect(sum(seen)).toBeGreaterThan(0)
    expect(sum(series.bans ?? [])).toBe(run.bans)
    expect(sum(Object.values(bansByReason))).toBe(run.bans)
    expect(series.alarms).toHaveLength(run.alarms)
  })

  it('counts by the time of the proxy, however fast the plan is played, and ends where the run does', () => {
    const timeline = new LiveTimeline({ lengthMs: 10_000, pace: 10 })
    timeline.attempt(40_000, 30)
    timeline.attempt(99_000, undefined)
    timeline.attackEnd(12_000, 'x', 'closed')
    const tally = {
      bans: [{ atMs: 55_000, prefix: '127.1.0.0/24', reason: 'flood' }],
      alarms: [{ atMs: 50_000, what: 'd' }],
    }
    const series = timeline.finish(59_000, tally, true)
    expect([series.binMs, series.bins]).toEqual([500, 12])
    expect(series.honest.connected.indexOf(1)).toBe(8)
    expect(series.connectMs.p99[8]).toBe(30)
    expect(series.attack.closed.indexOf(1)).toBe(2)
    expect(series.bans?.indexOf(1)).toBe(11)
    expect(series.alarms).toEqual([{ atMs: 5_000, what: 'd' }])
    expect(timeline.endsOf('x')).toMatchObject({ closed: 1, served: 0 })
    expect(timeline.endsOf('y')).toMatchObject({ closed: 0 })
  })

  it('has what the proxy says of itself without gaps between two answers, and pace has no part in rates', () => {
    const timeline = new LiveTimeline({ lengthMs: 4_000, pace: 2 })
    const look = { trials: 100, cpuSec: 5, bufferBytes: 10, memoryBytes: 1_000 }
    timeline.look(1_000, look)
    timeline.look(5_000, { trials: 140, cpuSec: 6, bufferBytes: 20, memoryBytes: 2_000 })
    timeline.look(5_200, { trials: 900, cpuSec: 99, bufferBytes: 0, memoryBytes: 0 })
    const { inside, bans } = timeline.finish(7_000, NOTHING, false)
    expect(inside).toEqual({
      bufferBytes: [null, 10, 20, 20, 20, 20, null, null],
      memoryBytes: [null, 1_000, 2_000, 2_000, 2_000, 2_000, null, null],
      trialsPerSec: [null, null, 20, 20, 20, 20, null, null],
      cpuPercent: [null, null, 50, 50, 50, 50, null, null],
    })
    expect(bans).toBeUndefined()
    expect(new LiveTimeline({ lengthMs: 4_000, pace: 2 }).finish(1, NOTHING, false).inside).toBeUndefined()
  })
})
