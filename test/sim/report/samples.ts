import { Arena } from '../../../sim/attacks/arena.ts'
import { enterAll } from '../../../sim/attacks/cast.ts'
import { Gathered, reportOf } from '../../../sim/attacks/gather.ts'
import { liveReportOf } from '../../../sim/attacks/live/live-report.ts'
import { LiveTimeline } from '../../../sim/attacks/live/live-timeline.ts'
import { judgements } from '../../../sim/attacks/live/outcome.ts'
import { measure } from '../../../sim/attacks/measures.ts'
import { CLOSING_MS, play } from '../../../sim/attacks/play.ts'
import { Tally } from '../../../sim/attacks/tally.ts'
import { Timeline } from '../../../sim/attacks/timeline.ts'
import type { ConformanceReport, RunReport, SwarmReport } from '../../../sim/report/data.ts'
import type { LiveReport } from '../../../sim/report/live-data.ts'
import { LIVELY, scenarioOf } from '../attacks/lively.ts'

/** A run of a scenario file; what is measured is made up, so that it is the same each time. */
export function playedReport(text = LIVELY, seed = 1): RunReport {
  const scenario = scenarioOf(text)
  let cpuMs = 0
  const timeline = new Timeline(scenario.duration + CLOSING_MS, () => (cpuMs += 3))
  const run = play(scenario, seed, { timeline })
  const command = `palisade sim run ${scenario.name} --seed ${seed}`
  return reportOf({ scenario, seed, run, timeline, command, cpuMs: 1234, rssBytes: 150 << 20 })
}

/** The same people as they see themselves, at a proxy that is asked twice a second; without `isInside` nobody asks it. */
export function livePlayedReport({ isInside = true } = {}): LiveReport {
  const scenario = scenarioOf(LIVELY)
  const arena = new Arena(scenario, 1)
  const tally = new Tally()
  const timeline = new LiveTimeline({ lengthMs: scenario.duration + CLOSING_MS, pace: 1 })
  arena.onEvent = (event) => tally.event(event, arena.nowMs, undefined)
  enterAll(arena, scenario, tally, {
    onAttempt: (startMs, connectMs) => timeline.attempt(startMs, connectMs),
    onAttackEnd: (group, end) => timeline.attackEnd(arena.nowMs, group, end),
  })
  for (let atMs = 500; atMs <= scenario.duration + CLOSING_MS; atMs += 500) {
    arena.world.runUntil(arena.startAt + atMs)
    timeline.open(arena.nowMs, { honest: arena.proxy.open, attack: atMs % 7 })
    const look = { trials: arena.vault.trials, bufferBytes: arena.proxy.pool.inUseBytes }
    if (isInside) timeline.look(arena.nowMs, { ...look, memoryBytes: (90 << 20) + atMs, cpuSec: atMs / 4_000 })
  }
  const run = measure({ scenario, seed: 1, arena, tally, openMost: 50 })
  const sight = { hasTelegram: true, isInside, inside: isInside ? { trials: 0, faults: 0, poolBytes: 0 } : undefined }
  const place = { ip: '127.0.0.1', port: 8443 }
  return liveReportOf({
    options: { name: 'lively', seed: 1, proxy: place, secrets: [1], scale: 1, speed: 1 },
    ...{ scenario, speed: 1, run, tally, timeline, sight },
    judgements: judgements(scenario, run, sight),
    remarks: ['under test is what the proxy has'],
  })
}

export function gathered(...reports: readonly RunReport[]) {
  const all = new Gathered(reports[0].seed)
  for (const report of reports) all.add(report)
  return all.report('palisade sim run attacks --seed 1', 'node 24.0.0 on linux x64')
}

export const SWARM: SwarmReport = {
  ...{ command: 'palisade sim run mix --seed 1 --runs 2000', runtime: 'node 24.0.0 on linux x64', firstSeed: 1 },
  ...{ passed: 1998, failed: 2, events: 24_000_000, wallMs: 65_000 },
  profiles: [
    { name: 'everything', seeds: 1000, failed: 2, events: 20_000_000 },
    { name: 'quiet', seeds: 1000, failed: 0, events: 4_000_000 },
  ],
  reached: [
    { name: 'closed eof', count: 12_345 },
    { name: 'fault kill', count: 77 },
  ],
  missed: ['closed overflow'],
  invariants: [
    { name: 'I1', about: 'bytes come through as they were sent', broken: 2 },
    { name: 'I7', about: 'every lease is given back', broken: 0 },
  ],
  failures: [
    {
      ...{ seed: 17, profile: 'everything', invariant: 'I1', what: 'byte 12 of <script>alert(1)</script> is wrong' },
      ...{ atMs: 12_345, command: 'palisade sim run mix --seed 17 --trace' },
    },
  ],
  pace: { width: 5_000, counts: [100, 150, 170, 160, 150, 140, 160, 170, 160, 150, 150, 170, 168] },
  lengths: { width: 2_000, counts: [0, 12, 160, 700, 800, 250, 60, 12, 5, 1] },
}

export const CONFORMANCE: ConformanceReport = {
  target: '127.0.0.1:8443',
  cases: [
    { id: '1.1', group: 'transports', title: 'the first answer', verdict: 'pass', why: '', observed: '', tookMs: 120 },
    {
      ...{
        id: '1.2',
        group: 'transports',
        title: 'byte by byte',
        verdict: 'fail',
        why: 'another answer',
        tookMs: 5_000,
      },
      observed: '160301'.repeat(20),
    },
    { id: '2.1', group: 'strain', title: 'many', verdict: 'skip', why: 'needs --mask', observed: '', tookMs: 0 },
  ],
}
