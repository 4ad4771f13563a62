import { spawn } from 'node:child_process'
import { join } from 'node:path'
import type { CaseResult } from './contract.ts'
import { newConfigPath } from './softhsm.ts'

const root = join(import.meta.dirname, '../..')

/** Runs a suite under Bun in a process of its own; the results by name, and what else it had to say. */
export function runUnderBun(suite: string): Promise<{ results: ReadonlyMap<string, CaseResult>; talk: string }> {
  return new Promise((resolve, reject) => {
    // What C libraries read of the environment must be there from the start.
    const env = { ...process.env, SOFTHSM2_CONF: newConfigPath() }
    const args = [join(import.meta.dirname, 'run.ts'), suite]
    const bun = spawn(join(root, 'node_modules/.bin/bun'), args, { cwd: root, env })
    let out = ''
    let talk = ''
    bun.stdout.on('data', (text) => (out += String(text)))
    bun.stderr.on('data', (text) => (talk += String(text)))
    bun.once('error', reject)
    bun.once('close', (code, signal) => {
      const lines = out.split('\n').filter((line) => line.startsWith('{'))
      const results = new Map(
        lines.map((line) => JSON.parse(line) as CaseResult).map((result) => [result.name, result]),
      )
      resolve({ results, talk: `${talk}\nbun ended with ${signal ?? code}` })
    })
  })
}
