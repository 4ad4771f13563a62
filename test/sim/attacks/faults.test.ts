import { describe, expect, it } from 'vitest'
import { judge } from '../../../sim/attacks/judge.ts'
import { readScenario, type Scenario } from '../../../sim/attacks/plan/read.ts'
import { play } from '../../../sim/attacks/play.ts'
import type { Measures } from '../../../sim/attacks/measures.ts'

const HEAD = `
name = "short"
what = "A minute."
duration = "1m"
`
const HOMES = `
[[honest]]
name = "homes"
users = 20
from = ["198.51.0.0/16"]
arrivals = { kind = "poisson", every = "10s" }
noise = 0
`

function scenarioOf(text: string): Scenario {
  const read = readScenario(text, 'short.toml')
  if ('problems' in read) throw new Error(JSON.stringify(read.problems))
  return read
}

function fault(keys: string, more = ''): Measures {
  return play(scenarioOf(`${HEAD}${HOMES}${more}[[fault]]\n${keys}\n`), 1)
}

describe('a fault', () => {
  it('of a DC concerns those who talk to it', () => {
    const other = HOMES.replace('"homes"', '"others"').replace('noise = 0', 'noise = 0\ndc = 3')
    const down = (dc: number) => fault(`kind = "dc-down"\ndc = ${dc}\nat = "20s"\nfor = "20s"`, other)
    const [, at3] = down(3).honest
    const [, at2] = down(2).honest
    expect(at3.connected).toBeLessThan(at3.attempts)
    expect([at2.connected, at2.throughputLost]).toEqual([at2.attempts, 0])
  })

  it('of a DC that comes and goes ends by itself, and is recovered from', () => {
    const { honest, recoverMs } = fault('kind = "dc-flap"\nat = "20s"\nfor = "10s"')
    expect(honest[0].connected).toBeLessThan(honest[0].attempts)
    // Whatever it does, ten seconds of it lead to no longer pause than the fourth: 8 s and up to half of that.
    expect(recoverMs).toBeLessThan(12_500)
  })

  it('of the line makes clients wait, and not for longer than it lasts', () => {
    const p99 = (keys: string) => fault(keys).honest[0].connectP99Ms ?? 0
    const slow = p99('kind = "slow-links"\nlatency = "500ms"\nat = "20s"\nfor = "20s"')
    expect(slow).toBeGreaterThan(2_500)
    expect(p99('kind = "slow-links"\nlatency = "500ms"\nat = "59s"\nfor = "1s"')).toBeLessThan(slow / 2)
  })

  it('of the web site or of names concerns no client that is expected', () => {
    for (const kind of ['mask-down', 'resolver-down', 'store-down']) {
      const { honest, faults } = fault(`kind = "${kind}"\nat = "20s"\nfor = "20s"`)
      expect([honest[0].connected, faults]).toEqual([honest[0].attempts, 0])
    }
  })

  it('of the clock shuts out whoever has the right time, as soon as it is too large', () => {
    const lost = (by: string) => {
      const [homes] = fault(`kind = "clock-step"\nby = "${by}"\nat = "30s"`).honest
      return homes.attempts - homes.connected
    }
    expect([lost('+1m'), lost('-1m')]).toEqual([0, 0])
    expect(lost('+5m')).toBeGreaterThan(20)
    expect(lost('-5m')).toBeGreaterThan(20)
  })

  it('of the process keeps out who comes while it is away, and nobody later', () => {
    const { honest, recoverMs, faults } = fault('kind = "restart"\nat = "20s"\nfor = "5s"')
    expect(honest[0].lost.refused).toBeGreaterThan(0)
    expect([recoverMs, faults]).toEqual([0, 0])
  })

  it('of memory refuses strangers while it lasts', () => {
    const flood =
      '[[attack]]\nname = "flood"\nkind = "guess"\nsources = 2\nfrom = ["203.0.113.0/24"]\nrate = "5/s"\nstart = "20s"\nstop = "40s"\n'
    const { attack } = fault('kind = "shortage"\nresource = "memory"\nshare = 0.9\nat = "20s"\nfor = "10s"', flood)
    expect(attack[0].rejected.overload).toBeGreaterThan(50)
    expect(attack[0].rejected['bad-digest']).toBeGreaterThan(5)
  })

  it('of an operator changes the configuration and drops nobody', () => {
    const { honest, honestRejected } = fault(
      'kind = "reload"\nat = "30s"\n[fault.config.guard]\nconnections_per_ip = 16',
    )
    expect(honest[0].connected).toBe(honest[0].attempts)
    expect(honestRejected).toEqual({})
    const none = fault('kind = "reload"\nat = "30s"\n[fault.config.access]\ndefault = "none"')
    expect(none.honest[0].connected).toBeLessThan(none.honest[0].attempts)
    expect(none.honestRejected.access).toBeGreaterThan(10)
  })
})

describe('users who', () => {
  it('move on go on from another address, and have lost nothing by it', () => {
    const text = `${HEAD}${HOMES.replace('noise = 0', 'noise = 0\naddresses = 2\nroaming = 0.5')}`
    const [still] = play(scenarioOf(text.replace('roaming = 0.5', 'roaming = 0')), 1).honest
    const [homes] = play(scenarioOf(text), 1).honest
    expect(homes.attempts).toBeGreaterThan(1.3 * still.attempts)
    expect([homes.connected, homes.throughputLost]).toEqual([homes.attempts, 0])
  })

  it('read slowly get all of it, later', () => {
    const p99 = (more: string) =>
      play(scenarioOf(`${HEAD}${HOMES.replace('noise = 0', `noise = 0\n${more}\ntalk = { answer = "200 KB" }`)}`), 1)
        .honest[0]
    const [fast, slow] = [p99(''), p99('reading = "1 Mbit/s"')]
    expect(slow.connectP99Ms).toBeGreaterThan((fast.connectP99Ms ?? 0) + 1_000)
    expect([slow.connected, slow.throughputLost]).toEqual([slow.attempts, 0])
  })
})

describe('what an attacker may make us compute', () => {
  it('is judged by its own bound', () => {
    const text = `${HEAD}${HOMES}
[[attack]]
name = "guesses"
kind = "guess"
sources = 1
from = ["203.0.113.0/24"]
rate = "5/s"
start = "1s"
stop = "1m"
trials_max = 100
`
    const judged = (more: string) => judge(scenarioOf(text + more), play(scenarioOf(text + more), 1))
    expect(judged('')).toEqual([])
    expect(judged('[config.guard]\nblock_score = 100000\n')).toEqual([
      { assertion: 'attack.guesses.trials_max', wanted: 100, found: expect.any(Number) as number },
    ])
  })
})
