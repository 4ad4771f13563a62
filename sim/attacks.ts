import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { readTextFile, whyUnreadable } from '../src/config/key-files.ts'
import { formatProblem } from '../src/config/problem.ts'
import { runOutcome, simulatedMeasures, type RunOutcome } from './attacks/for-scripts.ts'
import { Gathered, reportOf } from './attacks/gather.ts'
import { judgementOf } from './attacks/judge.ts'
import { readScenario, type Scenario } from './attacks/plan/read.ts'
import { CLOSING_MS, play } from './attacks/play.ts'
import { failureText, summaryOf, tableOf, type Told } from './attacks/table.ts'
import { Timeline } from './attacks/timeline.ts'
import type { RunReport } from './report/data.ts'
import { checkReportFile, runtimeText, shellWord, writeReport } from './report/file.ts'
import { attacksPage } from './report/html/attacks-page.ts'
import { sparklines } from './report/spark.ts'
import { ProgressLine } from './report/terminal.ts'

export interface AttackOptions {
  /** Of a file in fixtures/scenarios, a path that ends in ".toml", or "all". */
  readonly name: string
  readonly seed: number
  readonly runs: number
  /** Processes side by side; as many as there are processors unless said. */
  readonly jobs?: number
  /** A file for a page about all of it. */
  readonly report?: string
  /** Told of each run in place of what is printed, when all are over, in order. */
  readonly tell?: (outcome: RunOutcome) => void
}

const SELF = fileURLToPath(import.meta.url)
const FOLDER = new URL('../fixtures/scenarios/', import.meta.url)

/** Names of the scenarios that come with Palisade, sorted. */
export function scenarioNames(): readonly string[] {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.toml'))
  return files.map((file) => file.replace(/\.toml$/, '')).sort()
}

/** A scenario file that does not hold; each of its problems is a line of the message. */
export class BadScenario extends Error {}

/** Throws `BadScenario`, or an error of one line where there is no such scenario. */
export function loadScenario(name: string): Scenario {
  const isPath = name.endsWith('.toml')
  if (!isPath && !scenarioNames().includes(name))
    throw new Error(`there is no scenario ${name}; there are: ${scenarioNames().join(', ')}, or a path to a .toml file`)
  const file = isPath ? name : `fixtures/scenarios/${name}.toml`
  const read = readScenario(textOf(isPath ? name : fileURLToPath(new URL(`${name}.toml`, FOLDER))), file)
  if ('problems' in read) throw new BadScenario(read.problems.map(formatProblem).join('\n'))
  return read
}

function textOf(path: string): string {
  try {
    return readTextFile(path).text
  } catch (error) {
    throw new Error(`${path} ${whyUnreadable(error)}`, { cause: error })
  }
}

/** Plays seeds `seed`..`seed + runs - 1` of a scenario or of all, and tells what came of each; true when all assertions hold. */
export async function playAttacks({
  name,
  seed,
  runs,
  jobs = availableParallelism(),
  report: file,
  tell,
}: AttackOptions): Promise<boolean> {
  const names = name === 'all' ? scenarioNames() : [name]
  // Before anything is played: a mistake in the last file shall not show an hour later.
  for (const each of names) loadScenario(each)
  if (file !== undefined) checkReportFile(file)
  const tasks = names.flatMap((each) => Array.from({ length: runs }, (_, at) => ({ name: each, seed: seed + at })))
  const wanted = tasks.length
  const told: Told[] = []
  const outcomes: RunOutcome[] = []
  const gathered = new Gathered(seed)
  const startedAt = performance.now()
  const bar = new ProgressLine(() => ({
    ...{ what: 'runs', done: told.length, of: wanted, elapsedMs: performance.now() - startedAt },
    failed: told.filter(({ failures }) => failures.length > 0).length,
  }))
  const worker = async () => {
    for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) {
      const report = await playInChild(task)
      outcomes.push(outcomeOf(report))
      const one = toldOf(report)
      told.push(one)
      if (file !== undefined) gathered.add(report)
      if (tell !== undefined) continue
      const text =
        runs > 1 ? progress(one, told.length, wanted) : [tableOf(one), ...sparklines(report.series)].join('\n')
      bar.clear()
      print(text)
    }
  }
  try {
    await Promise.all(Array.from({ length: Math.max(1, Math.min(jobs, wanted)) }, worker))
  } finally {
    bar.end()
  }
  const failed = told.filter(({ failures }) => failures.length > 0).length
  if (file !== undefined) writeReport(file, attacksPage(gathered.report(commandOf(name, seed, runs), runtimeText())))
  if (tell !== undefined) for (const outcome of outcomes.sort(byName)) tell(outcome)
  else {
    if (told.length > 1) print(summaryOf(told.sort((a, b) => byName(a.run, b.run))))
    print(`${told.length - failed} passed, ${failed} failed`)
  }
  return failed === 0
}

interface Named {
  readonly scenario: string
  readonly seed: number
}

function byName(a: Named, b: Named): number {
  if (a.scenario === b.scenario) return a.seed - b.seed
  return a.scenario < b.scenario ? -1 : 1
}

function commandOf(name: string, seed: number, runs: number): string {
  const what = name === 'all' ? 'attacks' : shellWord(name)
  return `palisade sim run ${what} --seed ${seed}${runs === 1 ? '' : ` --runs ${runs}`}`
}

function outcomeOf({ run, verdicts, command, cpuMs }: RunReport): RunOutcome {
  const judgements = verdicts.map((verdict) => judgementOf(verdict))
  return runOutcome(run, judgements, { isLive: false, command, measures: simulatedMeasures(run, cpuMs) })
}

function toldOf({ run, verdicts, cpuMs }: RunReport): Told {
  return { run, failures: verdicts.filter(({ isHeld }) => !isHeld), cpuMs }
}

function playHere(name: string, seed: number): RunReport {
  const scenario = loadScenario(name)
  const timeline = new Timeline(scenario.duration + CLOSING_MS, cpuMsOfProcess)
  const before = cpuMsOfProcess()
  const run = play(scenario, seed, { timeline })
  const cpuMs = cpuMsOfProcess() - before
  const rssBytes = 1024 * process.resourceUsage().maxRSS
  return reportOf({
    ...{ scenario, seed, run, timeline, cpuMs, rssBytes },
    command: commandOf(name, seed, 1),
  })
}

function cpuMsOfProcess(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** A process of its own for each run: one after the other would share what the runtime learnt, and two at once are twice as fast. */
async function playInChild({ name, seed }: { name: string; seed: number }): Promise<RunReport> {
  const child = spawn(process.execPath, [SELF, name, '--seed', String(seed), '--child'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  let line = ''
  for await (const text of createInterface({ input: child.stdout })) line = text
  const code = await ended
  if (code !== 0) throw new Error(`the run of ${name} with seed ${seed} ended with ${code}`)
  return JSON.parse(line) as RunReport
}

function progress({ run, failures, cpuMs }: Told, done: number, wanted: number): string {
  const end = failures.length === 0 ? 'holds' : `FAILED ${failures.map(failureText).join('; ')}`
  return `${done}/${wanted} ${run.scenario}, seed ${run.seed}: ${end} (${Math.round(cpuMs)} ms of CPU)`
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

function main(): void {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seed: { type: 'string', default: '1' },
      runs: { type: 'string', default: '1' },
      jobs: { type: 'string' },
      report: { type: 'string' },
      child: { type: 'boolean', default: false },
    },
  })
  const name = positionals[0] ?? 'all'
  const [seed, runs, jobs] = [values.seed, values.runs, values.jobs ?? '0'].map(Number)
  if (![seed, runs, jobs].every(Number.isSafeInteger) || runs < 1) {
    process.stderr.write('--seed, --runs and --jobs take whole numbers, --runs from 1 on\n')
    process.exitCode = 2
    return
  }
  if (values.child) {
    print(JSON.stringify(playHere(name, seed)))
    return
  }
  const { report } = values
  playAttacks({ name, seed, runs, ...(jobs > 0 ? { jobs } : {}), ...(report === undefined ? {} : { report }) }).then(
    (isGood) => (process.exitCode = isGood ? 0 : 1),
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
      process.exitCode = 2
    },
  )
}

if (process.argv[1] === SELF) main()
