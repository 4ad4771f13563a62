import { execFileSync, spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { saveCorpus } from './corpus.ts'
import { shown } from './target.ts'
import { loadTarget, TARGETS } from './targets/index.ts'
import { fuzz } from './watch.ts'
import type { Report } from './order.ts'

const REPLAY = fileURLToPath(new URL('./replay.ts', import.meta.url))
const DEFAULT_TIME_MS = 60_000
const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const

interface Options {
  readonly names: readonly string[]
  readonly seed: number
  /** For all targets together, over all threads. */
  readonly timeMs: number | undefined
  /** For each target. */
  readonly executions: number | undefined
  readonly jobs: number
  readonly isSaving: boolean
  readonly otherRuntime: string | undefined
}

/** Replays what was kept on this runtime and the other, then fuzzes; true when nothing was found. */
async function run(options: Options): Promise<boolean> {
  const { names, seed, otherRuntime } = options
  const replayed = replayAll(names, otherRuntime)
  print(`fuzzing ${names.length} targets from seed ${seed}`)
  const reports = await fuzzAll(options)
  print(table(reports))
  for (const [name, { findings }] of reports) for (const finding of findings) print(findingText(name, finding))
  const good = [...reports.values()].filter(({ findings }) => findings.length === 0).length
  const [passed, failed] = [replayed.passed + good, replayed.failed + reports.size - good]
  print(`${passed} passed, ${failed} failed`)
  return failed === 0
}

/** Each target's corpus is one case, and one more where another runtime is to say the same of it. */
function replayAll(names: readonly string[], otherRuntime: string | undefined): { passed: number; failed: number } {
  const ours = linesOf(process.execPath, names)
  const theirs = otherRuntime === undefined ? [] : linesOf(otherRuntime, names)
  let passed = 0
  names.forEach((name, at) => {
    const isGood = ours[at]?.startsWith(`${name} `) === true && ours[at].endsWith(' ok')
    const isSame = otherRuntime !== undefined && theirs[at] === ours[at]
    if (!isGood) print(`kept inputs: ${ours[at] ?? `${name} was not replayed`}`)
    if (otherRuntime !== undefined && !isSame)
      print(`the other runtime says: ${theirs[at] ?? 'nothing'}\n  and this one: ${ours[at]}`)
    passed += Number(isGood) + Number(isSame)
  })
  const cases = names.length * (otherRuntime === undefined ? 1 : 2)
  print(`replayed the kept inputs of ${names.length} targets: ${passed} of ${cases} good`)
  return { passed, failed: cases - passed }
}

function linesOf(runtime: string, names: readonly string[]): string[] {
  const { stdout, stderr, error } = spawnSync(runtime, [REPLAY, ...names], { encoding: 'utf8', timeout: 120_000 })
  if (error !== undefined || stderr !== '') print(`${runtime}: ${error?.message ?? stderr.trim()}`)
  return (stdout ?? '').split('\n').filter((line) => line !== '')
}

/** Some threads side by side, a target each; every target has the same share of the time. */
async function fuzzAll({ names, seed, timeMs, executions, jobs, isSaving }: Options): Promise<Map<string, Report>> {
  const found = new Map<string, Report>()
  const waiting = [...names]
  const order = {
    ...{ seed, isSaving, executionsMax: executions ?? Infinity },
    timeMs: timeMs === undefined ? Infinity : (timeMs * Math.min(jobs, names.length)) / names.length,
  }
  const worker = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const report = await fuzz({ ...order, name })
      found.set(name, report)
      process.stderr.write(`${name}: ${report.executions} executions, ${report.findings.length} findings\n`)
      if (isSaving && report.findings.length === 0) saveCorpus(name, report.kept)
    }
  }
  await Promise.all(Array.from({ length: jobs }, worker))
  return new Map(
    names.map((name) => [name, found.get(name)]).filter((each): each is [string, Report] => each[1] !== undefined),
  )
}

function table(reports: ReadonlyMap<string, Report>): string {
  const rows = [...reports].map(([name, { executions, seconds, taken, known, queue, findings }]) => [
    ...[name, executions.toLocaleString('en'), Math.round(executions / Math.max(seconds, 0.001)).toLocaleString('en')],
    ...[`${taken} of ${known}`, String(queue), String(findings.length)],
  ])
  const all = [['target', 'executions', 'per second', 'branches', 'inputs', 'findings'], ...rows]
  const widths = all[0].map((_, at) => Math.max(...all.map((row) => row[at].length)))
  return all
    .map((row) => row.map((cell, at) => (at === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[at]))).join('  '))
    .join('\n')
}

function findingText(name: string, { stack, input }: Report['findings'][number]): string {
  const hex = Buffer.from(input).toString('hex')
  const where = stack.split('\n').slice(0, 6).join('\n')
  return `${name}: ${where}\n  to see it again: npm run sim:fuzz -- ${name} --input "${hex}"\n`
}

/** One input of one target, without anything around it. */
async function once(name: string, hex: string): Promise<void> {
  const target = await loadTarget(name)
  print(shown(target.run(Uint8Array.from(Buffer.from(hex, 'hex')))))
}

/** The commit decides: everybody who has it fuzzes alike, and every commit somewhere else. */
function seedOfCommit(): number {
  try {
    return parseInt(execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8', stdio: 'pipe' }).slice(0, 8), 16)
  } catch {
    return 1
  }
}

function milliseconds(text: string): number {
  const [, digits, unit] = /^(\d{1,6})(ms|s|m|h)$/.exec(text) ?? []
  if (digits === undefined) throw new Error(`--time: expected a time such as "60s" or "5m", got ${text}`)
  return Number(digits) * UNITS[unit as keyof typeof UNITS]
}

function count(name: string, text: string, least: number): number {
  if (!/^\d{1,12}$/.test(text) || Number(text) < least)
    throw new Error(`--${name}: expected a whole number from ${least} on, got ${text}`)
  return Number(text)
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

async function main(): Promise<void> {
  const word = { type: 'string' } as const
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      time: word,
      execs: word,
      seed: word,
      jobs: word,
      input: word,
      'other-runtime': word,
      save: { type: 'boolean' },
    },
  })
  const known = Object.keys(TARGETS)
  const unknown = positionals.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new Error(`there is no fuzz target ${unknown}; there are ${known.join(', ')}`)
  if (values.input !== undefined) {
    if (positionals.length !== 1) throw new Error('--input: goes with the name of one target')
    if (!/^([0-9a-f]{2})*$/i.test(values.input)) throw new Error('--input: expected hex digits')
    return once(positionals[0], values.input)
  }
  const executions = values.execs === undefined ? undefined : count('execs', values.execs, 1)
  const timeMs = values.time === undefined ? undefined : milliseconds(values.time)
  const isGood = await run({
    names: positionals.length > 0 ? positionals : known,
    seed: values.seed === undefined ? seedOfCommit() : count('seed', values.seed, 0),
    timeMs: timeMs ?? (executions === undefined ? DEFAULT_TIME_MS : undefined),
    executions,
    jobs: values.jobs === undefined ? Math.min(2, availableParallelism()) : count('jobs', values.jobs, 1),
    isSaving: values.save === true,
    otherRuntime: values['other-runtime'],
  })
  process.exitCode = isGood ? 0 : 1
}

try {
  await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  process.exitCode = 2
}
