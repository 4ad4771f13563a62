import type { ProxyEvent } from '../../src/core/events.ts'
import { Arena } from './arena.ts'
import { enterAll } from './cast.ts'
import { planFaults } from './faults.ts'
import type { Scenario } from './plan/read.ts'
import { measure, type Measures } from './measures.ts'
import { Tally, type AttackTally } from './tally.ts'
import type { Gauges, Timeline } from './timeline.ts'
import type { Truth } from './truth.ts'

/** For talks that are under way at the end. */
export const CLOSING_MS = 15_000

export interface PlayOptions {
  /**
   * Sees every event of the proxy at its virtual ms since the start of the scenario, with the truth about the connection or the
   * address that it is about; undefined where it is about neither. For whoever measures how well attacks are recognised.
   */
  readonly onEvent?: (atMs: number, event: ProxyEvent, truth: Truth | undefined) => void
  /** Of the scenario's duration and `CLOSING_MS`; filled in as the run goes on. */
  readonly timeline?: Timeline
}

/** One run of a scenario; the same seed gives the same measures on every runtime. */
export function play(scenario: Scenario, seed: number, { onEvent, timeline }: PlayOptions = {}): Measures {
  const tally = new Tally()
  /** By the proxy's numbers of connections that are open. */
  const truths = new Map<number, Truth>()
  let openMost = 0
  const arena = new Arena(scenario, seed)
  arena.onEvent = (event) => {
    const truth = truthOf(event, arena, truths)
    const atMs = arena.nowMs
    if (event.kind === 'accepted') openMost = Math.max(openMost, truths.size)
    tally.event(event, atMs, truth)
    timeline?.event(atMs, event, truth)
    onEvent?.(atMs, event, truth)
  }
  arena.onKill = () => truths.clear()
  enterAll(arena, scenario, tally, { onAttempt: (startMs, connectMs) => timeline?.attempt(startMs, connectMs) })
  planFaults(arena, scenario)
  timeline?.watch(gaugesOf(arena, tally))
  const end = arena.startAt + scenario.duration + CLOSING_MS
  while (arena.world.step(end)) timeline?.stepped(arena.nowMs)
  arena.world.runUntil(end)
  return measure({ scenario, seed, arena, tally, openMost })
}

/** As they are whenever they are read. */
function gaugesOf({ vault, proxy }: Arena, tally: Tally): Gauges {
  const total = (of: (attack: AttackTally) => number) =>
    [...tally.attack.values()].reduce((sum, each) => sum + of(each), 0)
  return {
    get came() {
      return total(({ connections }) => connections)
    },
    get served() {
      return total(({ served }) => served)
    },
    get trials() {
      return vault.trials
    },
    get sources() {
      return proxy.sources
    },
    get poolBytes() {
      return proxy.pool.inUseBytes
    },
  }
}

function truthOf(event: ProxyEvent, { crowd }: Arena, open: Map<number, Truth>): Truth | undefined {
  if (!('connection' in event)) return 'client' in event ? crowd.truthOf(event.client) : undefined
  const { connection } = event
  if (event.kind === 'accepted') {
    const truth = crowd.truthOf(event.client)
    if (truth !== undefined) open.set(connection, truth)
    return truth
  }
  const truth = open.get(connection)
  if (event.kind === 'closed') {
    open.delete(connection)
    crowd.forget(event.client)
  }
  return truth
}
