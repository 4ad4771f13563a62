import type { Command } from 'commander'
import type { Status, UserStatus } from '../admin/commands.ts'
import { PROVIDER_WORDS } from '../config/provider.ts'
import { formatDuration } from '../config/values/time.ts'
import { askRunning, socketOf } from './admin-client.ts'
import { withConfigOptions, type ConfigOptions } from './config-file.ts'
import { print } from './output.ts'

interface StatusOptions extends ConfigOptions {
  readonly json?: true
}

/** Commands to a running proxy, over its admin socket. */
export function addControl(program: Command): void {
  withConfigOptions(program.command('status').description('what the running proxy does'))
    .option('--json', 'for scripts')
    .action(status)
  withConfigOptions(
    program.command('reload').description('apply the changed configuration; drops no connection'),
  ).action(reload)
  withConfigOptions(
    program.command('restart').description('replace all worker processes, one after the other; drops no connection'),
  ).action(restart)
  withConfigOptions(program.command('drain').description('stop taking connections, end when the last one has')).action(
    drain,
  )
}

async function status(options: StatusOptions): Promise<void> {
  const now = (await askRunning(socketOf(options), 'status')) as Status
  if (options.json === true) return print(JSON.stringify(now, undefined, 2))
  print(
    `${now.state} since ${formatDuration(now.uptime_sec * 1000)}, version ${now.version} on ${now.runtime}, pid ${now.pid}`,
  )
  print(`listening on ${now.listening.join(', ')}`)
  print(`connections: ${now.open} open, ${now.accepted} accepted`)
  if (now.workers.length > 1)
    for (const { pid, column, state, open, accepted } of now.workers)
      print(`  worker ${column}: ${state}, ${open} open, ${accepted} accepted, pid ${pid}`)
  print(`bytes: ${now.bytes.client_to_dc} client to DC, ${now.bytes.dc_to_client} DC to client`)
  if (now.hsm.provider !== 'none') print(`hsm: ${hsmLine(now.hsm)}`)
  if (now.vault !== undefined) print(`vault: ${now.vault}`)
  print(`users: ${now.users.length}`)
  for (const user of now.users) if (user.connections > 0 || user.quota !== undefined) print(`  ${userLine(user)}`)
}

function hsmLine({ provider, helper_pid: pid }: Status['hsm']): string {
  if (provider !== 'helper') return PROVIDER_WORDS[provider]
  return `${PROVIDER_WORDS.helper}, ${pid === undefined ? 'which is gone and will be started anew' : `pid ${pid}`}`
}

function userLine({ name, connections, addresses, quota }: UserStatus): string {
  const line = `${name}: ${connections} open from ${addresses} ${addresses === 1 ? 'address' : 'addresses'}`
  if (quota === undefined) return line
  return `${line}, ${quota.used} of ${quota.of} bytes used this ${quota.period}`
}

async function reload(options: ConfigOptions): Promise<void> {
  const { applied, cold } = (await askRunning(socketOf(options), 'reload')) as { applied: string[]; cold: string[] }
  print(applied.length === 0 ? 'nothing to apply' : `applied: ${applied.join(', ')}`)
  if (cold.length > 0) print(`waiting for a restart: ${cold.join(', ')}`)
}

async function restart(options: ConfigOptions): Promise<void> {
  const { workers } = (await askRunning(socketOf(options), 'restart')) as { workers: number }
  print(`replacing ${workers} workers, one after the other`)
}

async function drain(options: ConfigOptions): Promise<void> {
  const { open } = (await askRunning(socketOf(options), 'drain')) as { open: number }
  print(`draining: ${open} open`)
}
