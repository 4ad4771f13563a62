import { judgementOf, verdicts, type Judgement } from '../judge.ts'
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

/** What each takes that is not there for everybody; by the last part of its name. */
const NEEDS: Readonly<Record<string, (sight: Sight) => string | undefined>> = {
  throughput_lost_max: ({ hasTelegram }) => (hasTelegram ? undefined : 'needs --telegram'),
  honest_banned_max: ({ isInside }) => (isInside ? undefined : 'needs --config'),
  detect_within: ({ isInside }) => (isInside ? undefined : 'needs --config'),
  pool_max: ({ inside }) => (inside === undefined ? 'needs --config, and metrics' : undefined),
  faults: ({ inside }) => (inside === undefined ? 'needs --config, and metrics' : undefined),
  // No page has the number of sources tracked, or whose trials they were.
  sources_max: () => 'in the simulator only',
  trials_max: () => 'in the simulator only',
}

/** Every assertion of the file, those that cannot be judged from here with what it would take. */
export function judgements(scenario: Scenario, run: Measures, sight: Sight): readonly Judgement[] {
  return verdicts(scenario, run).map((verdict) =>
    judgementOf(verdict, (assertion) => NEEDS[assertion.split('.').at(-1) ?? '']?.(sight)),
  )
}

/** What a script reads of it: null for what nobody could see. */
export function liveMeasures(
  { honest, attack, ...run }: Measures,
  { hasTelegram, isInside, inside }: Sight,
  { unmade, tookMs, endsOf }: { unmade: number; tookMs: number; endsOf: (group: string) => unknown },
): unknown {
  const told = <T>(isKnown: boolean, found: T) => (isKnown ? (found ?? null) : null)
  const hasMetrics = inside !== undefined
  return {
    honest: honest.map(({ connectP99Ms = null, throughputLost, ...group }) => ({
      ...{ ...group, connectP99Ms, throughputLost: told(hasTelegram, throughputLost) },
    })),
    attack: attack.map(({ name, connections, served, gotBytes }) => ({
      ...{ name, connections, served, gotBytes, ends: endsOf(name) },
    })),
    ...{ honestAddresses: run.honestAddresses, honestBanned: told(isInside, run.honestBanned) },
    ...{ bans: told(isInside, run.bans), alarms: told(isInside, run.alarms), detectMs: told(isInside, run.detectMs) },
    ...{ trials: told(hasMetrics, run.trials), poolBytes: told(hasMetrics, run.poolBytes) },
    ...{ faults: told(hasMetrics, run.faults), recoverMs: run.recoverMs, openMost: run.openMost, unmade, tookMs },
  }
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
    alarms: tally.alarms.length,
    trials: inside?.trials ?? 0,
    poolBytes: inside?.poolBytes ?? 0,
    detectMs: detected === undefined ? undefined : Math.round(detected / pace),
    recoverMs: Math.round(recoverMs(scenario, honest) / pace),
    faults: inside?.faults ?? 0,
    strays: undefined,
    virtualMs: stage.nowMs,
  }
}
