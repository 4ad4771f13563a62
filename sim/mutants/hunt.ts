import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Child } from '../swarm/child.ts'
import type { Mutant } from './mutant.ts'

/** What became of one planted bug. */
export interface Hunted {
  readonly mutant: Mutant
  readonly isFound: boolean
  /** Seeds from 1 on until the first that shows it, or what else does; undefined when it was not found. */
  readonly seeds: number | 'test' | 'known case' | undefined
  readonly seconds: number
  /** What showed it, or what was seen instead. */
  readonly what: string
}

/** Seeds that are spent on one mutant before it counts as not found. */
const SEEDS_MAX = 2_000
/** How long the tests of one mutant may take; some bugs make them wait for what never comes. */
const TESTS_MAX_MS = 300_000
const ROOT = join(import.meta.dirname, '../..')
/** What tests need beside what the simulator needs. */
const FOR_RUNS = ['src/core', 'src/vault', 'src/workers', 'sim', 'package.json']
const FOR_TESTS = ['src', 'sim', 'test', 'fixtures', 'package.json', 'tsconfig.json', 'vitest.config.ts']

/** Plants a bug into a copy of the source, and looks for it; first with cases that found it before, where there are any. */
export async function hunt(mutant: Mutant, known: readonly string[] = []): Promise<Hunted> {
  const startedAt = performance.now()
  const copy = plantedCopy(mutant)
  try {
    const { tests } = mutant
    const found = await (tests === undefined ? bySeeds(copy, mutant, known) : byTests(copy, tests))
    return { mutant, isFound: found.seeds !== undefined, ...found, seconds: (performance.now() - startedAt) / 1000 }
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

/** A copy of as much of the tree as is needed, with the bug in it; whoever asks removes it. */
export function plantedCopy({ name, file, find, replace, tests }: Mutant): string {
  const copy = mkdtempSync(join(tmpdir(), 'palisade-mutant-'))
  for (const part of tests === undefined ? FOR_RUNS : FOR_TESTS)
    cpSync(join(ROOT, part), join(copy, part), { recursive: true })
  const path = join(copy, file)
  const pieces = readFileSync(path, 'utf8').split(find)
  if (pieces.length !== 2)
    throw new Error(`mutant "${name}": ${file} holds what it replaces ${pieces.length - 1} times`)
  writeFileSync(path, pieces.join(replace))
  return copy
}

type Found = Pick<Hunted, 'seeds' | 'what'>

async function bySeeds(copy: string, { invariant, also }: Mutant, known: readonly string[]): Promise<Found> {
  const child = new Child({ script: join(copy, 'sim/swarm/worker.ts') })
  let other = `no violation in ${SEEDS_MAX} seeds`
  /** What one case shows of it. */
  const look = async (text: string): Promise<string | undefined> => {
    const { violations } = await child.ask({ case: text, isTwice: invariant === 'I13' })
    const seen = violations.find((each) => each.invariant === invariant || each.invariant === also)
    if (seen === undefined && violations.length > 0) other = `${text}: ${violations[0].invariant}, not ${invariant}`
    return seen && `${text}: ${seen.invariant} after ${seen.atMs} ms: ${seen.what.split('\n')[0]}`
  }
  try {
    let stale = ''
    for (const text of known) {
      const what = await look(text)
      if (what !== undefined) return { seeds: 'known case', what: `${what}${stale}` }
      stale += `; ${text} shows it no more`
    }
    for (let seed = 1; seed <= SEEDS_MAX; seed++) {
      const what = await look(`seed=${seed}`)
      if (what !== undefined) return { seeds: seed, what: `${what}${stale}` }
    }
    return { seeds: undefined, what: other }
  } finally {
    child.kill()
  }
}

async function byTests(copy: string, options: readonly string[]): Promise<Found> {
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
  const output = await outputOf(
    [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', '--bail', '1', '--root', copy, ...options],
    copy,
  )
  const counted = /^ *(Tests .*)$/m.exec(output)?.[1]
  const isFound = counted !== undefined && / [1-9]\d* failed/.test(counted)
  const what = counted ?? output.split('\n')[0]
  return { seeds: isFound ? 'test' : undefined, what }
}

async function outputOf(args: readonly string[], cwd: string): Promise<string> {
  const env = { ...process.env, NO_COLOR: '1' }
  const running = spawn(process.execPath, args, {
    ...{ cwd, env, timeout: TESTS_MAX_MS },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  running.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  running.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
  await new Promise((resolve) => running.on('close', resolve))
  return output
}
