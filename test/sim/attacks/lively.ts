import { readScenario, type Scenario } from '../../../sim/attacks/plan/read.ts'

/** Forty seconds in which honest clients are lost, attackers are masked, banned and served, and a detector speaks. */
export const LIVELY = `
name = "lively"
what = "A little of everything, <b>even</b> that."
duration = "40s"
secrets = 3
[[honest]]
name = "homes"
users = 40
addresses = 30
from = ["198.51.0.0/16"]
arrivals = { kind = "poisson", every = "10s" }
[[attack]]
name = "guesses"
kind = "guess"
sources = 8
from = ["203.0.113.0/24"]
rate = "10/s"
start = "10s"
stop = "30s"
[[attack]]
name = "hogs"
kind = "hog"
sources = 1
from = ["192.0.2.0/24"]
rate = "1/s"
start = "10s"
stop = "30s"
ask = "64 KB"
[[vault_outage]]
at = "31s"
for = "3s"
[assert]
honest_connected_min = 0.5
[config.guard]
anomaly = "enforce"
`

export function scenarioOf(text: string): Scenario {
  const read = readScenario(text, 'lively.toml')
  if ('problems' in read) throw new Error(JSON.stringify(read.problems))
  return read
}
