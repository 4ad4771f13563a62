import type { Command } from 'commander'
import { work } from '../start/worker.ts'
import { becomeChild } from './child.ts'
import { EXIT } from './exit.ts'
import { createLog, dieOnFaults } from './log.ts'

/** What the supervisor starts; of no use to anybody else, and not in the help. */
export function addWorker(program: Command): void {
  program.command('worker', { hidden: true }).action(worker)
}

async function worker(): Promise<void> {
  becomeChild('a worker')
  const wasReady = await work((loaded, column) => {
    const log = createLog(loaded, { worker: column })
    dieOnFaults(log)
    return log
  })
  process.exit(wasReady ? EXIT.ok : EXIT.failed)
}
