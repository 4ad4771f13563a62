import type { Command } from 'commander'
import { listSecrets } from '../../runtime/vault/secrets.ts'
import { loadOrExit, withConfigOptions, type ConfigOptions } from '../config-file.ts'
import { print } from '../output.ts'
import { moment, printTable } from '../table.ts'
import { nowSec, usersByLabel } from './act.ts'
import { withToken } from './place.ts'
import { listSealed, type Listed } from './sealed.ts'

interface ListOptions extends ConfigOptions {
  readonly json?: true
}

export function addList(hsm: Command): void {
  withConfigOptions(hsm.command('list').description('secrets in the token, by label; never what they are'))
    .option('--json', 'for scripts')
    .action(list)
}

function list(options: ListOptions): void {
  const loaded = loadOrExit(options)
  const users = usersByLabel(loaded)
  const secrets = withToken(
    loaded,
    ({ token }): readonly Listed[] => listSecrets(token, nowSec()),
    () => listSealed(loaded),
  )
  const rows = secrets.flatMap(({ label, generations }) =>
    generations.map(({ number, state, untilSec, fault }) => ({
      ...{ label, generation: number, state, until_sec: untilSec ?? null },
      ...{ user: users.get(label) ?? null, fault: fault ?? null },
    })),
  )
  if (options.json === true) return print(JSON.stringify(rows, undefined, 2))
  printTable(
    ['LABEL', 'GENERATION', 'STATE', 'UNTIL', 'USER', 'FAULT'],
    rows.map(({ label, generation, state, until_sec: until, user, fault }) => [
      ...[label, generation, state, until === null ? null : moment(until), user, fault],
    ]),
  )
}
