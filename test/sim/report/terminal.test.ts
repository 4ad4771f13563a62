import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '../../..')
const SHORT = `
name = "short"
what = "Three seconds."
duration = "3s"
[[honest]]
name = "homes"
users = 5
from = ["198.51.0.0/16"]
arrivals = { kind = "burst", within = "1s" }
`
const COMMAND = `${ROOT}/node_modules/.bin/node ${ROOT}/sim/attacks.ts short.toml --runs 2 --jobs 1`

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'palisade-terminal-'))
  writeFileSync(join(folder, 'short.toml'), SHORT)
})
afterAll(() => rmSync(folder, { recursive: true }))

/** What is measured is taken out. */
function run(command: string, args: readonly string[]): { readonly stdout: string; readonly stderr: string } {
  const env = { PATH: process.env.PATH, SHELL: '/bin/sh' }
  const { stdout, stderr } = spawnSync(command, args, { cwd: folder, encoding: 'utf8', env, timeout: 60_000 })
  return { stdout: stdout.replaceAll(/\d+ ms of CPU|\| \d+ ms \|$|, about \d+ s left/gm, ''), stderr }
}

describe('several runs', () => {
  let plain = { stdout: '', stderr: '' }
  beforeAll(() => {
    plain = run('sh', ['-c', COMMAND])
  }, 60_000)

  it('are a line each where there is no terminal', () => {
    const { stdout, stderr } = plain
    expect(stderr).toBe('')
    expect(stdout).toMatch(/^1\/2 short, seed 1: holds.*\n2\/2 short, seed 2: holds.*\n\| scenario/)
    expect(stdout).toMatch(/\n2 passed, 0 failed\n$/)
  })

  it('have a bar in a terminal, which leaves nothing behind', () => {
    // util-linux' script gives a command a terminal for all it writes.
    const { stdout } = run('script', ['-qec', COMMAND, '/dev/null'])
    expect(stdout).toContain('[------------] 0 of 2 runs')
    // Each line as it looks in the end: what follows the last clearing of it.
    const seen = stdout.split('\r\n').map((line) => line.split('\u001b[K').at(-1))
    expect(seen.join('\n')).toBe(plain.stdout)
  })
})
