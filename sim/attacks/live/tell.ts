import { writeReport } from '../../report/file.ts'
import { livePage } from '../../report/html/live-page.ts'
import { runOutcome, type RunOutcome } from '../for-scripts.ts'
import type { Scenario } from '../plan/read.ts'
import type { Tally } from '../tally.ts'
import { liveCommandOf, type CommandOptions } from './command.ts'
import { liveReportOf } from './live-report.ts'
import type { LiveStage } from './live-stage.ts'
import { liveTableOf } from './live-table.ts'
import type { LiveTimeline } from './live-timeline.ts'
import { judgements, liveMeasures, measuresOf } from './outcome.ts'
import type { Watch } from './watch.ts'

/** How a run is told of. */
export interface TellOptions extends CommandOptions {
  /** A file for a page about it. */
  readonly report?: string
  /** Told of it in place of what is printed. */
  readonly tell?: (outcome: RunOutcome) => void
}

/** A run that is over. */
export interface LivePlayed {
  readonly options: TellOptions
  readonly scenario: Scenario
  readonly speed: number
  readonly remarks: readonly string[]
  readonly tally: Tally
  readonly timeline: LiveTimeline
  readonly watch: Watch | undefined
}

/** Prints what came of it or hands it on, and writes the page; false: an assertion failed. `say` takes what is no result. */
export async function tellLive(stage: LiveStage, played: LivePlayed, say: (line: string) => void): Promise<boolean> {
  const { options, scenario, tally, timeline, watch } = played
  const tookMs = stage.nowMs / stage.pace
  const seen = await watch?.end().catch((error: unknown) => say(`the proxy cannot be asked any more: ${String(error)}`))
  const sight = { hasTelegram: stage.hasTelegram, isInside: seen !== undefined, inside: seen?.inside }
  const run = measuresOf({ scenario, seed: options.seed }, stage, tally, sight.inside)
  const judged = judgements(scenario, run, sight)
  const { unmade } = stage.crowd
  if (options.tell === undefined) {
    process.stdout.write(`${liveTableOf({ run, judgements: judged, sight, unmade, tookMs })}\n`)
  } else {
    const measures = liveMeasures(run, sight, { unmade, tookMs, endsOf: (group) => timeline.endsOf(group) })
    options.tell(runOutcome(run, judged, { isLive: true, command: liveCommandOf(options), measures }))
  }
  const told = { ...played, run, sight, judgements: judged }
  if (options.report !== undefined) writeReport(options.report, livePage(liveReportOf(told)))
  return judged.every(({ result }) => result !== 'fail')
}
