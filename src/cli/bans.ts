import type { Command } from 'commander'
import type { Bans, Unbanned } from '../admin/bans.ts'
import type { AccessAnswer, BanAnswer } from '../admin/desk.ts'
import { BAN_MS, ROWS_MAX } from '../admin/requests.ts'
import { parseCidr } from '../core/address.ts'
import { askFor } from './admin-client.ts'
import { withConfigOptions, type ConfigOptions } from './config-file.ts'
import { CliError, EXIT } from './exit.ts'
import { durationOf, ipAddress, prefix, wholeNumber } from './numbers.ts'
import { print, say } from './output.ts'
import { howLong, moment, printTable, sayRest } from './table.ts'

interface Options extends ConfigOptions {
  readonly json?: true
}

const LIMIT = 100

/** Who is kept out of a running proxy, and by what. */
export function addBans(program: Command): void {
  withJson(program.command('bans').description('list who is banned, and for how long'))
    .option('--limit <rows>', 'most rows shown', wholeNumber(1, ROWS_MAX), LIMIT)
    .action(bans)
  withJson(program.command('ban').description('keep an address or a range out for a time'))
    .argument('<prefix>', 'an address, or a range such as 192.0.2.0/24', prefix)
    .option('--for <duration>', 'how long (default: guard.block_for)', durationOf(BAN_MS.min, BAN_MS.max))
    .addHelpText(
      'after',
      '\nLive relays go on: palisade kill --ip ends them.\n\nExample:\n  palisade ban 2001:db8::/64 --for 2h',
    )
    .action(ban)
  withJson(program.command('unban').description('lift the ban of an address or a range, and of all within'))
    .argument('[prefix]', 'as palisade bans has it', prefix)
    .option('--all', 'every ban there is')
    .action(unban)
  withJson(program.command('access').description('which level an address has, and by which rule'))
    .argument('<address>', 'an IP address', ipAddress)
    .action(access)
}

function withJson(command: Command): Command {
  return withConfigOptions(command).option('--json', 'for scripts')
}

async function bans(options: Options & { readonly limit: number }): Promise<void> {
  const answer = await askFor<Bans>(options, 'bans', { limit: options.limit })
  if (options.json === true) return print(JSON.stringify(answer, undefined, 2))
  const rows = answer.rows.map(({ prefix, reason, times, until_sec, remaining_sec, score }) => [
    ...[prefix, reason, times, moment(until_sec), howLong(remaining_sec), score],
  ])
  printTable(['PREFIX', 'REASON', 'TIMES', 'UNTIL', 'LEFT', 'SCORE'], rows)
  sayRest(rows.length, answer.total, '--limit')
}

async function ban(wanted: string, options: Options & { readonly for?: number }): Promise<void> {
  const args = { prefix: wanted, ...(options.for === undefined ? {} : { for_ms: options.for }) }
  const answer = await askFor<BanAnswer>(options, 'ban', args)
  if (!answer.enforced) say('nobody is refused: guard.enabled is false, or guard.dry_run is true')
  if (options.json === true) return print(JSON.stringify(answer, undefined, 2))
  const before = answer.replaced_sec === null ? '' : `, in place of a ban with ${howLong(answer.replaced_sec)} left`
  print(
    `banned ${answer.prefix} by hand for ${howLong(answer.remaining_sec)}, until ${moment(answer.until_sec)}${before}`,
  )
  if (answer.live > 0) print(`${answer.live} live from there go on: palisade kill --ip ${answer.prefix} ends them`)
  if (parseCidr(answer.prefix)?.bits === 128)
    say('one IPv6 address alone: whoever has it has the rest of its /64 as well')
}

async function unban(wanted: string | undefined, options: Options & { readonly all?: true }): Promise<void> {
  if ((wanted === undefined) === (options.all === undefined))
    throw new CliError(EXIT.usage, 'unban: expected an address, a range, or --all')
  const args = wanted === undefined ? { all: true } : { prefix: wanted }
  const answer = await askFor<Unbanned>(options, 'unban', args)
  if (options.json === true) print(JSON.stringify(answer, undefined, 2))
  else {
    for (const lifted of answer.lifted) print(`lifted ${lifted}`)
    if (answer.total > answer.lifted.length) print(`and ${answer.total - answer.lifted.length} more`)
    if (answer.total === 0) say(wanted === undefined ? 'nobody is banned' : `${wanted} is not banned itself`)
    for (const wider of answer.covered_by) say(`${wanted} is still kept out with ${wider}: palisade unban ${wider}`)
  }
  if (wanted !== undefined && (answer.total === 0 || answer.covered_by.length > 0)) process.exitCode = EXIT.failed
}

const DECIDERS: Readonly<Record<string, string>> = {
  deny: 'access.deny',
  rule: 'access.rules',
  allow: 'access.allow',
  list: 'a list',
  default: 'default: nothing names it',
}

async function access(address: string, options: Options): Promise<void> {
  const answer = await askFor<AccessAnswer>(options, 'access', { ip: address })
  if (options.json === true) return print(JSON.stringify(answer, undefined, 2))
  const named = answer.named === null ? '' : ` (${answer.named})`
  print(`${answer.address}: level ${answer.level}, by ${DECIDERS[answer.by] ?? answer.by}${named}`)
  for (const { prefix, reason, remaining_sec } of answer.bans)
    print(`banned with ${prefix} for ${howLong(remaining_sec)} more (${reason})`)
  if (!answer.agreed) say('not all workers agree yet: a list has just changed')
}
