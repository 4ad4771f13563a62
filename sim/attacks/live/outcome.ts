import type { Assertions } from '../plan/schema.ts'
import type { Scenario } from '../plan/read.ts'
import { detectMs, honestMeasures, recoverMs, type Measures } from '../measures.ts'
import type { Tally } from '../tally.ts'
import type { LiveStage } from './live-stage.ts'
import type { Inside } from './watch.ts'

/** What can be known of a run against a real proxy. */
export interface Sight {
  readonly hasTelegram: boolean
  /** Bans and alarms were told. */
  readonly isInside: boolean
  readonly inside: Inside | undefined
}

const NEEDS = {
  telegram: ['throughput_lost_max'],
  inside: ['honest_banned_max', 'detect_within'],
  metrics: ['pool_max'],
  /** The number of sources tracked is on no page. */
  nothing: ['sources_max'],
} as const satisfies Record<string, readonly (keyof Assertions)[]>

/** The scenario with the assertions that can be judged, and those that cannot, each with what it would take. */
export function judgeable(
  scenario: Scenario,
  { hasTelegram, isInside, inside }: Sight,
): { readonly scenario: Scenario; readonly unknown: readonly string[] } {
  const unknown: string[] = []
  const wanted: { -readonly [K in keyof Assertions]: Assertions[K] } = { ...scenario.assert }
  const leaveOut = (names: readonly (keyof Assertions)[], why: string) => {
    for (const name of names) {
      if (wanted[name] === undefined) continue
      unknown.push(`${name} (${why})`)
      delete wanted[name]
    }
  }
  if (!hasTelegram) leaveOut(NEEDS.telegram, 'needs --telegram')
  if (!isInside) leaveOut(NEEDS.inside, 'needs --config')
  if (inside === undefined) leaveOut(NEEDS.metrics, 'needs --config, and metrics')
  leaveOut(NEEDS.nothing, 'in the simulator only')
  const honest = scenario.honest.map(({ throughput_lost_max, ...plan }) => {
    if (hasTelegram) return throughput_lost_max === undefined ? plan : { ...plan, throughput_lost_max }
    if (throughput_lost_max !== undefined) unknown.push(`honest.${plan.name}.throughput_lost_max (needs --telegram)`)
    return plan
  })
  const attack = scenario.attack.map(({ trials_max, ...plan }) => {
    if (trials_max !== undefined) unknown.push(`attack.${plan.name}.trials_max (in the simulator only)`)
    return plan
  })
  return { scenario: { ...scenario, honest, attack, assert: wanted }, unknown }
}

/** As of a run in the simulator; times are the proxy's, not those of a plan that was sped up. */
export function measuresOf(
  { scenario, seed }: { readonly scenario: Scenario; readonly seed: number },
  stage: LiveStage,
  tally: Tally,
  inside: Inside | undefined,
): Measures {
  const honest = [...tally.honest.values()]
  const { pace, crowd } = stage
  const detected = detectMs(scenario, tally)
  return {
    ...{ scenario: scenario.name, seed, openMost: crowd.openMost, sources: 0, events: 0 },
    honest: honest.map(honestMeasures),
    attack: [...tally.attack.values()].map((each) => ({ ...each })),
    honestRejected: {},
    honestAddresses: crowd.honestAddresses.length,
    honestBanned: tally.bannedOf(crowd.honestAddresses),
    bans: tally.bans.length,
    alarms: tally.alarmsAt.length,
    trials: inside?.trials ?? 0,
    poolBytes: inside?.poolBytes ?? 0,
    detectMs: detected === undefined ? undefined : Math.round(detected / pace),
    recoverMs: Math.round(recoverMs(scenario, honest) / pace),
    faults: inside?.faults ?? 0,
    strays: undefined,
    virtualMs: stage.nowMs,
  }
}
