import type { Arena } from './arena.ts'
import type { Scenario } from './plan/read.ts'
import type { Counts, HonestTally, Tally } from './tally.ts'

export interface HonestMeasures {
  readonly name: string
  readonly attempts: number
  readonly connected: number
  readonly lost: Counts
  /** Of those that connected; undefined: none did. */
  readonly connectP99Ms: number | undefined
  /** Of the bytes that were asked for, 0..1. */
  readonly throughputLost: number
}

export interface AttackMeasures {
  readonly name: string
  readonly connections: number
  readonly served: number
  readonly tried: number
  readonly trials: number
  readonly maskedBytes: number
  readonly gotBytes: number
  readonly gotMost: number
  readonly rejected: Counts
  readonly closed: Counts
}

/** What one run came to: plain data, so that it can be compared, sent and added up. */
export interface Measures {
  readonly scenario: string
  readonly seed: number
  readonly honest: readonly HonestMeasures[]
  readonly attack: readonly AttackMeasures[]
  /** Of the proxy, about honest clients. */
  readonly honestRejected: Counts
  readonly honestAddresses: number
  readonly honestBanned: number
  readonly bans: number
  /** How often a detector began to see an attack. */
  readonly alarms: number
  /** Secrets tried for everybody. */
  readonly trials: number
  readonly sources: number
  readonly poolBytes: number
  readonly openMost: number
  /** From the start of the first attack to the first ban or alarm; undefined: neither came. */
  readonly detectMs: number | undefined
  /** From the end of the last attack, outage or fault to the start of the last attempt of an honest client that failed; 0: none did. */
  readonly recoverMs: number
  readonly faults: number
  /** Dials of the proxy to anything that is neither a DC nor the mask host; undefined where nobody can see them. */
  readonly strays: number | undefined
  readonly events: number
  readonly virtualMs: number
}

interface Run {
  readonly scenario: Scenario
  readonly seed: number
  readonly arena: Arena
  readonly tally: Tally
  readonly openMost: number
}

export function measure({ scenario, seed, arena, tally, openMost }: Run): Measures {
  const honest = [...tally.honest.values()]
  const honestAddresses = [...arena.crowd.honestAddresses()]
  return {
    ...{ scenario: scenario.name, seed, openMost },
    honest: honest.map(honestMeasures),
    attack: [...tally.attack.values()].map((each) => ({ ...each })),
    honestRejected: tally.honestRejected,
    honestAddresses: honestAddresses.length,
    honestBanned: tally.bannedOf(honestAddresses),
    bans: tally.bans.length,
    alarms: tally.alarms.length,
    trials: arena.vault.trials,
    sources: arena.proxy.sources,
    poolBytes: arena.proxy.pool.highWaterBytes,
    detectMs: detectMs(scenario, tally),
    recoverMs: recoverMs(scenario, honest),
    faults: tally.faults,
    strays: arena.strays,
    events: arena.world.events,
    virtualMs: arena.nowMs,
  }
}

/** What became of one group. */
export function honestMeasures(tally: HonestTally): HonestMeasures {
  const { name, attempts, connected, lost, wantedBytes, gotBytes } = tally
  const sorted = [...tally.connectMs].sort((a, b) => a - b)
  const connectP99Ms = sorted.length === 0 ? undefined : sorted[Math.ceil(0.99 * sorted.length) - 1]
  const throughputLost = wantedBytes === 0 ? 0 : 1 - gotBytes / wantedBytes
  return { name, attempts, connected, lost, connectP99Ms, throughputLost }
}

/** As in `Measures`. */
export function detectMs({ attack }: Scenario, { bans, alarms }: Tally): number | undefined {
  if (attack.length === 0) return undefined
  const from = Math.min(...attack.map(({ start }) => start))
  const times = [...bans, ...alarms].map(({ atMs }) => atMs).filter((at) => at >= from)
  return times.length === 0 ? undefined : Math.min(...times) - from
}

/** As in `Measures`. */
export function recoverMs({ attack, outage, vault_outage, fault }: Scenario, honest: readonly HonestTally[]): number {
  const outages = [...outage, ...vault_outage, ...fault]
  const ends = [...attack.map(({ stop }) => stop), ...outages.map(({ at, for: length = 0 }) => at + length)]
  if (ends.length === 0) return 0
  const end = Math.max(...ends)
  return Math.max(0, ...honest.flatMap(({ lostAt }) => lostAt.map((at) => at - end)))
}
