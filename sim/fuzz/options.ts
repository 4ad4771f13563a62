import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'

export interface Options {
  readonly names: readonly string[]
  readonly seed: number
  /** Of each target; undefined: until the executions are done. */
  readonly timeMs: number | undefined
  /** Of each target; undefined: until the time is over. */
  readonly executions: number | undefined
  /** Threads side by side. */
  readonly jobs: number
  readonly isSaving: boolean
  readonly otherRuntime: string | undefined
  /** To run this one alone, once. */
  readonly input: Uint8Array | undefined
}

const DEFAULT_TIME = '60s'
const JOBS_MAX = 2
const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const

/** What the command line says; throws with one line where it is wrong. `known`: all targets. */
export function readOptions(args: readonly string[], known: readonly string[]): Options {
  const word = { type: 'string' } as const
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      ...{ time: word, execs: word, seed: word, jobs: word, input: word, 'other-runtime': word },
      save: { type: 'boolean' },
    },
  })
  const unknown = positionals.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new Error(`there is no fuzz target ${unknown}; there are ${known.join(', ')}`)
  const names = positionals.length > 0 ? positionals : known
  const jobs = values.jobs === undefined ? Math.min(JOBS_MAX, availableParallelism()) : count('jobs', values.jobs, 1)
  const executions = values.execs === undefined ? undefined : count('execs', values.execs, 1)
  const time = values.time ?? (executions === undefined ? DEFAULT_TIME : undefined)
  if (values.input !== undefined && positionals.length !== 1) throw new Error('--input: goes with one target')
  return {
    ...{ names, jobs, executions, isSaving: values.save === true, otherRuntime: values['other-runtime'] },
    seed: values.seed === undefined ? seedOfCommit() : count('seed', values.seed, 0),
    // The time is for all of them together, and some run side by side.
    timeMs: time === undefined ? undefined : (milliseconds(time) * Math.min(jobs, names.length)) / names.length,
    input: values.input === undefined ? undefined : bytesOf(values.input),
  }
}

/** The commit decides: who has the same one fuzzes alike, and every commit goes somewhere else. */
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

function bytesOf(hex: string): Uint8Array {
  if (!/^([0-9a-f]{2})*$/i.test(hex)) throw new Error('--input: expected hex digits')
  return Uint8Array.from(Buffer.from(hex, 'hex'))
}
