import type { Command } from 'commander'
import { listSecrets } from '../../runtime/vault/secrets.ts'
import { loadOrExit, withConfigOptions, type ConfigOptions } from '../config-file.ts'
import { print } from '../output.ts'
import { printTable } from '../table.ts'
import { withToken } from './act.ts'

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
  const users = new Map(
    loaded.config.secret.flatMap(({ name, key }) => (key.from === 'hsm' ? [[key.label, name] as const] : [])),
  )
  const secrets = withToken(loaded, ({ token }) => listSecrets(token)).map(({ label, fault }) => ({
    ...{ label, state: fault ?? 'active', user: users.get(label) ?? null },
  }))
  if (options.json === true) return print(JSON.stringify(secrets, undefined, 2))
  printTable(
    ['LABEL', 'STATE', 'USER'],
    secrets.map(({ label, state, user }) => [label, state, user]),
  )
}
