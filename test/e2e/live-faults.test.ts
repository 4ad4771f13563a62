import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { ConfigOptions } from './config.ts'
import { play, SECRET, withProgram, type Told } from './live.ts'
import { RUNTIMES, type RuntimeName } from './program.ts'

/** The proxy gives an address up soon. */
const TELEGRAM = 'connect_timeout = "400ms"'

function group(name: string, dc: number): string {
  return `[[honest]]
name = "${name}"
users = 10
dc = ${dc}
from = ["198.5${dc}.0.0/16"]
noise = 0.0
arrivals = { kind = "constant", every = "1s" }
talk = { requests = 1, think = "0ms", hold = "0ms" }
`
}

/** The proxy leaves an address alone for a while that did not answer, longer each time: people come in again later than they could. */
function scenario(...faults: readonly string[]): string {
  return `name = "troubles"
what = "Telegram has troubles."
duration = "18s"
${group('at-4', 4)}${group('at-2', 2)}${faults.map((fault) => `[[fault]]\n${fault}\n`).join('')}
[assert]
honest_connected_min = 0.1
recover_within = "9s"
`
}

/** What a run with these faults is told to be, its page, and what the proxy said of its dials to DCs. */
async function played(runtime: RuntimeName, ...faults: readonly string[]) {
  const options: Partial<ConfigOptions> = { telegram: TELEGRAM }
  return withProgram(
    runtime,
    async ({ program, home, telegramPort }) => {
      const [file, page] = ['scenario.toml', 'live.html'].map((name) => join(home.folder, name))
      writeFileSync(file, scenario(...faults))
      const run = await play(
        ...([runtime, file, '--live', `127.0.0.1:${program.port}`, '--secret', SECRET, '--json'] as const),
        ...['--telegram', `127.0.0.1:${telegramPort}`, '--config', home.configFile, '--report', page],
      )
      const told = JSON.parse(run.stdout) as Told
      const groups = new Map(told.measures.honest.map((each) => [each.name, each]))
      const metrics = await program.metrics()
      const dials = (why: string) =>
        Number(
          new RegExp(`^palisade_dial_failures_total\\{target="dc",why="${why}"\\} (\\d+)$`, 'm').exec(metrics)?.[1] ??
            0,
        )
      return { ...{ run, told, groups, dials }, page: readFileSync(page, 'utf8') }
    },
    options,
  )
}

describe.each(RUNTIMES)('faults of Telegram, to the program on %s', (runtime) => {
  it('shut out who comes while all DCs refuse, or let nothing through, and nobody later', async () => {
    const { run, told, groups, dials, page } = await played(
      runtime,
      'kind = "dc-down"\nat = "2s"\nfor = "2s"',
      'kind = "dc-down"\nhow = "black-hole"\nat = "6s"\nfor = "2s"',
    )
    expect(run.stderr).not.toMatch(/left out|--telegram:/)
    expect(dials('refused')).toBeGreaterThan(0)
    expect(dials('timeout')).toBeGreaterThan(0)
    for (const { attempts, connected } of groups.values()) expect(connected).toBeLessThan(attempts)
    expect(told.assertions.filter(({ result }) => result !== 'pass')).toEqual([])
    expect(run.code).toBe(0)
    expect(page).toContain('There were 2 faults.')
    expect(page).toContain('dc-down, black-hole, 6s to 8s')
  })

  it('of the lines make people wait, who come in all the same', async () => {
    const { run, told, groups } = await played(
      runtime,
      'kind = "slow-links"\nlatency = "250ms"\nstall = "100ms"\nat = "1s"\nfor = "9s"',
    )
    expect(run.stderr).not.toMatch(/left out/)
    for (const { attempts, connected, connect_p99_ms: p99 } of groups.values()) {
      expect(connected).toBe(attempts)
      // There and back for the hello, and for the request to the DC and its answer on both lines.
      expect(p99).toBeGreaterThan(3 * 500)
    }
    expect(told.result).toBe('pass')
  })

  it('of one DC concern those who talk to it alone, whichever way it is away; and the rest is named', async () => {
    const { run, told, groups } = await played(
      runtime,
      'kind = "dc-flap"\ndc = 2\nat = "2s"\nfor = "2s"',
      'kind = "dc-down"\nhow = "black-hole"\ndc = 2\nat = "5s"\nfor = "1s"',
      'kind = "mask-down"\nat = "2s"\nfor = "2s"',
    )
    expect(run.stderr).toMatch(/^left out, as only the simulator can do it: \[\[fault\]\] mask-down$/m)
    const [at4, at2] = ['at-4', 'at-2'].map((name) => groups.get(name))
    expect(at4?.connected).toBe(at4?.attempts)
    expect(at2?.connected).toBeLessThan(at2?.attempts ?? 0)
    expect(told.assertions.filter(({ result }) => result !== 'pass')).toEqual([])
    expect(run.code).toBe(0)
  })
})
