import { Argument, Option, type Command } from 'commander'
import { CliError, EXIT } from './exit.ts'
import { wholeNumber } from './numbers.ts'

interface SimOptions {
  readonly seed: number
  readonly runs: number
  readonly jobs?: number
  readonly trace?: boolean
}

/** What sim/run.ts offers. Loaded when it is wanted: a proxy that serves needs no simulator. */
interface Simulator {
  runSimulation(options: SimOptions): Promise<boolean>
}

const SEED_MAX = 2 ** 32 - 1
/** The scenarios there are; `mix` draws everything from the seed. */
const SCENARIOS = ['mix', 'all']

export function addSim(program: Command): void {
  const sim = program.command('sim').description('attack the core in a simulated world')
  sim
    .command('run')
    .description('run seeds one after the other, and check what must always hold')
    .addArgument(new Argument('[scenario]', 'what happens').choices(SCENARIOS).default('mix'))
    .addOption(new Option('--seed <n>', 'the first seed').argParser(wholeNumber(0, SEED_MAX)).default(1))
    .addOption(new Option('--runs <n>', 'how many').argParser(wholeNumber(1, 10_000_000)).default(1))
    .addOption(new Option('--jobs <n>', 'processes side by side').argParser(wholeNumber(1, 256)))
    .addOption(new Option('--trace', 'print all that happens in the run, one line each').conflicts(['runs', 'jobs']))
    .addHelpText('after', '\nExamples:\n  palisade sim run --seed 42 --runs 100\n  palisade sim run --seed 42 --trace')
    .action((_scenario: string, options: SimOptions) => runSim(options))
}

async function runSim(options: SimOptions): Promise<void> {
  const simulator = (await import(new URL('../../sim/run.ts', import.meta.url).href)) as Simulator
  if (!(await simulator.runSimulation(options))) throw new CliError(EXIT.failed)
}
