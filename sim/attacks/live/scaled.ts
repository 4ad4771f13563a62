import type { ClientSecret } from '../../../src/core/protocol/secret.ts'
import { assert } from '../../../src/core/assert.ts'
import { isForClients, type Scenario } from '../plan/read.ts'
import type { AttackPlan, HonestPlan } from '../plan/schema.ts'

/** A hello that comes in drips takes this long, if it is let. */
const DRIPPING_MS = 120_000

/** The same scenario with so much of its people, at least one of each group, and with the secrets of the proxy under test. */
export function scaled(scenario: Scenario, scale: number, secrets: readonly ClientSecret[]): Scenario {
  const some = (count: number) => Math.max(1, Math.round(count * scale))
  const known = scenario.settings.secrets.find(isForClients)
  assert(known !== undefined, 'a scenario has one that clients can use')
  return {
    ...scenario,
    honest: scenario.honest.map((plan) => ({
      ...plan,
      users: some(plan.users),
      addresses: Math.min(some(plan.users), some(plan.addresses ?? plan.users)),
    })),
    attack: scenario.attack.map((plan) => ({ ...plan, sources: some(plan.sources) })),
    settings: {
      ...scenario.settings,
      secrets: secrets.map(({ domain }) => ({ ...known, domain, modes: ['fake-tls'] })),
    },
    keys: secrets.map(({ key }) => key),
  }
}

/** About how many connections are open at once, at most, while nobody is turned away. */
export function socketsOf({ honest, attack, duration }: Scenario): number {
  const ofUsers = honest.map((plan) => usersAtOnce(plan, duration))
  return [...ofUsers, ...attack.map(attackersAtOnce)].reduce((sum, count) => sum + count, 0)
}

function usersAtOnce({ users, arrivals, talk }: HonestPlan, durationMs: number): number {
  if (arrivals.kind === 'burst') return users
  const lifeMs = talk.requests * talk.think + talk.hold
  return Math.ceil(users * Math.min(durationMs / arrivals.every, lifeMs / arrivals.every + 1))
}

function attackersAtOnce({ kind, sources, rate, start, stop, hold }: AttackPlan): number {
  const lifeMs = kind === 'hog' ? stop - start : hold + (kind === 'slowloris' ? DRIPPING_MS : 0)
  return Math.ceil(sources * Math.min((stop - start) / rate, lifeMs / rate + 1))
}
