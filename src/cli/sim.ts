import { Option, type Command } from 'commander'
import { wholeNumber } from './numbers.ts'
import { CliError, EXIT } from './exit.ts'

interface SimOptions {
  readonly seed: number
  readonly runs: number
}

/** What sim/run.ts offers. */
interface Simulator {
  runSimulation(options: SimOptions): boolean | Promise<boolean>
}

export function addSim(program: Command): void {
  const sim = program.command('sim').description('attack the core in a simulated world')
  sim
    .command('run')
    .description('run seeds one after the other, and check what must always hold')
    .addOption(new Option('--seed <n>', 'the first seed').argParser(wholeNumber(0, 2 ** 32 - 1)).default(1))
    .addOption(new Option('--runs <n>', 'how many').argParser(wholeNumber(1, 1_000_000)).default(1))
    .addHelpText('after', '\nExample:\n  palisade sim run --seed 42 --runs 100')
    .action(runSim)
}

async function runSim(options: SimOptions): Promise<void> {
  const simulator = (await import(new URL('../../sim/run.ts', import.meta.url).href)) as Simulator
  if (!(await simulator.runSimulation(options))) throw new CliError(EXIT.failed)
}
