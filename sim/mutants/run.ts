import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { MUTANTS, type Mutant } from './mutants.ts'

/** Seeds that are spent on one mutant before it counts as not found. */
const RUNS = 600
const ROOT = join(import.meta.dirname, '../..')
/** What tests need beside what the simulator needs. */
const FOR_RUNS = ['src/core', 'src/vault', 'src/workers', 'sim', 'package.json']
const FOR_TESTS = ['src', 'sim', 'test', 'fixtures', 'package.json', 'tsconfig.json', 'vitest.config.ts']

/**
 * Plants one bug after the other into a copy of the source and lets the simulator look for it, or the tests it names: proof
 * that checkers and tests can fail. Some arguments: only the mutants whose names hold one of them.
 */
async function main(wanted: readonly string[]): Promise<void> {
  const mutants = MUTANTS.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
  const waiting = [...mutants]
  let found = 0
  const work = async () => {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      const startedAt = performance.now()
      const seen = await hunt(mutant)
      const isFound = isSeen(mutant, seen)
      if (isFound) found++
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
      const what = seen.split('\n')[0]
      process.stdout.write(
        `${isFound ? 'found' : 'MISSED'} ${mutant.invariant} ${mutant.name}, ${seconds} s: ${what}\n`,
      )
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work))
  process.stdout.write(`${found} passed, ${mutants.length - found} failed\n`)
  process.exitCode = found === mutants.length && found > 0 ? 0 : 1
}

function isSeen({ invariant, also, tests }: Mutant, seen: string): boolean {
  if (tests !== undefined) return seen.startsWith('Tests ') && / [1-9]\d* failed/.test(seen)
  return [invariant, also].some((each) => seen.includes(`: ${each} after`))
}

/** What the simulator prints about the planted bug, or the line in which its tests are counted. */
async function hunt(mutant: Mutant): Promise<string> {
  const copy = mkdtempSync(join(tmpdir(), 'palisade-mutant-'))
  try {
    for (const part of mutant.tests === undefined ? FOR_RUNS : FOR_TESTS)
      cpSync(join(ROOT, part), join(copy, part), { recursive: true })
    plant(copy, mutant)
    return await (mutant.tests === undefined ? simulate(copy) : test(copy, mutant.tests))
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

function plant(copy: string, { name, file, find, replace }: Mutant): void {
  const path = join(copy, file)
  const source = readFileSync(path, 'utf8')
  const pieces = source.split(find)
  if (pieces.length !== 2)
    throw new Error(`mutant "${name}": ${file} holds what it replaces ${pieces.length - 1} times`)
  writeFileSync(path, pieces.join(replace))
}

function simulate(copy: string): Promise<string> {
  const options = ['--seed', '1', '--runs', String(RUNS), '--jobs', '1', '--until-found']
  return outputOf([join(copy, 'sim/run.ts'), ...options], copy)
}

async function test(copy: string, options: readonly string[]): Promise<string> {
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
  const output = await outputOf([join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', '--root', copy, ...options], copy)
  return /^ *(Tests .*)$/m.exec(output)?.[1] ?? output
}

async function outputOf(args: readonly string[], cwd: string): Promise<string> {
  const env = { ...process.env, NO_COLOR: '1' }
  const running = spawn(process.execPath, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  running.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  running.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
  await new Promise((resolve) => running.on('close', resolve))
  return output
}

await main(process.argv.slice(2))
