import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '../../..')
const run = (runtime: 'node' | 'bun', seed: number) =>
  execFileSync(join(ROOT, 'node_modules/.bin', runtime), [join(import.meta.dirname, 'run.script.ts'), String(seed)], {
    encoding: 'utf8',
  })

describe('one seed', () => {
  it('gives one trace, on Node, again, and on Bun; another seed gives another', () => {
    const first = run('node', 7)
    expect(Number(first.split(' ')[1])).toBeGreaterThan(1000)
    expect(run('node', 7)).toBe(first)
    expect(run('bun', 7)).toBe(first)
    expect(run('node', 8)).not.toBe(first)
  })
})
