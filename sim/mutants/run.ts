import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { MUTANTS, type Mutant } from './mutants.ts'

/** Seeds that are spent on one mutant before it counts as not found. */
const RUNS = 600
const ROOT = join(import.meta.dirname, '../..')

/**
 * Plants one bug after the other into a copy of the source and lets the simulator look for it: proof that the checkers can
 * fail. Some arguments: only the mutants whose names hold one of them.
 */
async function main(wanted: readonly string[]): Promise<void> {
  const mutants = MUTANTS.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
  const waiting = [...mutants]
  let found = 0
  const work = async () => {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      const startedAt = performance.now()
      const seen = await hunt(mutant)
      const isFound = [mutant.invariant, mutant.also].some((invariant) => seen.includes(`: ${invariant} after`))
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

/** What the simulator prints about the planted bug. */
async function hunt(mutant: Mutant): Promise<string> {
  const copy = mkdtempSync(join(tmpdir(), 'palisade-mutant-'))
  try {
    for (const part of ['src/core', 'src/vault', 'sim', 'package.json'])
      cpSync(join(ROOT, part), join(copy, part), { recursive: true })
    plant(copy, mutant)
    return await simulate(copy)
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

async function simulate(copy: string): Promise<string> {
  const options = ['--seed', '1', '--runs', String(RUNS), '--jobs', '1', '--until-found']
  const running = spawn(process.execPath, [join(copy, 'sim/run.ts'), ...options], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  running.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  running.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
  await new Promise((resolve) => running.on('close', resolve))
  return output
}

await main(process.argv.slice(2))
