import { describe, expect, it } from 'vitest'
import type { ProxyEvent } from '../../../src/core/events.ts'
import { CLOSING_MS, play } from '../../../sim/attacks/play.ts'
import { Timeline } from '../../../sim/attacks/timeline.ts'
import type { Truth } from '../../../sim/attacks/truth.ts'
import { sum } from '../../../sim/report/figures.ts'
import { LIVELY, scenarioOf } from './lively.ts'

describe('the timeline of a run', () => {
  const scenario = scenarioOf(LIVELY)
  const timeline = new Timeline(scenario.duration + CLOSING_MS)
  const seen: string[] = []
  const run = play(scenario, 1, { timeline, onEvent: (atMs, { kind }) => seen.push(`${atMs} ${kind}`) })
  const series = timeline.finish()

  it('changes nothing of the run: same measures, same events at the same times', () => {
    const without: string[] = []
    expect(play(scenario, 1, { onEvent: (atMs, { kind }) => without.push(`${atMs} ${kind}`) })).toEqual(run)
    expect(without).toEqual(seen)
  })

  it('tells the time that the process took for each bin, where it is told', () => {
    let usedMs = 100
    const timed = new Timeline(1_000, () => (usedMs += 7))
    timed.watch({ came: 0, served: 0, trials: 0, sources: 0, poolBytes: 0 })
    timed.stepped(600)
    expect(timed.finish()).toMatchObject({ binMs: 250, cpuMs: [7, 7, 7, 7] })
    expect(sum(series.cpuMs)).toBe(0)
  })

  it('adds up to what the run was measured at', () => {
    const [homes] = run.honest
    expect(sum(series.honest.connected)).toBe(homes.connected)
    expect(sum(series.honest.lost)).toBe(homes.attempts - homes.connected)
    expect(sum(series.honest.lost)).toBeGreaterThan(0)
    const came = sum(run.attack.map(({ connections }) => connections))
    expect(sum(series.attack.came)).toBe(came)
    const { masked, refused, tarpitted, discarded, failed, served } = series.attack
    expect(sum([masked, refused, tarpitted, discarded, failed].flat()) + sum(served)).toBe(came)
    expect(sum(served)).toBe(sum(run.attack.map((attack) => attack.served)))
    expect(sum(served)).toBeGreaterThan(0)
    expect(sum(series.bans)).toBe(run.bans)
    expect(sum(series.trials)).toBe(run.trials)
    expect(series.sources.at(-1)).toBe(run.sources)
    const most = Math.max(...series.bufferBytes)
    // What is taken and given back within one step is seen by the pool alone.
    expect([most > 0, most <= run.poolBytes]).toEqual([true, true])
    expect(series.alarms).toHaveLength(run.alarms)
  })

  it('has one figure for each bin in every list', () => {
    const { honest, attack, connectMs, bans, trials, sources, bufferBytes } = series
    const lists = [honest, attack, connectMs].flatMap((group) => Object.values<readonly unknown[]>(group))
    for (const list of [...lists, bans, trials, sources, bufferBytes]) expect(list).toHaveLength(series.bins)
    expect(series.bins * series.binMs).toBeGreaterThanOrEqual(scenario.duration + CLOSING_MS)
  })

  it('shows what happened when it did', () => {
    // Attackers come from 10 s to 30 s of 40.
    const at = (ms: number) => Math.floor(ms / series.binMs)
    expect(sum(series.attack.came.slice(0, at(10_000)))).toBe(0)
    expect(sum(series.attack.came.slice(at(10_000), at(30_000)))).toBeGreaterThan(100)
    expect(sum(series.attack.came.slice(at(30_000) + 1))).toBe(0)
    expect(sum(series.honest.connected.slice(0, at(10_000)))).toBeGreaterThan(0)
    expect(Math.max(...series.attack.open)).toBeGreaterThan(1)
    expect(series.attack.open.at(-1)).toBe(0)
  })
})

describe('a bin', () => {
  const attack: Truth = { side: 'attack', group: 'x' }
  const closed = (more: Partial<Extract<ProxyEvent, { kind: 'closed' }>>): ProxyEvent => ({
    ...{ kind: 'closed', connection: 1, client: { ip: '192.0.2.1', port: 1 }, reason: 'masked', outcome: 'masked' },
    ...{ fromClientBytes: 0, toClientBytes: 0, ageMs: 0 },
    ...more,
  })

  it.each([
    [1_000, 250, 4],
    [37_500, 250, 150],
    [37_501, 500, 76],
    [255_000, 2_000, 128],
    [615_000, 5_000, 123],
    [86_415_000, 600_000, 145],
  ])('of a run of %i ms is %i ms long, and there are %i', (lengthMs, binMs, bins) => {
    expect(new Timeline(lengthMs).finish()).toMatchObject({ binMs, bins })
  })

  it('has percentiles of those that began in it, and none where none did', () => {
    const timeline = new Timeline(1_000)
    for (let ms = 1; ms <= 100; ms++) timeline.attempt(300, ms)
    timeline.attempt(999, 7)
    timeline.attempt(0, undefined)
    expect(timeline.finish().connectMs).toEqual({
      p50: [null, 50, null, 7],
      p90: [null, 90, null, 7],
      p99: [null, 99, null, 7],
    })
  })

  it('counts an attacker by what he got', () => {
    const timeline = new Timeline(1_000)
    timeline.event(0, closed({}), attack)
    timeline.event(250, closed({ reason: 'refused', outcome: 'failed' }), attack)
    timeline.event(500, closed({ reason: 'tarpit', outcome: 'discarded' }), attack)
    timeline.event(750, closed({ reason: 'discarded', outcome: 'discarded' }), attack)
    timeline.event(750, closed({ reason: 'overflow', outcome: 'failed' }), attack)
    timeline.event(750, closed({ reason: 'eof', outcome: 'relayed' }), attack)
    timeline.event(750, closed({}), { side: 'honest', group: 'x' })
    expect(timeline.finish().attack).toMatchObject({
      ...{ masked: [1, 0, 0, 0], refused: [0, 1, 0, 0], tarpitted: [0, 0, 1, 0] },
      ...{ discarded: [0, 0, 0, 1], failed: [0, 0, 0, 1] },
    })
  })

  it('has the most that was open in it, which those bring along that were open before', () => {
    const timeline = new Timeline(1_000)
    timeline.watch({ came: 0, served: 0, trials: 0, sources: 0, poolBytes: 0 })
    const accepted: ProxyEvent = { kind: 'accepted', connection: 1, client: { ip: '192.0.2.1', port: 1 } }
    timeline.event(10, accepted, attack)
    timeline.event(20, accepted, attack)
    timeline.stepped(20)
    timeline.stepped(600)
    timeline.event(600, closed({}), attack)
    timeline.event(610, closed({}), attack)
    timeline.stepped(760)
    expect(timeline.finish().attack.open).toEqual([2, 2, 2, 0])
  })
})
