import type { ProxyEvent } from '../../src/core/events.ts'
import { Arena } from './arena.ts'
import { enterAll } from './cast.ts'
import { planFaults } from './faults.ts'
import type { Scenario } from './plan/read.ts'
import { measure, type Measures } from './measures.ts'
import { Tally } from './tally.ts'
import type { Truth } from './truth.ts'

/** For talks that are under way at the end. */
const CLOSING_MS = 15_000

export interface PlayOptions {
  /**
   * Sees every event of the proxy at its virtual ms since the start of the scenario, with the truth about the connection or the
   * address that it is about; undefined where it is about neither. For whoever measures how well attacks are recognised.
   */
  readonly onEvent?: (atMs: number, event: ProxyEvent, truth: Truth | undefined) => void
}

/** One run of a scenario; the same seed gives the same measures on every runtime. */
export function play(scenario: Scenario, seed: number, { onEvent }: PlayOptions = {}): Measures {
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
    onEvent?.(atMs, event, truth)
  }
  arena.onKill = () => truths.clear()
  enterAll(arena, scenario, tally)
  planFaults(arena, scenario)
  arena.world.runUntil(arena.startAt + scenario.duration + CLOSING_MS)
  return measure({ scenario, seed, arena, tally, openMost })
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
