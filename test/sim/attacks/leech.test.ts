import { describe, expect, it } from 'vitest'
import { judge } from '../../../sim/attacks/judge.ts'
import { readScenario, type Scenario } from '../../../sim/attacks/plan/read.ts'
import { play } from '../../../sim/attacks/play.ts'

const KB = 1024
const LEECHES = `
name = "leeches"
what = "A few who take what they can."
duration = "60s"
[[honest]]
name = "homes"
users = 10
from = ["198.51.0.0/16"]
arrivals = { kind = "poisson", every = "10s" }
[[attack]]
name = "hasty"
kind = "leech"
sources = 3
from = ["203.0.113.0/24"]
rate = "1/s"
start = "5s"
stop = "30s"
hold = "40s"
ask = "64 KB"
got_max = "200 KB"
got_total_max = "10 MB"
[[attack]]
name = "patient"
kind = "leech"
sources = 20
from = ["192.0.2.0/24"]
rate = "1/m"
start = "5s"
stop = "30s"
hold = "40s"
ask = "1 KB"
think = "1s"
got_max = "24 KB"
`

function scenarioOf(maxBytes: string, maxTime: string, bandwidth = '50 Mbit/s'): Scenario {
  const read = readScenario(
    `${LEECHES}[config.mask]\nmax_bytes = "${maxBytes}"\nmax_time = "${maxTime}"\nbandwidth = "${bandwidth}"\n`,
    'leeches.toml',
  )
  if ('problems' in read) throw new Error(JSON.stringify(read.problems))
  return read
}

describe('strangers who take what they can of the mask host', () => {
  it('get no more than a masked connection may carry, nor for longer, and nothing from elsewhere', () => {
    const scenario = scenarioOf('100 KB', '10s')
    const run = play(scenario, 1)
    const [hasty, patient] = run.attack
    expect(hasty.gotMost).toBeGreaterThan(90 * KB)
    expect(hasty.closed['mask-limit']).toBeGreaterThan(20)
    expect(patient.gotMost).toBeGreaterThan(10 * KB)
    expect(hasty.gotBytes).toBeLessThanOrEqual(hasty.maskedBytes)
    expect(hasty.rejected['sni-mismatch']).toBeGreaterThan(0)
    expect(hasty.rejected['not-a-client']).toBeGreaterThan(0)
    expect([hasty.served, run.strays, judge(scenario, run)]).toEqual([0, 0, []])
  })

  it('get more where more is allowed, and that is told', () => {
    const run = play(scenarioOf('1 MB', '60s'), 1)
    const failed = judge(scenarioOf('1 MB', '60s'), run).map(({ assertion }) => assertion)
    expect(failed).toEqual(['attack.hasty.got_max', 'attack.hasty.got_total_max', 'attack.patient.got_max'])
  })

  it('get no more of one network together than its bandwidth, and the others what they would', () => {
    const wide = play(scenarioOf('1 MB', '60s'), 1)
    const narrow = scenarioOf('1 MB', '60s', '1 Mbit/s')
    const run = play(narrow, 1)
    const [hasty, patient] = run.attack
    // From 5 s on to the last one's end.
    expect(hasty.maskedBytes).toBeLessThanOrEqual(125_000 * (65 + 1) + 64 * KB)
    expect(hasty.maskedBytes).toBeGreaterThan(125_000 * 50)
    expect([patient.gotBytes, patient.gotMost]).toEqual([wide.attack[1].gotBytes, wide.attack[1].gotMost])
    expect(judge(narrow, run).map(({ assertion }) => assertion)).not.toContain('attack.hasty.got_total_max')
  })
})
