import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import type { Report, SourceRow } from '../../sim/replay.ts'
import { DEFAULT_FILE, loadOrExit, withConfigOptions, type ConfigOptions } from './config-file.ts'
import { CliError, EXIT } from './exit.ts'
import { snakeCased } from './json.ts'
import { wholeNumber } from './numbers.ts'
import { print, say } from './output.ts'
import { howLong, moment, printTable, sayRest } from './table.ts'

interface ReplayCommand extends ConfigOptions {
  readonly state?: string
  readonly json?: true
  readonly top: number
  readonly failOnVictims?: true
}

const TOP = 20
const TOP_MAX = 100_000
const STATE_FOLDER = 'state'

/** `palisade sim replay`: what another configuration would have decided. */
export function addSimReplay(sim: Command): void {
  withConfigOptions(
    sim
      .command('replay <traces...>')
      .description('play recorded connections against a configuration, and say what it would decide otherwise'),
  )
    .option(
      '--state <folder>',
      'where the key of the addresses and copies of lists are (default: state.path of the configuration)',
    )
    .option('--top <rows>', 'most sources and bans shown', wholeNumber(1, TOP_MAX), TOP)
    .option('--json', 'for scripts')
    .option('--fail-on-victims', 'exit 1 when somebody who was served is refused now')
    .addHelpText(
      'after',
      '\nExamples:\n  palisade sim replay trace --config new.toml' +
        '\n  palisade sim replay trace --set guard.connections_per_ip=8',
    )
    .action(replay)
}

async function replay(paths: readonly string[], options: ReplayCommand): Promise<void> {
  const { replayFiles } = (await import(
    new URL('../../sim/replay.ts', import.meta.url).href
  )) as typeof import('../../sim/replay.ts')
  const hasConfig = options.config !== undefined || options.set !== undefined || existsSync(DEFAULT_FILE)
  const loaded = hasConfig ? loadOrExit(options) : undefined
  const stateFolder = options.state ?? loaded?.config.state.path ?? STATE_FOLDER
  let report: Report
  try {
    report = await replayFiles({ paths, loaded, stateFolder })
  } catch (error) {
    throw new CliError(EXIT.usage, `sim replay: ${(error as Error).message}`)
  }
  if (options.json === true) print(JSON.stringify(asJson(report, options.top), undefined, 2))
  else printReport(report, options.top)
  const hasVictims = report.differing.some(({ victims }) => victims > 0)
  if (options.failOnVictims === true && hasVictims) throw new CliError(EXIT.failed)
}

function printReport(report: Report, top: number): void {
  for (const note of report.notes) say(`note: ${note}`)
  printSummary(report)
  const reasons = (rows: Report['newlyRefused']) =>
    rows.map(({ reason, connections, served, sources }) => [reason, connections, served, sources.size])
  const headings = ['REASON', 'CONNECTIONS', 'SERVED WHEN RECORDED', 'SOURCES']
  section('Newly refused', headings, reasons(report.newlyRefused))
  section('Newly admitted, by why they were refused', headings, reasons(report.newlyAdmitted))
  if (report.unknown > 0) print(`  of which it is unknown what they would have done: ${report.unknown}`)
  const bans = (rows: Report['newlyBanned']) =>
    rows.slice(0, top).map(({ prefix, reason, times, firstSec }) => [prefix, reason, times, moment(firstSec)])
  section('Newly banned', ['PREFIX', 'REASON', 'TIMES', 'FIRST'], bans(report.newlyBanned))
  section('Not banned any more', ['PREFIX', 'REASON', 'TIMES', 'FIRST'], bans(report.noLongerBanned))
  section(
    'Users',
    ['USER', 'CONNECTIONS', 'REFUSED', 'ADMITTED', 'CUT BY QUOTA', 'MINUTES OVER BANDWIDTH', 'REASONS'],
    report.users.map((user) => [
      ...[user.name, user.connections, user.newlyRefused, user.newlyAdmitted, user.cut, user.crowdedMinutes],
      [...user.reasons].join(' ') || null,
    ]),
  )
  section(
    'Sources, those first who were served and are not any more',
    ['ADDRESS', 'CONNECTIONS', 'SERVED', 'REFUSED', 'ADMITTED', 'VICTIMS', 'REASONS', 'USERS', 'FIRST'],
    report.differing.slice(0, top).map(sourceCells),
  )
  sayRest(Math.min(top, report.differing.length), report.differing.length, '--top')
}

function printSummary(report: Report): void {
  const { connections, sources, served, spanSec, fromSec, agreement, refusedBefore, refusedNow } = report
  print(
    `${connections} connections of ${sources} sources in ${howLong(spanSec)} from ${moment(fromSec)}; ${served} served`,
  )
  const { all, same, others } = agreement
  print(`decided as recorded by the recorded configuration: ${same} of ${all} (${percent(same, all)})`)
  for (const { recorded, replayed, connections: count } of others) print(`  ${recorded}, here ${replayed}: ${count}`)
  print(`refused by the recorded configuration: ${refusedBefore}, by the new one: ${refusedNow}`)
  const isSame = report.newlyRefused.length + report.newlyAdmitted.length === 0
  const hasBans = report.newlyBanned.length + report.noLongerBanned.length > 0
  if (isSame && !hasBans) print('no difference')
}

function section(title: string, headings: readonly string[], rows: Parameters<typeof printTable>[1]): void {
  if (rows.length === 0) return
  print(`\n${title}`)
  printTable(headings, rows)
}

function sourceCells(row: SourceRow): (string | number | null)[] {
  return [
    ...[row.address, row.connections, row.served, row.newlyRefused, row.newlyAdmitted, row.victims],
    ...[[...row.reasons].join(', '), [...row.users].join(' ') || null, moment(row.firstSec)],
  ]
}

/** Never rounded up to all of it. */
function percent(part: number, all: number): string {
  return all === 0 ? '100 %' : `${(Math.floor((10_000 * part) / all) / 100).toFixed(2)} %`
}

function asJson(report: Report, top: number): unknown {
  const { differing, newlyRefused, newlyAdmitted, users, newlyBanned, noLongerBanned, ...rest } = report
  const plain = (rows: Report['newlyRefused']) => rows.map((row) => ({ ...row, sources: row.sources.size }))
  return snakeCased({
    ...rest,
    newlyRefused: plain(newlyRefused),
    newlyAdmitted: plain(newlyAdmitted),
    newlyBanned: newlyBanned.slice(0, top),
    noLongerBanned: noLongerBanned.slice(0, top),
    users: users.map((row) => ({ ...row, reasons: [...row.reasons] })),
    differingSources: differing.length,
    differing: differing.slice(0, top).map((row) => ({ ...row, reasons: [...row.reasons], users: [...row.users] })),
  })
}
