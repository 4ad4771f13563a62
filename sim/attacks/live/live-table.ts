import type { Judgement } from '../judge.ts'
import type { Measures } from '../measures.ts'
import { milliseconds, percent, size } from '../../report/figures.ts'
import { failureText, list } from '../table.ts'
import type { Sight } from './outcome.ts'

export interface LiveTold {
  readonly run: Measures
  readonly judgements: readonly Judgement[]
  readonly sight: Sight
  readonly unmade: number
  readonly tookMs: number
}

/** One run against a real proxy, a line for each thing; what cannot be seen from where we are is not there. */
export function liveTableOf({ run, judgements, sight, unmade, tookMs }: LiveTold): string {
  const lines = [`${run.scenario}, seed ${run.seed}, live`]
  for (const { name, attempts, connected, lost, connectP99Ms, throughputLost } of run.honest) {
    const p99 = connectP99Ms === undefined ? undefined : Math.round(connectP99Ms)
    lines.push(
      `  honest  ${name}: ${attempts} tried, ${percent(attempts === 0 ? 0 : connected / attempts)} connected, ` +
        `p99 ${milliseconds(p99)}${sight.hasTelegram ? `, throughput lost ${percent(throughputLost)}` : ''}` +
        `${attempts === connected ? '' : `, lost: ${list(lost)}`}`,
    )
  }
  for (const { name, connections, served, gotBytes } of run.attack) {
    const share = percent(connections === 0 ? 0 : served / connections)
    const got = gotBytes === 0 ? '' : `, ${size(gotBytes)} downloaded`
    lines.push(`  attack  ${name}: ${connections} came, ${share} served${got}`)
  }
  if (sight.isInside) lines.push(`  proxy   ${proxyLine(run, sight)}`)
  const missed = unmade === 0 ? '' : `, ${unmade} connections not made for want of sockets`
  lines.push(
    `  run     ${(tookMs / 1000).toFixed(1)} s, ${run.openMost} connections at once at most${missed}, ` +
      `recovered after ${milliseconds(run.recoverMs)}`,
  )
  const unknown = judgements.flatMap(({ assertion, why }) => (why === undefined ? [] : `${assertion} (${why})`))
  if (unknown.length > 0) lines.push(`  not judged: ${unknown.join(', ')}`)
  for (const each of judgements) if (each.result === 'fail') lines.push(`  FAILED  ${failureText(each)}`)
  return lines.join('\n')
}

function proxyLine(run: Measures, { inside }: Sight): string {
  const more =
    inside === undefined ? '' : `; ${run.trials} trials, ${size(run.poolBytes)} of buffers, ${run.faults} faults`
  return (
    `${run.alarms} alarms; ${run.bans} bans, on ${run.honestBanned} of ${run.honestAddresses} honest addresses; ` +
    `detected after ${milliseconds(run.detectMs)}${more}`
  )
}
