import { fstatSync } from 'node:fs'
import type { Command } from 'commander'
import { CHANNEL_FD } from '../runtime/inherited.ts'
import { work } from '../start/worker.ts'
import { CliError, EXIT } from './exit.ts'
import { createLog, dieOnFaults } from './log.ts'

/** What the supervisor starts; of no use to anybody else, and not in the help. */
export function addWorker(program: Command): void {
  program.command('worker', { hidden: true }).action(worker)
}

async function worker(): Promise<void> {
  if (!hasChannel()) throw new CliError(EXIT.usage, 'a worker is started by palisade run alone')
  // Signals to the whole group, such as Ctrl-C, are the supervisor's to answer.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2'] as const) process.on(signal, () => {})
  const wasReady = await work((loaded, column) => {
    const log = createLog(loaded, { worker: column })
    dieOnFaults(log)
    return log
  })
  process.exit(wasReady ? EXIT.ok : EXIT.failed)
}

function hasChannel(): boolean {
  try {
    return fstatSync(CHANNEL_FD).isSocket()
  } catch {
    return false
  }
}
