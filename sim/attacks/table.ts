import { milliseconds, percent, size, sum } from '../report/figures.ts'
import { connectedShare, servedShare, type Failure } from './judge.ts'
import type { Measures } from './measures.ts'
import type { Counts } from './tally.ts'

/** One run as it is told: its measures, what of the file it does not hold, and the CPU time it took, which is not part of it. */
export interface Told {
  readonly run: Measures
  readonly failures: readonly Failure[]
  readonly cpuMs: number
}

/** One run, a line for each thing. */
export function tableOf({ run, failures, cpuMs }: Told): string {
  const lines = [`${run.scenario}, seed ${run.seed}`]
  for (const { name, attempts, connected, lost, connectP99Ms, throughputLost } of run.honest) {
    const share = percent(attempts === 0 ? 0 : connected / attempts)
    const lostText = attempts === connected ? '' : `, lost: ${list(lost)}`
    lines.push(
      `  honest  ${name}: ${attempts} tried, ${share} connected, p99 ${milliseconds(connectP99Ms)}, ` +
        `throughput lost ${percent(throughputLost)}${lostText}`,
    )
  }
  for (const attack of run.attack) {
    const share = percent(attack.connections === 0 ? 0 : attack.served / attack.connections)
    const { gotBytes, gotMost } = attack
    const got = gotBytes === 0 ? '' : `, ${size(gotBytes)} downloaded, at most ${size(gotMost)} by one`
    lines.push(
      `  attack  ${attack.name}: ${attack.connections} came, ${share} served${got}, ` +
        `${attack.tried} cost ${attack.trials} trials, ${size(attack.maskedBytes)} masked`,
      `          rejected: ${list(attack.rejected)}`,
      `          closed: ${list(attack.closed)}`,
    )
  }
  const rejected = list(run.honestRejected)
  lines.push(
    `  proxy   ${run.trials} trials in all, ${run.sources} sources tracked, ${size(run.poolBytes)} of buffers, ` +
      `${run.openMost} open at most; honest turned away: ${rejected}`,
    `          ${run.alarms} alarms; ${run.bans} bans, on ${run.honestBanned} of ${run.honestAddresses} honest addresses; ` +
      `detected after ${milliseconds(run.detectMs)}, recovered after ${milliseconds(run.recoverMs)}`,
    `  run     ${run.events} events, ${Math.round(run.virtualMs / 1000)} s of virtual time, ${Math.round(cpuMs)} ms of CPU`,
  )
  for (const failure of failures) lines.push(`  FAILED  ${failureText(failure)}`)
  return lines.join('\n')
}

/** `honest_connected_min = 0.99, got 0.93` */
export function failureText({ assertion, wanted, found }: Failure): string {
  return `${assertion} = ${wanted}, got ${found === undefined ? 'nothing' : Number(found.toFixed(4))}`
}

/** The worst of some runs of each scenario, as a table in Markdown. */
export function summaryOf(all: readonly Told[]): string {
  const names = [...new Set(all.map(({ run }) => run.scenario))]
  const head =
    '| scenario | seeds | honest connections | connected, worst seed | over all | p99 to connect | throughput lost | ' +
    'attackers | served | trials | masked | sources | buffers | detected | recovered | honest banned | CPU |'
  const rule = head.replace(/[^|]+/g, ' --- ')
  const rows = names.map((name) => {
    const told = all.filter(({ run }) => run.scenario === name)
    return rowOf(name, told)
  })
  return [head, rule, ...rows].join('\n')
}

function rowOf(name: string, told: readonly Told[]): string {
  const runs = told.map(({ run }) => run)
  const most = (of: (run: Measures) => number) => Math.max(...runs.map(of))
  const detected = runs.map(({ detectMs }) => detectMs)
  const isAlwaysDetected = detected.every((ms) => ms !== undefined)
  const groups = runs.flatMap(({ honest }) => honest)
  const cells = [
    name,
    runs.length,
    sum(groups.map(({ attempts }) => attempts)),
    percent(Math.min(...runs.map((run) => connectedShare(run.honest)))),
    percent(connectedShare(groups)),
    milliseconds(Math.max(...groups.map(({ connectP99Ms = 0 }) => connectP99Ms))),
    percent(Math.max(...groups.map(({ throughputLost }) => throughputLost))),
    most((run) => sum(run.attack.map(({ connections }) => connections))),
    percent(most(servedShare)),
    most((run) => sum(run.attack.map(({ trials }) => trials))),
    size(most((run) => sum(run.attack.map(({ maskedBytes }) => maskedBytes)))),
    most(({ sources }) => sources),
    size(most(({ poolBytes }) => poolBytes)),
    isAlwaysDetected ? milliseconds(most(({ detectMs = 0 }) => detectMs)) : 'not always',
    milliseconds(most(({ recoverMs }) => recoverMs)),
    most(({ honestBanned }) => honestBanned),
    milliseconds(Math.round(sum(told.map(({ cpuMs }) => cpuMs)) / told.length)),
  ]
  return `| ${cells.join(' | ')} |`
}

/** `3 eof, 1 replay`, the most frequent first. */
export function list(counts: Counts): string {
  const entries = Object.entries(counts).sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
  return entries.length === 0 ? 'none' : entries.map(([what, count]) => `${count} ${what}`).join(', ')
}
