import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { runSeed, type RunResult } from './scenarios/run.ts'
import { CHECKERS } from './checkers/index.ts'
import { runtimeText, writeReport } from './report/file.ts'
import { swarmPage } from './report/html/swarm-page.ts'
import { failure, missed, summary, type Reached } from './report/summary.ts'
import { SwarmCollector } from './report/swarm.ts'

export { checkReportFile } from './report/file.ts'

export interface SimulationOptions {
  readonly seed: number
  readonly runs: number
  /** Processes side by side; as many as there are processors unless said. */
  readonly jobs?: number
  /** Distinct sources that come in each run beside everything else. */
  readonly strangers?: number
  /** Prints everything that happens in a run, one line each. For one seed. */
  readonly trace?: boolean
  /** Ends with the first seed that fails: what a hunt for a planted bug needs. */
  readonly untilFound?: boolean
  /** The other runtime's executable: every 50th seed must leave the same trace there. */
  readonly otherRuntime?: string
  /** A file for a page about all of it. */
  readonly report?: string
}

/** What a child tells of one seed, as a line of JSON. */
interface Line {
  readonly seed: number
  readonly hash: string
  readonly events: number
  readonly violations: RunResult['violations']
  readonly reached: readonly (readonly [string, number])[]
}

/** One seed in this many runs twice, for I13. */
const TWICE_EVERY = 20
const OTHER_RUNTIME_EVERY = 50
/** From this many runs on, everything that can happen must have happened. */
const RUNS_FOR_ALL = 500
const SELF = fileURLToPath(import.meta.url)

/** Runs seeds `seed`..`seed + runs - 1`, tells of each that fails and how to see it again; true when none does. */
export async function runSimulation(options: SimulationOptions): Promise<boolean> {
  const { seed, runs, trace = false } = options
  const startedAt = performance.now()
  const collector = new SwarmCollector()
  const reached: Reached = new Map()
  let passed = 0
  let failed = 0
  let events = 0
  const take = (line: Line): boolean => {
    events += line.events
    const command = `palisade sim run --seed ${line.seed} --trace`
    collector.add({ ...line, profile: 'mix', command }, performance.now() - startedAt)
    for (const [what, count] of line.reached) reached.set(what, (reached.get(what) ?? 0) + count)
    if (line.violations.length === 0) passed++
    else {
      failed++
      print(failure(line.seed, line.violations))
    }
    return options.untilFound !== true || failed === 0
  }
  if (trace) take(oneSeed(seed, options.strangers, true))
  else await inChildren(options, take)
  if (runs >= RUNS_FOR_ALL && options.untilFound !== true) {
    const never = missed(reached)
    for (const what of never) print(`in ${runs} runs it never came to this: ${what}`)
    if (never.length === 0) passed++
    else failed++
    print(summary(reached))
  }
  if (options.report !== undefined) {
    const command = `palisade sim run mix --seed ${seed} --runs ${runs}`
    const about = { command, runtime: runtimeText(), firstSeed: seed, wallMs: performance.now() - startedAt }
    const watched = [...Object.keys(CHECKERS), 'I13']
    const never = runs >= RUNS_FOR_ALL ? missed(reached) : []
    writeReport(options.report, swarmPage(collector.report({ ...about, invariants: watched, missed: never })))
  }
  print(`${events} events in ${Math.round((performance.now() - startedAt) / 1000)} s`)
  print(`${passed} passed, ${failed} failed`)
  return failed === 0
}

function oneSeed(seed: number, strangers = 0, isTraced = false): Line {
  const traced = isTraced ? { onTrace: (atMs: number, what: string) => print(`${atMs} ${what}`) } : {}
  const { hash, events, violations, reached } = runSeed(seed, { ...traced, strangers })
  if (seed % TWICE_EVERY !== 0 || isTraced) return { seed, hash, events, violations, reached: [...reached] }
  const again = runSeed(seed, { strangers })
  const differs = { invariant: 'I13', what: 'the same seed left another trace the second time', atMs: 0 }
  const all = again.hash === hash ? violations : [...violations, differs]
  return { seed, hash, events, violations: all, reached: [...reached] }
}

/** Deals the seeds to processes of our own; `take` says whether to go on. */
async function inChildren(options: SimulationOptions, take: (line: Line) => boolean): Promise<void> {
  const { seed, runs, otherRuntime, strangers = 0 } = options
  const jobs = Math.max(1, Math.min(options.jobs ?? availableParallelism(), runs))
  const hashes = new Map<number, string>()
  const children = Array.from({ length: jobs }, (_, at) =>
    child(
      process.execPath,
      { seed: seed + at, runs: Math.ceil((runs - at) / jobs), stride: jobs, strangers },
      (line) => {
        hashes.set(line.seed, line.hash)
        return take(line)
      },
    ),
  )
  await Promise.all(children)
  if (otherRuntime === undefined) return
  const count = Math.ceil(runs / OTHER_RUNTIME_EVERY)
  await child(otherRuntime, { seed, runs: count, stride: OTHER_RUNTIME_EVERY, strangers }, (line) => {
    const isSame = line.hash === hashes.get(line.seed)
    const differs = { invariant: 'I13', what: 'the other runtime left another trace', atMs: 0 }
    return take({ ...line, reached: [], events: 0, violations: isSame ? [] : [differs] })
  })
}

async function child(
  runtime: string,
  part: { readonly seed: number; readonly runs: number; readonly stride: number; readonly strangers: number },
  take: (line: Line) => boolean,
): Promise<void> {
  const numbers = Object.entries(part).flatMap(([name, value]) => [`--${name}`, String(value)])
  const running = spawn(runtime, [SELF, '--child', ...numbers], { stdio: ['ignore', 'pipe', 'inherit'] })
  let isEnough = false
  const ended = new Promise<number | null>((resolve) => running.on('close', resolve))
  for await (const text of createInterface({ input: running.stdout })) {
    if (isEnough || take(JSON.parse(text) as Line)) continue
    isEnough = true
    running.kill('SIGKILL')
  }
  const code = await ended
  if (code === 0 || isEnough) return
  const what = `a process with the seeds from ${part.seed} on ended with ${code}`
  take({ seed: part.seed, hash: '', events: 0, reached: [], violations: [{ invariant: 'run', what, atMs: 0 }] })
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

function main(): void {
  const number = { type: 'string' } as const
  const flag = { type: 'boolean', default: false } as const
  const { values } = parseArgs({
    options: {
      seed: { ...number, default: '1' },
      runs: { ...number, default: '1' },
      jobs: number,
      stride: { ...number, default: '1' },
      strangers: { ...number, default: '0' },
      child: flag,
      trace: flag,
      'until-found': flag,
      'other-runtime': { type: 'string' },
    },
  })
  const [seed, runs, strangers] = [values.seed, values.runs, values.strangers].map(Number)
  if (values.child) {
    for (let at = 0; at < runs; at++) print(JSON.stringify(oneSeed(seed + at * Number(values.stride), strangers)))
    return
  }
  const otherRuntime = values['other-runtime']
  if (otherRuntime !== undefined && !existsSync(otherRuntime)) throw new Error(`there is no ${otherRuntime}`)
  void runSimulation({
    ...{ seed, runs, strangers },
    trace: values.trace,
    untilFound: values['until-found'],
    ...(values.jobs === undefined ? {} : { jobs: Number(values.jobs) }),
    ...(otherRuntime === undefined ? {} : { otherRuntime }),
  }).then((isGood) => (process.exitCode = isGood ? 0 : 1))
}

if (process.argv[1] === SELF) main()
