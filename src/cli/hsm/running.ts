import type { Request } from '../../admin/requests.ts'
import type { LoadedConfig } from '../../config/load.ts'
import { askRunning, NotRunning } from '../admin-client.ts'
import { CliError, EXIT } from '../exit.ts'
import { say } from '../output.ts'

/** Lets a running proxy have it among its security events. Our own log line is what counts: nothing is said where there is none. */
export async function noteAtRunning({ config }: LoadedConfig, note: Request<'hsm'>): Promise<void> {
  if (config.admin.socket === '') return
  try {
    await askRunning(config.admin.socket, 'hsm', note)
  } catch (error) {
    if (!(error instanceof CliError)) throw error
  }
}

/**
 * Tells a running proxy of that configuration to look its secrets up again, as `palisade reload` does. False, and the exit code of a
 * failure, where one runs that did not.
 */
export async function takeOver({ config }: LoadedConfig): Promise<boolean> {
  try {
    await askRunning(config.admin.socket, 'reload')
    say('the running proxy has taken it over')
    return true
  } catch (error) {
    if (error instanceof NotRunning) {
      say('no proxy runs by this configuration: it holds from the next start')
      return true
    }
    if (!(error instanceof CliError)) throw error
    say(`a running proxy has NOT taken it over (${error.message}): palisade reload, or SIGHUP, is still to come`)
    process.exitCode = EXIT.failed
    return false
  }
}
