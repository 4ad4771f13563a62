import type { Command } from 'commander'
import { helpVault, type HelperEnd } from '../start/helper-process.ts'
import { becomeChild } from './child.ts'
import { EXIT } from './exit.ts'
import { createLog, dieOnFaults } from './log.ts'

const EXITS: Readonly<Record<HelperEnd, number>> = { served: EXIT.ok, failed: EXIT.failed, 'config-wrong': EXIT.config }

/** What the proxy starts where its HSM has a process of its own; of no use to anybody else, and not in the help. */
export function addVaultHelper(program: Command): void {
  program.command('vault-helper', { hidden: true }).action(vaultHelper)
}

async function vaultHelper(): Promise<void> {
  becomeChild('the vault helper')
  const end = await helpVault((loaded) => {
    const log = createLog(loaded, { process: 'vault-helper' })
    dieOnFaults(log)
    return log
  })
  process.exit(EXITS[end])
}
