import { Gathered, reportOf } from '../../../sim/attacks/gather.ts'
import { CLOSING_MS, play } from '../../../sim/attacks/play.ts'
import { Timeline } from '../../../sim/attacks/timeline.ts'
import type { ConformanceReport, RunReport, SwarmReport } from '../../../sim/report/data.ts'
import { LIVELY, scenarioOf } from '../attacks/lively.ts'

/** A run of a scenario file; what is measured is made up, so that it is the same each time. */
export function playedReport(text = LIVELY, seed = 1): RunReport {
  const scenario = scenarioOf(text)
  const timeline = new Timeline(scenario.duration + CLOSING_MS)
  const run = play(scenario, seed, { timeline })
  const command = `palisade sim run ${scenario.name} --seed ${seed}`
  return reportOf({ scenario, seed, run, timeline, command, cpuMs: 1234, rssBytes: 150 << 20 })
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
