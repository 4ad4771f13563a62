import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { saveCorpus } from './corpus.ts'
import { readOptions, type Options } from './options.ts'
import type { Report } from './order.ts'
import { findingText, tableOf } from './report.ts'
import { shown } from './target.ts'
import { loadTarget, TARGETS } from './targets/index.ts'
import { fuzz } from './watch.ts'

const REPLAY = fileURLToPath(new URL('./replay.ts', import.meta.url))
const REPLAY_MS_MAX = 120_000

interface Cases {
  readonly passed: number
  readonly failed: number
}

/** Replays what was kept on this runtime and the other, then fuzzes; true when nothing was found. */
async function run(options: Options): Promise<boolean> {
  const { names, seed, otherRuntime } = options
  const replayed = replayAll(names, otherRuntime)
  print(`fuzzing ${names.length} targets from seed ${seed}`)
  const reports = await fuzzAll(options)
  print(tableOf(reports))
  for (const [name, { findings }] of reports) for (const finding of findings) print(findingText(name, finding))
  const good = [...reports.values()].filter(({ findings }) => findings.length === 0).length
  const failed = replayed.failed + reports.size - good
  print(`${replayed.passed + good} passed, ${failed} failed`)
  return failed === 0
}

/** Each target's kept inputs are one case, and one more where another runtime is to say the same of them. */
function replayAll(names: readonly string[], otherRuntime: string | undefined): Cases {
  const ours = linesOf(process.execPath, names)
  const theirs = otherRuntime === undefined ? undefined : linesOf(otherRuntime, names)
  let passed = 0
  names.forEach((name, at) => {
    const own = ours.at(at) ?? 'nothing'
    const isGood = own.startsWith(`${name} `) && own.endsWith(' ok')
    if (!isGood) print(`kept inputs of ${name}: ${own}`)
    const isSame = theirs?.at(at) === own
    if (theirs !== undefined && !isSame) print(`the other runtime: ${theirs.at(at) ?? 'nothing'}\n  this one: ${own}`)
    passed += Number(isGood) + Number(isSame)
  })
  const cases = names.length * (theirs === undefined ? 1 : 2)
  print(`replayed the kept inputs of ${names.length} targets: ${passed} of ${cases} good`)
  return { passed, failed: cases - passed }
}

function linesOf(runtime: string, names: readonly string[]): string[] {
  const ran = spawnSync(runtime, [REPLAY, ...names], { encoding: 'utf8', timeout: REPLAY_MS_MAX })
  if (ran.error !== undefined || ran.stderr !== '') print(`${runtime}: ${ran.error?.message ?? ran.stderr.trim()}`)
  return (ran.stdout ?? '').split('\n').filter((line) => line !== '')
}

/** Some threads side by side, a target each. In the order of the names. */
async function fuzzAll(options: Options): Promise<Map<string, Report>> {
  const { names, seed, timeMs = Infinity, executions: executionsMax = Infinity, jobs, isSaving } = options
  const found = new Map<string, Report>()
  const waiting = [...names]
  const stop = new AbortController()
  // The first one asks for what there is so far; the next one ends everything at once.
  process.once('SIGINT', () => stop.abort())
  const work = async () => {
    for (let name = waiting.shift(); name !== undefined && !stop.signal.aborted; name = waiting.shift()) {
      const report = await fuzz({ name, seed, timeMs, executionsMax, isSaving }, { stop: stop.signal })
      found.set(name, report)
      process.stderr.write(`${name}: ${report.executions} executions, ${report.findings.length} findings\n`)
      if (isSaving && report.findings.length === 0) saveCorpus(name, report.kept)
    }
  }
  await Promise.all(Array.from({ length: jobs }, work))
  return new Map([...found].sort(([a], [b]) => names.indexOf(a) - names.indexOf(b)))
}

/** One input of one target, without anything around it; false when it fails. */
async function once(name: string, input: Uint8Array): Promise<boolean> {
  const target = await loadTarget(name)
  try {
    print(shown(target.run(input)))
    return true
  } catch (error) {
    print(error instanceof Error ? (error.stack ?? error.message) : String(error))
    return false
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

let options: Options | undefined
try {
  options = readOptions(process.argv.slice(2), Object.keys(TARGETS))
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`)
  process.exitCode = 2
}
if (options !== undefined) {
  const { input, names } = options
  process.exitCode = (await (input === undefined ? run(options) : once(names[0], input))) ? 0 : 1
}
