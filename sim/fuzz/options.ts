import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { readDuration } from '../../src/config/values/time.ts'
import { baseOfCommit } from '../swarm/base.ts'

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
    seed: values.seed === undefined ? baseOfCommit().seed : count('seed', values.seed, 0),
    // The time is for all of them together, and some run side by side.
    timeMs: time === undefined ? undefined : (milliseconds(time) * Math.min(jobs, names.length)) / names.length,
    input: values.input === undefined ? undefined : bytesOf(values.input),
  }
}

function milliseconds(text: string): number {
  const ms = readDuration(text)
  if (ms === undefined) throw new Error(`--time: expected a time such as "60s" or "5m", got ${text}`)
  return ms
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
