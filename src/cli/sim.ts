import { Argument, Option, type Command } from 'commander'
import { CliError, EXIT } from './exit.ts'
import { wholeNumber } from './numbers.ts'
import { addScenarios, sayBadScenario } from './sim-scenarios.ts'
import { LIVE_HELP, refuseLive, runLive, withLiveOptions, type LiveCommand } from './sim-live.ts'

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

/** What sim/attacks.ts offers. */
interface Attacks {
  playAttacks(options: { readonly name: string } & Omit<SimOptions, 'trace'>): Promise<boolean>
}

const SEED_MAX = 2 ** 32 - 1
/** What is no scenario file: everything drawn from the seed. */
const DRAWN = ['mix', 'all']

export function addSim(program: Command): void {
  const sim = program.command('sim').description('attack the core in a simulated world')
  addScenarios(sim)
  withLiveOptions(sim.command('run'))
    .description('run seeds one after the other, and check what must always hold')
    .addArgument(
      new Argument(
        '[scenario]',
        'mix draws all from the seed; attacks plays all of fixtures/scenarios, a name or a file one',
      ).default('mix'),
    )
    .addOption(new Option('--seed <n>', 'the first seed').argParser(wholeNumber(0, SEED_MAX)).default(1))
    .addOption(new Option('--runs <n>', 'how many').argParser(wholeNumber(1, 10_000_000)).default(1))
    .addOption(new Option('--jobs <n>', 'processes side by side').argParser(wholeNumber(1, 256)))
    .addOption(new Option('--trace', 'print all that happens in the run, one line each').conflicts(['runs', 'jobs']))
    .addHelpText(
      'after',
      '\nExamples:\n  palisade sim run --seed 42 --runs 100\n  palisade sim run --seed 42 --trace' +
        '\n  palisade sim run botnet --runs 20',
    )
    .addHelpText('after', LIVE_HELP)
    .action((scenario: string, options: SimOptions & LiveCommand) => {
      if (options.live !== undefined) return runLive(scenario, options.live, options)
      refuseLive(options)
      return DRAWN.includes(scenario) ? runSim(options) : runAttacks(scenario, options)
    })
}

async function runAttacks(scenario: string, { trace, ...options }: SimOptions): Promise<void> {
  if (trace === true) throw new CliError(EXIT.usage, '--trace is for mix')
  const attacks = (await import(new URL('../../sim/attacks.ts', import.meta.url).href)) as Attacks
  const name = scenario === 'attacks' ? 'all' : scenario
  let isGood: boolean
  try {
    isGood = await attacks.playAttacks({ ...options, name })
  } catch (error) {
    sayBadScenario(error)
    throw new CliError(EXIT.usage, (error as Error).message)
  }
  if (!isGood) throw new CliError(EXIT.failed)
}

async function runSim(options: SimOptions): Promise<void> {
  const simulator = (await import(new URL('../../sim/run.ts', import.meta.url).href)) as Simulator
  if (!(await simulator.runSimulation(options))) throw new CliError(EXIT.failed)
}
