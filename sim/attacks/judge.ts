import type { Scenario } from './plan/read.ts'
import type { HonestMeasures, Measures } from './measures.ts'

/** One assertion of a scenario file that a run does not hold. */
export interface Failure {
  /** As in the file. */
  readonly assertion: string
  readonly wanted: number
  /** Undefined: it never came. */
  readonly found: number | undefined
}

/** One assertion of a scenario file, and what a run came to. */
export interface Verdict extends Failure {
  /** Which side of `wanted` is the right one; `wanted` itself is as well. */
  readonly bound: 'at least' | 'at most'
  readonly isHeld: boolean
}

/** An assertion as it is told; `unknown`: what it asks for could not be seen, and `why` says what that would take. */
export interface Judgement extends Omit<Verdict, 'isHeld'> {
  readonly result: 'pass' | 'fail' | 'unknown'
  readonly why?: string
}

/** With `whyUnknown` for those that could not be seen. */
export function judgementOf(
  { isHeld, ...verdict }: Verdict,
  whyUnknown: (assertion: string) => string | undefined = () => undefined,
): Judgement {
  const why = whyUnknown(verdict.assertion)
  if (why !== undefined) return { ...verdict, found: undefined, result: 'unknown', why }
  return { ...verdict, result: isHeld ? 'pass' : 'fail' }
}

/** Share of attempts that came to an answer, over these groups. */
export function connectedShare(groups: readonly HonestMeasures[]): number {
  const attempts = sum(groups.map((group) => group.attempts))
  return attempts === 0 ? 0 : sum(groups.map(({ connected }) => connected)) / attempts
}

/** Share of attackers' connections that were answered as clients. */
export function servedShare({ attack }: Measures): number {
  const connections = sum(attack.map((group) => group.connections))
  return connections === 0 ? 0 : sum(attack.map(({ served }) => served)) / connections
}

/** Every assertion that fails. */
export function judge(scenario: Scenario, run: Measures): readonly Failure[] {
  const failed = verdicts(scenario, run).filter(({ isHeld }) => !isHeld)
  return failed.map(({ assertion, wanted, found }) => ({ assertion, wanted, found }))
}

/** Every assertion of the file; that no assertion of the proxy's own failed is one of them always, and that it dials nobody else. */
export function verdicts(
  { honest: plans, attack: attacks, assert: wanted }: Scenario,
  run: Measures,
): readonly Verdict[] {
  const all: Verdict[] = []
  const atLeast = (assertion: string, least: number | undefined, found: number) => {
    if (least !== undefined) all.push({ assertion, bound: 'at least', wanted: least, found, isHeld: found >= least })
  }
  const atMost = (assertion: string, most: number | undefined, found: number | undefined) => {
    const isHeld = most !== undefined && found !== undefined && found <= most
    if (most !== undefined) all.push({ assertion, bound: 'at most', wanted: most, found, isHeld })
  }
  const { honest } = run
  atLeast('honest_connected_min', wanted.honest_connected_min, connectedShare(honest))
  for (const { name, connected_min, throughput_lost_max } of plans) {
    const group = honest.filter((each) => each.name === name)
    atLeast(`honest.${name}.connected_min`, connected_min, connectedShare(group))
    atMost(`honest.${name}.throughput_lost_max`, throughput_lost_max, group[0]?.throughputLost)
  }
  for (const { name, trials_max, got_max, got_total_max } of attacks) {
    const group = run.attack.find((each) => each.name === name)
    atMost(`attack.${name}.trials_max`, trials_max, group?.trials)
    atMost(`attack.${name}.got_max`, got_max, group?.gotMost)
    atMost(`attack.${name}.got_total_max`, got_total_max, group?.gotBytes)
  }
  atMost('throughput_lost_max', wanted.throughput_lost_max, Math.max(...honest.map((group) => group.throughputLost)))
  const p99 = honest.flatMap(({ connectP99Ms }) => connectP99Ms ?? [])
  atMost('connect_p99_max', wanted.connect_p99_max, p99.length === 0 ? undefined : Math.max(...p99))
  atMost('honest_banned_max', wanted.honest_banned_max, run.honestBanned)
  atMost('attackers_served_max', wanted.attackers_served_max, servedShare(run))
  atMost('detect_within', wanted.detect_within, run.detectMs)
  atMost('recover_within', wanted.recover_within, run.recoverMs)
  atMost('sources_max', wanted.sources_max, run.sources)
  atMost('pool_max', wanted.pool_max, run.poolBytes)
  atMost('faults', 0, run.faults)
  if (run.strays !== undefined) atMost('strays', 0, run.strays)
  return all
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0)
}
