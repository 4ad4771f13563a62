import { Option, type Command } from 'commander'
import type { KillAnswer, SessionsAnswer } from '../admin/desk.ts'
import { IDS_MAX, ROWS_MAX, SESSION_SORTS } from '../admin/requests.ts'
import { askFor } from './admin-client.ts'
import { withConfigOptions, type ConfigOptions } from './config-file.ts'
import { CliError, EXIT } from './exit.ts'
import { prefix, wholeNumber } from './numbers.ts'
import { print, say } from './output.ts'
import { howLong, howMuch, printTable, sayRest } from './table.ts'

interface Whose extends ConfigOptions {
  readonly user?: string
  readonly ip?: string
  readonly json?: true
}

interface SessionsOptions extends Whose {
  readonly limit: number
  readonly sort: (typeof SESSION_SORTS)[number]
}

const LIMIT = 100
const ID = /^\d{1,4}\.\d{1,15}$/
const HEADINGS = ['ID', 'ADDRESS', 'USER', 'MODE', 'DC', 'WAY', 'ACCESS', 'STAGE', 'AGE', 'UP', 'DOWN']

/** Connections of a running proxy, over all its workers. */
export function addSessions(program: Command): void {
  withWhose(program.command('sessions').description('list open connections'))
    .addOption(new Option('--sort <by>', 'what comes first').choices(SESSION_SORTS).default('age'))
    .option('--limit <rows>', 'most rows shown', wholeNumber(1, ROWS_MAX), LIMIT)
    .addHelpText('after', '\nExample:\n  palisade sessions --user family --sort bytes')
    .action(sessions)
  withWhose(program.command('kill [ids...]').description('end connections, by id, user or address'))
    .addHelpText('after', '\nExamples:\n  palisade kill 0.17 1.4\n  palisade kill --ip 192.0.2.0/24')
    .action(kill)
}

function withWhose(command: Command): Command {
  return withConfigOptions(command)
    .option('--user <name>', 'only of this user')
    .option('--ip <range>', 'only from this address or range', prefix)
    .option('--json', 'for scripts')
}

async function sessions(options: SessionsOptions): Promise<void> {
  const { user, ip, limit, sort } = options
  const answer = await askFor<SessionsAnswer>(options, 'sessions', { user, ip, limit, sort })
  if (options.json === true) return print(JSON.stringify(answer, undefined, 2))
  const rows = answer.rows.map((row) => [
    ...[row.id, row.address, row.user, row.mode, row.dc, row.way, row.access, row.stage],
    ...[howLong(row.age_sec), howMuch(row.client_to_dc_bytes), howMuch(row.dc_to_client_bytes)],
  ])
  printTable(HEADINGS, rows)
  sayRest(rows.length, answer.total, '--limit')
}

async function kill(ids: readonly string[], options: Whose): Promise<void> {
  const { user, ip } = options
  const wrong = ids.find((id) => !ID.test(id))
  if (wrong !== undefined) throw new CliError(EXIT.usage, `kill: expected an id such as 0.17, got '${wrong}'`)
  if (ids.length > IDS_MAX) throw new CliError(EXIT.usage, `kill: at most ${IDS_MAX} ids at a time`)
  if (ids.length === 0 && user === undefined && ip === undefined)
    throw new CliError(EXIT.usage, 'kill: expected ids, --user or --ip')
  const query = { user, ip, ...(ids.length === 0 ? {} : { ids }) }
  const answer = await askFor<KillAnswer>(options, 'kill', query)
  if (options.json === true) print(JSON.stringify(answer, undefined, 2))
  else {
    for (const id of answer.missing) say(`${id}: no such connection`)
    print(`killed ${answer.killed}`)
  }
  if (answer.missing.length > 0) process.exitCode = EXIT.failed
}
