import { Attackers } from './attackers.ts'
import { HelloMint } from './hello-mint.ts'
import type { Recorded } from './kinds/scripts.ts'
import { isForClients, type Scenario } from './plan/read.ts'
import { HELLOS, type Stage } from './stage.ts'
import { AttackTally, HonestTally, type OnAttackEnd, type OnAttempt, type Tally } from './tally.ts'
import { Users } from './users.ts'

/** What was heard on the line that can still be replayed: the latest. */
const TAPE_MAX = 200

/** Told of what people come to as it happens. */
export interface Watchers {
  readonly onAttempt?: OnAttempt
  readonly onAttackEnd?: OnAttackEnd
}

/** Plans everybody's part, honest and not, from now on; what becomes of them goes into the tally. */
export function enterAll(stage: Stage, scenario: Scenario, tally: Tally, watchers: Watchers = {}): void {
  const { onAttempt, onAttackEnd } = watchers
  const tape: Recorded[] = []
  const secrets = mintsOf(scenario, stage)
  for (const plan of scenario.honest) {
    const mine = new HonestTally(plan.name, onAttempt)
    tally.honest.set(plan.name, mine)
    const { duration: durationMs, outage: outages } = scenario
    const record = (recorded: Recorded) => {
      tape.push(recorded)
      if (tape.length > TAPE_MAX) tape.shift()
    }
    new Users({ stage, plan, durationMs, outages, secrets, tally: mine, record })
  }
  for (const plan of scenario.attack) {
    const mine = new AttackTally(plan.name, onAttackEnd)
    tally.attack.set(plan.name, mine)
    new Attackers({ stage, plan, scenario, secrets, tape, tally: mine })
  }
}

/** Those that clients can use; there is at least one. */
function mintsOf({ settings, keys }: Scenario, stage: Stage) {
  const random = stage.world.random(HELLOS)
  const mints = new Map<string, HelloMint>()
  return settings.secrets.flatMap((secret, at) => {
    if (!isForClients(secret)) return []
    const { domain } = secret
    const mint = mints.get(domain) ?? new HelloMint(random, domain)
    mints.set(domain, mint)
    return { key: keys[at], mint }
  })
}
