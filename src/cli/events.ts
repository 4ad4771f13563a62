import type { Command } from 'commander'
import type { EventsAnswer } from '../admin/desk.ts'
import { ROWS_MAX } from '../admin/requests.ts'
import { askFor } from './admin-client.ts'
import { withConfigOptions, type ConfigOptions } from './config-file.ts'
import { wholeNumber } from './numbers.ts'
import { print } from './output.ts'
import { moment, printTable } from './table.ts'

interface EventsOptions extends ConfigOptions {
  readonly last: number
  readonly json?: true
}

const LAST = 50

/** What a running proxy refused, banned and learnt of late, over all its workers. */
export function addEvents(program: Command): void {
  withConfigOptions(program.command('events').description('the last security events, the newest at the end'))
    .option('--last <rows>', 'how many', wholeNumber(1, ROWS_MAX), LAST)
    .option('--json', 'for scripts')
    .action(events)
}

async function events(options: EventsOptions): Promise<void> {
  const answer = await askFor<EventsAnswer>(options, 'events', { last: options.last })
  if (options.json === true) return print(JSON.stringify(answer, undefined, 2))
  const rows = answer.rows.map(({ last_sec, severity, code, source, count, worker, details }) => [
    ...[moment(last_sec), severity, code, source, count, worker],
    Object.entries(details)
      .map(([name, value]) => `${name}=${value}`)
      .join(' '),
  ])
  printTable(['TIME', 'SEVERITY', 'CODE', 'SOURCE', 'COUNT', 'WORKER', 'DETAILS'], rows)
}
