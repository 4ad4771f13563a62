import { dirname, resolve } from 'node:path'
import type { Answer, CommandName } from '../admin/commands.ts'
import { loadFile } from '../config/load.ts'
import { askAdminSocket, NobodyListens } from '../runtime/admin-socket.ts'
import { DEFAULT_FILE, type ConfigOptions } from './config-file.ts'
import { CliError, EXIT } from './exit.ts'
import { say } from './output.ts'

/** There is nobody to ask. */
export class NotRunning extends CliError {}

/** Asks the running proxy; its result, or a `CliError` that says why there is none. */
export async function askRunning(socket: string, command: CommandName, args: object = {}): Promise<unknown> {
  if (socket === '') throw new CliError(EXIT.failed, 'admin.socket is empty: local commands are off')
  let answer: Answer
  try {
    answer = JSON.parse(await askAdminSocket(socket, JSON.stringify({ command, args }))) as Answer
  } catch (error) {
    if (error instanceof NobodyListens) throw new NotRunning(EXIT.failed, error.message)
    throw new CliError(EXIT.failed, error instanceof SyntaxError ? 'no answer' : (error as Error).message)
  }
  if (answer.ok) return answer.result
  for (const problem of answer.problems ?? []) say(problem)
  throw new CliError(answer.problems === undefined ? EXIT.failed : EXIT.config, answer.error)
}

/** The same for a command's options. One that only some processes answered is said so, and fails once the rest is told. */
export async function askFor<T>(options: ConfigOptions, command: CommandName, args: object = {}): Promise<T> {
  const answer = (await askRunning(socketOf(options), command, args)) as T & { readonly unanswered?: readonly number[] }
  for (const worker of answer.unanswered ?? []) {
    say(`worker ${worker} did not answer: what it holds is missing`)
    process.exitCode = EXIT.failed
  }
  return answer
}

/**
 * The socket of the configuration. One with problems still tells where the socket is by default: asking a running proxy what
 * it says to a broken file must work.
 */
export function socketOf({ config = DEFAULT_FILE, set = [] }: ConfigOptions): string {
  const result = loadFile(config, set)
  if (!('problems' in result)) return result.config.admin.socket
  const override = set.findLast((text) => text.startsWith('admin.socket='))
  if (override !== undefined) return resolve(dirname(config), override.slice('admin.socket='.length))
  return resolve(dirname(config), 'palisade.sock')
}
