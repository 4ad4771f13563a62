import type { Answer, CommandName } from '../admin/commands.ts'
import { askAdminSocket } from '../runtime/admin-socket.ts'
import { CliError, EXIT } from './exit.ts'
import { say } from './output.ts'

/** Asks the running proxy; its result, or a `CliError` that says why there is none. */
export async function askRunning(socket: string, command: CommandName): Promise<unknown> {
  if (socket === '') throw new CliError(EXIT.failed, 'admin.socket is empty: local commands are off')
  let answer: Answer
  try {
    answer = JSON.parse(await askAdminSocket(socket, JSON.stringify({ command }))) as Answer
  } catch (error) {
    throw new CliError(EXIT.failed, error instanceof SyntaxError ? 'no answer' : (error as Error).message)
  }
  if (answer.ok) return answer.result
  for (const problem of answer.problems ?? []) say(problem)
  throw new CliError(answer.problems === undefined ? EXIT.failed : EXIT.config, answer.error)
}
