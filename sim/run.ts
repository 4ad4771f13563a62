import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { readDuration } from '../src/config/values/time.ts'
import { readCase } from './swarm/case.ts'
import { runSimulation, SimulationProblem, type SimulationOptions } from './swarm/simulate.ts'

export { runSimulation, SimulationProblem }

const SELF = fileURLToPath(import.meta.url)

/** As `palisade sim run`, with what only our own scripts need. */
function main(): void {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean' } as const
  const { values } = parseArgs({
    options: {
      ...{ seed: { ...text, default: '1' }, runs: text, time: text, 'at-least': text, jobs: text, strangers: text },
      ...{ case: text, report: text, corpus: flag, trace: flag, shrink: flag, 'other-runtime': text },
    },
  })
  const { seed, time, case: one, report, corpus, trace, shrink } = values
  const otherRuntime = values['other-runtime']
  if (otherRuntime !== undefined && !existsSync(otherRuntime))
    throw new SimulationProblem(`there is no ${otherRuntime}`)
  const timeMs = time === undefined ? undefined : readDuration(time)
  if (time !== undefined && timeMs === undefined) throw new SimulationProblem('--time: expected a duration such as 60s')
  const given = {
    ...{ runs: count('runs', values.runs), atLeast: count('at-least', values['at-least']), timeMs },
    ...{ jobs: count('jobs', values.jobs), strangers: count('strangers', values.strangers) },
    ...{ case: one, report, corpus, trace, shrink, otherRuntime },
  }
  const options = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  void runSimulation({ ...(options as Omit<SimulationOptions, 'seed'>), seed: seedOf(seed) }).then(
    (isGood) => (process.exitCode = isGood ? 0 : 1),
    complain,
  )
}

function seedOf(text: string): number | 'commit' {
  if (text === 'commit') return text
  const one = readCase(`seed=${text}`)
  if ('problem' in one) throw new SimulationProblem(one.problem.replace(/^case: /, '--'))
  return one.seed
}

function count(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (/^\d{1,8}$/.test(text) && Number(text) > 0) return Number(text)
  throw new SimulationProblem(`--${name}: expected a whole number from 1 on, got '${text}'`)
}

function complain(error: unknown): void {
  const isTheirs = error instanceof SimulationProblem
  process.stderr.write(`${isTheirs ? error.message : error instanceof Error ? error.stack : String(error)}\n`)
  process.exitCode = isTheirs ? 2 : 1
}

if (process.argv[1] === SELF) {
  try {
    main()
  } catch (error) {
    complain(error)
  }
}
