import { runtimeText } from '../../report/file.ts'
import type { LiveReport } from '../../report/live-data.ts'
import { spansOf } from '../gather.ts'
import type { Judgement } from '../judge.ts'
import type { Measures } from '../measures.ts'
import type { Scenario } from '../plan/read.ts'
import { count, type Counts, type Tally } from '../tally.ts'
import { liveCommandOf, type CommandOptions } from './command.ts'
import type { LiveTimeline } from './live-timeline.ts'
import type { Sight } from './outcome.ts'

export interface LiveJudged {
  readonly options: CommandOptions
  readonly scenario: Scenario
  readonly speed: number
  readonly run: Measures
  readonly tally: Tally
  readonly timeline: LiveTimeline
  readonly judgements: readonly Judgement[]
  readonly sight: Sight
  readonly remarks: readonly string[]
}

/** All that a page tells of one run against a real proxy. */
export function liveReportOf(played: LiveJudged): LiveReport {
  const { options, scenario, speed, run, tally, timeline, judgements, sight, remarks } = played
  const { proxy } = options
  const bansByReason: Counts = {}
  for (const { reason } of tally.bans) count(bansByReason, reason)
  return {
    ...{ about: scenario.what, run, judgements, remarks, speed, bansByReason },
    target: `${proxy.ip}:${proxy.port}`,
    ...{ command: liveCommandOf(options), runtime: runtimeText(), hasTelegram: sight.hasTelegram },
    ends: run.attack.map(({ name }) => ({ group: name, ends: timeline.endsOf(name) })),
    spans: spansOf(scenario).map(({ fromMs, toMs, ...span }) => ({
      ...span,
      fromMs: fromMs / speed,
      toMs: toMs / speed,
    })),
    series: timeline.finish(run.virtualMs, tally, sight.isInside),
  }
}
