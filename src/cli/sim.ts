import { Argument, InvalidArgumentError, Option, type Command } from 'commander'
import { CliError, EXIT } from './exit.ts'
import { durationOf, wholeNumber } from './numbers.ts'
import { addScenarios, sayBadScenario } from './sim-scenarios.ts'
import { LIVE_HELP, printOutcome, refuseLive, runLive, withLiveOptions, type LiveCommand } from './sim-live.ts'
import { addSimReplay } from './sim-replay.ts'

/** What is said on the command line; without `seed`, `runs` and `jobs` each part has its own. */
interface SimOptions {
  readonly seed: number | 'commit'
  readonly runs?: number
  readonly time?: number
  readonly jobs?: number
  readonly case?: string
  readonly shrink?: boolean
  readonly trace?: boolean
  readonly report?: string
  readonly json?: true
}

const SEED_MAX = 2 ** 32 - 1
const TIME_MS = { min: 1_000, max: 7 * 86_400_000 }
/** What is no scenario file: everything drawn from the seed. */
const DRAWN = ['mix', 'all']

export function addSim(program: Command): void {
  const sim = program.command('sim').description('attack the core in a simulated world')
  addScenarios(sim)
  const run = sim
    .command('run')
    .description('run seeds one after the other, and check what must always hold')
    .addArgument(
      new Argument(
        '[scenario]',
        'mix or all draws all from the seed; attacks plays all of fixtures/scenarios, a name or a file one',
      ).default('mix'),
    )
    .addOption(
      new Option('--seed <n|commit>', 'the first seed, or one that changes with the commit')
        .argParser(seedOf)
        .default(1),
    )
    .addOption(
      new Option('--runs <n>', 'how many (default: 1, or what fits into --time)').argParser(wholeNumber(1, 10_000_000)),
    )
    .addOption(
      new Option('--time <duration>', 'begins no seed after this time; with --live, plays it in this time').argParser(
        durationOf(TIME_MS.min, TIME_MS.max),
      ),
    )
    .addOption(new Option('--jobs <n>', 'processes side by side').argParser(wholeNumber(1, 256)))
    .addOption(new Option('--report <file>', 'write a page about it, as HTML').conflicts('trace'))
    .addOption(
      new Option('--json', 'for scripts: an object a line for each run of a scenario').conflicts([
        'trace',
        'case',
        'shrink',
      ]),
    )
    .addOption(new Option('--shrink', 'look for less that fails in the same way'))
    .addOption(
      new Option('--case <text>', 'one case that --shrink printed, or a .json file of it').conflicts([
        ...['runs', 'time', 'jobs'],
      ]),
    )
    .addOption(
      new Option('--trace', 'print all that happens in the run, one line each').conflicts(['runs', 'time', 'jobs']),
    )
  withLiveOptions(run)
    .addHelpText(
      'after',
      '\nExamples:\n  palisade sim run --seed 42 --runs 100\n  palisade sim run all --seed commit --time 60s --shrink' +
        '\n  palisade sim run --seed 42 --trace\n  palisade sim run --case seed=42,talks=3,probes=none --trace' +
        '\n  palisade sim run botnet --runs 20 --report botnet.html',
    )
    .addHelpText('after', LIVE_HELP)
    .action((scenario: string, options: SimOptions & LiveCommand) => {
      const { live, seed } = options
      if (live !== undefined) return runLive(scenario, live, { ...options, seed: seedNumber(seed) })
      refuseLive(options)
      return DRAWN.includes(scenario) ? runSim(options) : runAttacks(scenario, options)
    })
  addSimReplay(sim)
}

function seedOf(text: string): number | 'commit' {
  if (text === 'commit') return text
  if (!/^\d/.test(text)) throw new InvalidArgumentError('Expected a whole number, or commit.')
  return wholeNumber(0, SEED_MAX)(text)
}

/** Scenarios are what they are at every commit. */
function seedNumber(seed: SimOptions['seed']): number {
  if (seed === 'commit') throw new CliError(EXIT.usage, '--seed commit is for mix')
  return seed
}

async function runAttacks(
  scenario: string,
  { seed, runs = 1, jobs, report, json, ...others }: SimOptions,
): Promise<void> {
  const [other] = Object.keys(others)
  if (other !== undefined) throw new CliError(EXIT.usage, `--${other} is for mix`)
  const attacks = (await import(
    new URL('../../sim/attacks.ts', import.meta.url).href
  )) as typeof import('../../sim/attacks.ts')
  const name = scenario === 'attacks' ? 'all' : scenario
  let isGood: boolean
  try {
    isGood = await attacks.playAttacks({
      ...{ name, seed: seedNumber(seed), runs },
      ...(jobs === undefined ? {} : { jobs }),
      ...(report === undefined ? {} : { report }),
      ...(json === true ? { tell: printOutcome } : {}),
    })
  } catch (error) {
    sayBadScenario(error)
    throw new CliError(EXIT.usage, (error as Error).message)
  }
  if (!isGood) throw new CliError(EXIT.failed)
}

async function runSim({ time, json, ...options }: SimOptions): Promise<void> {
  if (json === true) throw new CliError(EXIT.usage, '--json is for scenarios')
  const { runSimulation, SimulationProblem } = (await import(
    new URL('../../sim/run.ts', import.meta.url).href
  )) as typeof import('../../sim/run.ts')
  let isGood: boolean
  try {
    isGood = await runSimulation({ ...options, ...(time === undefined ? {} : { timeMs: time }) })
  } catch (error) {
    throw error instanceof SimulationProblem ? new CliError(EXIT.usage, error.message) : error
  }
  if (!isGood) throw new CliError(EXIT.failed)
}
