import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { plantedCopy } from '../../../sim/mutants/hunt.ts'
import { MUTANTS } from '../../../sim/mutants/mutants.ts'
import { readCase, type Case } from '../../../sim/swarm/case.ts'
import { Child } from '../../../sim/swarm/child.ts'
import type { Outcome } from '../../../sim/swarm/outcome.ts'

const ROOT = join(import.meta.dirname, '../../..')

function run(args: readonly string[], root = ROOT) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'sim/run.ts'), ...args], {
    ...{ cwd: root, encoding: 'utf8', timeout: 110_000 },
  })
  return { status, stdout, stderr }
}

describe('a process that runs cases', () => {
  const ask = async (child: Child, seeds: readonly number[]) => {
    const outcomes = await Promise.all(seeds.map((seed) => child.ask({ case: `seed=${seed}` })))
    child.end()
    return outcomes.map((outcome) => [outcome.case, outcome.violations.map(({ what }) => what)])
  }

  it('that dies has failed the case it was about, and another one does the rest', async () => {
    const child = new Child({ script: join(import.meta.dirname, 'scripts/moody-worker.ts') })
    expect(await ask(child, [1, 2, 4, 2, 5])).toEqual([
      ['seed=1', []],
      ['seed=2', ['the process that ran it ended with 3']],
      ['seed=4', []],
      ['seed=2', ['the process that ran it ended with 3']],
      ['seed=5', []],
    ])
  })

  it('that says nothing is ended', async () => {
    const child = new Child({ script: join(import.meta.dirname, 'scripts/moody-worker.ts'), silenceMs: 100 })
    expect(await ask(child, [3])).toEqual([['seed=3', ['the process that ran it ended with SIGKILL']]])
  })

  it('that cannot be started has failed', async () => {
    const [[, violations]] = await ask(new Child({ runtime: join(ROOT, 'no-such-runtime') }), [1])
    expect(violations).toEqual([expect.stringContaining('could not be started') as string])
  })
})

describe('the command', { timeout: 120_000 }, () => {
  it('counts seeds, and what was compared: twice, and on the other runtime', () => {
    const other = join(ROOT, 'node_modules/.bin/bun')
    const { status, stdout } = run(['--seed', '1', '--runs', '6', '--other-runtime', other])
    expect(stdout).toContain('seeds from 1 on: 6 in ')
    expect(stdout).toContain('the same trace again: 1 seeds; on the other runtime: 1 seeds')
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('8 passed, 0 failed')
    expect(status).toBe(0)
  })

  it('fails clearly when fewer seeds were done than had to be', () => {
    const { status, stdout } = run(['--seed', 'commit', '--runs', '2', '--at-least', '3', '--jobs', '1'])
    expect(stdout).toMatch(/^seeds from \d+ on \((commit|version) /)
    expect(stdout).toContain('only 2 seeds were done, of at least 3')
    expect(status).toBe(1)
  })

  it('begins no seed when the time is up', () => {
    const { status, stdout } = run(['--seed', '1', '--runs', '1000000', '--time', '1ms', '--jobs', '1'])
    expect(Number(/on: (\d+) in/.exec(stdout)?.[1])).toBeLessThan(1_000)
    expect(status).toBe(0)
  })

  it('runs one case, from a file as from its text, and shows what happens', () => {
    const folder = mkdtempSync(join(tmpdir(), 'palisade-case-'))
    const file = join(folder, 'one.json')
    try {
      writeFileSync(file, '{ "seed": 4, "talks": [1], "probes": [], "untilMs": 30000 }')
      const fromText = run(['--case', 'seed=4,talks=1,probes=none,untilMs=30000', '--trace'])
      expect(fromText.stdout).toContain(' seen speaks talk 1 from ')
      expect(fromText.stdout).not.toContain(' seen speaks talk 2 from ')
      expect(fromText.stdout.trimEnd().split('\n').at(-1)).toBe('1 passed, 0 failed')
      expect(run(['--case', file, '--trace'])).toEqual(fromText)
      writeFileSync(file, '{ "seed": 4')
      expect(run(['--case', file])).toMatchObject({ status: 2, stderr: `${file}: expected an object as JSON\n` })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it.each([
    [['--runs', '0'], '--runs: expected a whole number from 1 on'],
    [['--seed', 'x'], '--seed: expected a whole number from 0 to 4294967295'],
    [['--time', '60'], '--time: expected a duration such as 60s'],
    [['--other-runtime', 'no-such-runtime'], 'there is no no-such-runtime'],
    [['--case', 'seed=1,talks=0'], 'case: talks: expected none'],
  ])('says in one line what is wrong with %j', (args, why) => {
    const { status, stderr } = run(args)
    expect(stderr).toContain(why)
    expect(stderr.trimEnd().split('\n')).toHaveLength(1)
    expect(status).toBe(2)
  })
})

describe('a planted bug', () => {
  const mutant = MUTANTS.find(({ name }) => name === 'a replayed init is let in')!
  const SEED = 2
  let copy = ''
  beforeAll(() => {
    copy = plantedCopy(mutant)
  })
  afterAll(() => rmSync(copy, { recursive: true }))

  /** In the copy, without what reads arguments. */
  const outcomeOf = (text: string) => {
    const input = `${JSON.stringify({ case: text })}\n`
    const { stdout } = spawnSync(process.execPath, [join(copy, 'sim/swarm/worker.ts')], { input, encoding: 'utf8' })
    return JSON.parse(stdout) as Outcome
  }

  it('is found with what happened before, and shrunk to a smaller case that fails in the same way', () => {
    const whole = outcomeOf(`seed=${SEED}`)
    expect(whole.violations[0].invariant).toBe(mutant.invariant)
    expect(whole.last).toHaveLength(25)
    expect(whole.last.at(-1)).toMatch(/^\d+ ms /)

    writeFileSync(
      join(copy, 'shrink.ts'),
      `import { Report } from './sim/swarm/report.ts'
       import { runCase } from './sim/swarm/outcome.ts'
       const report = new Report()
       report.fail(runCase({ seed: ${SEED} }))
       report.shrinkAll()`,
    )
    const { stdout } = spawnSync(process.execPath, [join(copy, 'shrink.ts')], { encoding: 'utf8' })
    const text = /palisade sim run --case (\S+) --trace/.exec(stdout)![1]
    const small = readCase(text) as Case
    expect(small.talks!.length + small.probes!.length).toBeLessThan((whole.came.talks + whole.came.probes) / 4)
    expect(small.untilMs).toBeLessThanOrEqual(whole.violations[0].atMs + 1)

    const again = outcomeOf(text)
    expect(again.violations.map(({ invariant }) => invariant)).toContain(mutant.invariant)
    expect(outcomeOf(text).hash).toBe(again.hash)
    expect(stdout).toContain(JSON.stringify({ case: text, invariant: mutant.invariant }).slice(0, -1))
  }, 240_000)
})
