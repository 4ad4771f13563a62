import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { baseOfCommit } from './base.ts'
import { CHECKERS } from '../checkers/index.ts'
import { checkReportFile, runtimeText, writeReport } from '../report/file.ts'
import { swarmPage } from '../report/html/swarm-page.ts'
import { SwarmCollector } from '../report/swarm.ts'
import { ProgressLine } from '../report/terminal.ts'
import { readCase, readCaseObject, type Case } from './case.ts'
import { readCorpus } from './corpus.ts'
import { seedsFrom, Swarm } from './driver.ts'
import { marksTable, missed } from './marks.ts'
import { replayCommand } from './failure.ts'
import { runCase } from './outcome.ts'
import { Report } from './report.ts'

export interface SimulationOptions {
  /** The first seed, or "commit": one that changes with the commit. */
  readonly seed: number | 'commit'
  /** How many seeds at most; one unless said, any number within a time. */
  readonly runs?: number
  /** Time after which no seed is begun, in ms. */
  readonly timeMs?: number
  /** Fails when fewer seeds were done. */
  readonly atLeast?: number
  /** Processes side by side; as many as there are processors unless said. */
  readonly jobs?: number
  /** Distinct sources that come in each run beside everything else. */
  readonly strangers?: number
  /** One case instead of seeds: its text, or a path to a .json file that holds it. */
  readonly case?: string
  /** The cases that failed once, before the seeds; without seeds unless runs or a time is given. */
  readonly corpus?: boolean
  /** Prints everything that happens in a run, one line each. For one seed or case. */
  readonly trace?: boolean
  /** Looks for less that fails in the same way, of the first failure of each invariant. */
  readonly shrink?: boolean
  /** A file for a page about the seeds. */
  readonly report?: string
  /** The other runtime's executable: up to 200 seeds must leave the same trace there. */
  readonly otherRuntime?: string
}

/** Bad options: one line for whoever gave them. */
export class SimulationProblem extends Error {}

/** From this many seeds on, everything that can happen must have happened. */
const SEEDS_FOR_MARKS = 1_000

/** Runs seeds from one on, tells of each that fails and how to see it again; true when none does. */
export async function runSimulation(options: SimulationOptions): Promise<boolean> {
  const report = new Report()
  if (options.report !== undefined) checkFile(options.report)
  if (options.trace === true) traceOne(options, report)
  else if (options.case !== undefined) await runCases(options, [loadCase(options.case)].values(), 1, report)
  else {
    if (options.corpus === true) await replayCorpus(options, report)
    if (options.corpus !== true || options.runs !== undefined || options.timeMs !== undefined)
      await runSeeds(options, report)
  }
  if (options.shrink === true) report.shrinkAll()
  print(`${report.passed} passed, ${report.failed} failed`)
  return report.failed === 0
}

function traceOne({ seed, case: text, strangers = 0 }: SimulationOptions, report: Report): void {
  const one = text === undefined ? seedsFrom(baseOf(seed), 1, strangers).next().value! : loadCase(text)
  const outcome = runCase(one, { onTrace: (atMs, what) => print(`${atMs} ${what}`) })
  if (outcome.violations.length > 0) report.fail(outcome)
  else report.passed++
  print(`${outcome.events} events`)
}

async function replayCorpus(options: SimulationOptions, report: Report): Promise<void> {
  const kept = readCorpus()
  const { jobs } = options
  const { tally } = await runCases(
    jobs === undefined ? {} : { jobs },
    kept.map((each) => each.case).values(),
    kept.length,
    report,
  )
  print(`${tally.done} cases that failed once were run again`)
}

async function runSeeds(options: SimulationOptions, report: Report): Promise<void> {
  const { timeMs, atLeast = 0, strangers = 0 } = options
  const runs = options.runs ?? (timeMs === undefined ? 1 : Infinity)
  const first = baseOf(options.seed)
  const collector = new SwarmCollector()
  const swarm = await runCases(options, seedsFrom(first, runs, strangers), runs, report, collector)
  const { tally, elapsedMs } = swarm
  const { done, same, sameElsewhere, reached } = tally
  print(`seeds from ${first} on: ${done} in ${Math.round(elapsedMs / 1000)} s, ${tally.events} events`)
  print(`the same trace again: ${same} seeds; on the other runtime: ${sameElsewhere} seeds`)
  if (done < atLeast) report.failAs(`only ${done} seeds were done, of at least ${atLeast}`)
  if (options.report !== undefined)
    writeReport(
      options.report,
      swarmPage(
        collector.report({
          ...{ command: commandOf(first, options), runtime: runtimeText(), firstSeed: first, wallMs: elapsedMs },
          invariants: [...Object.keys(CHECKERS), 'I13'],
          missed: done < SEEDS_FOR_MARKS ? [] : missed(reached),
        }),
      ),
    )
  if (done < SEEDS_FOR_MARKS) return
  const never = missed(reached)
  for (const what of never) report.failAs(`in ${done} seeds it never came to this: ${what}`)
  if (never.length === 0) report.passed++
  print(marksTable(reached))
}

/** `of`: how many there are, at most. */
async function runCases(
  options: Omit<SimulationOptions, 'seed'>,
  cases: Iterator<Case>,
  of: number,
  report: Report,
  collector?: SwarmCollector,
): Promise<Swarm> {
  const { timeMs, jobs, otherRuntime } = options
  const swarm: Swarm = new Swarm({
    cases,
    ...(timeMs === undefined ? {} : { timeMs }),
    jobs: Math.min(jobs ?? availableParallelism(), of),
    ...(otherRuntime === undefined ? {} : { otherRuntime }),
    onDone: (outcome) =>
      collector?.add({ ...outcome, command: `${replayCommand(outcome.case)} --trace` }, swarm.elapsedMs),
    onFailure: (outcome) => {
      progress.clear()
      report.fail(outcome)
    },
  })
  const progress = new ProgressLine(() => {
    const { done, events, failed } = swarm.tally
    return { what: 'seeds', done, of, elapsedMs: swarm.elapsedMs, limitMs: timeMs, events, failed }
  })
  await swarm.run()
  progress.end()
  const { done, failed, same, sameElsewhere } = swarm.tally
  report.passed += done - failed + same + sameElsewhere
  return swarm
}

/** Once more, from the seed that was first. */
function commandOf(first: number, { runs, timeMs, strangers = 0 }: SimulationOptions): string {
  const parts = [
    ...(runs === undefined ? [] : [`--runs ${runs}`]),
    ...(timeMs === undefined ? [] : [`--time ${timeMs / 1000}s`]),
    ...(strangers === 0 ? [] : [`--strangers ${strangers}`]),
  ]
  return ['palisade sim run all', `--seed ${first}`, ...parts].join(' ')
}

/** Before anything is run: nobody wants to know an hour later. */
function checkFile(path: string): void {
  try {
    checkReportFile(path)
  } catch (error) {
    throw new SimulationProblem((error as Error).message)
  }
}

function baseOf(seed: SimulationOptions['seed']): number {
  if (seed !== 'commit') return seed
  const base = baseOfCommit()
  print(`seeds from ${base.seed} on (${base.from})`)
  return base.seed
}

/** Of its text, or of a .json file with the same parts. Throws `SimulationProblem`. */
function loadCase(text: string): Case {
  const one = text.endsWith('.json') ? caseOfFile(text) : readCase(text)
  if ('problem' in one) throw new SimulationProblem(one.problem)
  return one
}

function caseOfFile(path: string): ReturnType<typeof readCaseObject> {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    return { problem: `${path} cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown'}` }
  }
  try {
    return readCaseObject(JSON.parse(text))
  } catch {
    return { problem: `${path}: expected an object as JSON` }
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
