import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { judge } from '../../../sim/attacks/judge.ts'
import { readScenario, type Scenario } from '../../../sim/attacks/plan/read.ts'
import { play } from '../../../sim/attacks/play.ts'
import { summaryOf, tableOf } from '../../../sim/attacks/table.ts'
import type { Truth } from '../../../sim/attacks/truth.ts'

const ROOT = join(import.meta.dirname, '../../..')
const QUICK = `
name = "quick"
what = "A little of everything."
duration = "40s"
secrets = 3
[[honest]]
name = "homes"
users = 20
addresses = 15
from = ["198.51.0.0/16"]
arrivals = { kind = "poisson", every = "10s" }
[[attack]]
name = "guesses"
kind = "guess"
sources = 3
from = ["203.0.113.0/24"]
rate = "10/s"
start = "10s"
stop = "30s"
[[attack]]
name = "replays"
kind = "replay"
sources = 2
from = ["192.0.2.0/24"]
rate = "2/s"
start = "10s"
stop = "30s"
`

function scenarioOf(text: string): Scenario {
  const read = readScenario(text, 'quick.toml')
  if ('problems' in read) throw new Error(JSON.stringify(read.problems))
  return read
}

describe('a played scenario', () => {
  const scenario = scenarioOf(QUICK)
  const run = play(scenario, 1)

  it('lets honest clients in and keeps attackers out, and notices them', () => {
    const [homes] = run.honest
    expect(homes.attempts).toBeGreaterThan(40)
    expect(homes.connected).toBe(homes.attempts)
    // A dial, a hello and its answer, a request and its answer over at most 90 ms one way and 30 ms to the DC.
    expect(homes.connectP99Ms).toBeGreaterThan(100)
    expect(homes.connectP99Ms).toBeLessThan(800)
    expect(homes.throughputLost).toBe(0)
    const [guesses, replays] = run.attack
    expect([guesses.served, replays.served]).toEqual([0, 0])
    expect(guesses.trials).toBeGreaterThan(100)
    expect(guesses.rejected['bad-digest']).toBeGreaterThan(50)
    expect(replays.rejected.replay).toBeGreaterThan(5)
    expect(guesses.maskedBytes).toBeGreaterThan(100_000)
    expect(run.bans).toBeGreaterThan(0)
    expect(run.honestBanned).toBe(0)
    expect(run.detectMs).toBeLessThan(10_000)
    expect([run.faults, judge(scenario, run)]).toEqual([0, []])
  })

  it('gives the same table again, and another one from another seed', () => {
    const table = (told: typeof run) => tableOf({ run: told, failures: [], cpuMs: 0 })
    expect(table(play(scenario, 1))).toBe(table(run))
    expect(table(play(scenario, 2)).replace('seed 2', 'seed 1')).not.toBe(table(run))
  })

  it('gives the same measures on both runtimes', () => {
    const folder = mkdtempSync(join(tmpdir(), 'palisade-'))
    const file = join(folder, 'quick.toml')
    writeFileSync(file, QUICK)
    const measures = (runtime: string) => {
      const command = [join(ROOT, 'sim/attacks.ts'), file, '--seed', '1', '--child']
      const told = JSON.parse(execFileSync(join(ROOT, 'node_modules/.bin', runtime), command).toString()) as {
        run: unknown
      }
      return told.run
    }
    const [bun, node] = [measures('bun'), measures('node')]
    rmSync(folder, { recursive: true })
    expect(bun).toEqual(node)
    expect(node).toEqual(JSON.parse(JSON.stringify(run)))
  })

  it('tells every event of the proxy with the truth about whom it concerns', () => {
    const seen = new Map<string, number>()
    const unknown: string[] = []
    const onEvent = (_atMs: number, event: { kind: string }, truth: Truth | undefined) => {
      const who = truth === undefined ? 'nobody' : `${truth.side} ${truth.group}`
      seen.set(`${event.kind} ${who}`, (seen.get(`${event.kind} ${who}`) ?? 0) + 1)
      if (truth === undefined && 'connection' in event) unknown.push(event.kind)
    }
    play(scenario, 1, { onEvent })
    expect(unknown).toEqual([])
    expect(seen.get('accepted attack guesses')).toBe(run.attack[0].connections)
    expect(seen.get('authenticated honest homes')).toBe(run.honest[0].connected)
    expect(seen.get('authenticated attack replays')).toBeUndefined()
    expect(seen.get('banned nobody')).toBe(run.bans)
  })

  it('fails where an assertion cannot hold, and says which and by how much', () => {
    const impossible = scenarioOf(
      `${QUICK}[assert]\ndetect_within = "1ms"\nconnect_p99_max = "1ms"\nsources_max = 1\npool_max = "1 B"\n`,
    )
    const failures = judge(impossible, play(impossible, 1))
    expect(failures.map(({ assertion }) => assertion)).toEqual([
      ...['connect_p99_max', 'detect_within', 'sources_max', 'pool_max'],
    ])
    expect(tableOf({ run, failures, cpuMs: 0 })).toContain(`FAILED  sources_max = 1, got ${run.sources}`)
  })
})

describe('what honest clients lose', () => {
  const crowded = `${QUICK}[config.guard]\nnew_connections_total = "1/s, burst 1"\n`

  it('is counted when the guard turns them away', () => {
    const run = play(scenarioOf(crowded), 1)
    const [homes] = run.honest
    expect(homes.connected).toBeLessThan(homes.attempts)
    expect(homes.lost['turned-away']).toBe(homes.attempts - homes.connected)
    expect(homes.throughputLost).toBeGreaterThan(0.1)
    expect(judge(scenarioOf(crowded), run)[0]).toMatchObject({ assertion: 'honest_connected_min', wanted: 0.99 })
  })

  it('to an outage of the line is not; they come back when it is over', () => {
    const text = QUICK.replace('[[attack]]', '[[outage]]\nat = "10s"\nfor = "10s"\n[[attack]]')
    const run = play(scenarioOf(text), 1)
    expect(run.honest[0]).toMatchObject({ lost: {} })
    const undisturbed = play(scenarioOf(QUICK), 1)
    expect(run.honest[0].connected).toBeGreaterThan(undisturbed.honest[0].connected)
  })
})

describe('a hog with a valid secret', () => {
  it('is served, and takes the line that all share', () => {
    const hog =
      '[[attack]]\nname = "hogs"\nkind = "hog"\nsources = 1\nfrom = ["203.0.113.0/24"]\nrate = "1/s"\nstart = "10s"\nstop = "30s"\n'
    const run = play(scenarioOf(QUICK.replace('secrets = 3', 'secrets = 3\nuplink = "8 Mbit/s"') + hog), 1)
    const hogs = run.attack[2]
    expect(hogs.served).toBeGreaterThan(10)
    // A line of 1 MB a second for 20 s.
    expect(hogs.gotBytes).toBeGreaterThan(10_000_000)
    expect(hogs.gotBytes).toBeLessThan(21_000_000)
    expect(run.honest[0].connectP99Ms).toBeGreaterThan(1_000)
  })
})

describe('the summary of several runs', () => {
  it('has a row for each scenario, with the worst of its seeds', () => {
    const scenario = scenarioOf(QUICK)
    const runs = [1, 2].map((seed) => ({ run: play(scenario, seed), failures: [], cpuMs: 10 }))
    const rows = summaryOf(runs).split('\n')
    expect(rows).toHaveLength(3)
    const cells = rows[2].split('|').map((cell) => cell.trim())
    const attempts = runs.map(({ run }) => run.honest[0].attempts)
    expect(cells.slice(1, 5)).toEqual(['quick', '2', String(attempts[0] + attempts[1]), '100.00 %'])
  })
})
