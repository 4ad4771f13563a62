import { fstatSync } from 'node:fs'
import { CHANNEL_FD } from '../runtime/inherited.ts'
import { CliError, EXIT } from './exit.ts'

/** For processes that the proxy starts, and nobody else. Signals to the whole group, such as Ctrl-C, are the starter's to answer. */
export function becomeChild(what: string): void {
  if (!hasChannel()) throw new CliError(EXIT.usage, `${what} is started by palisade run alone`)
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2'] as const) process.on(signal, () => {})
}

function hasChannel(): boolean {
  try {
    return fstatSync(CHANNEL_FD).isSocket()
  } catch {
    return false
  }
}
