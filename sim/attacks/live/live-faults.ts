import { assert } from '../../../src/core/assert.ts'
import type { FaultPlan } from '../plan/faults.ts'
import type { Scenario } from '../plan/read.ts'
import type { SlowLines } from './slow-lines.ts'
import type { StandIn, Trouble } from './stand-in.ts'

/** Of the proxy's time: a DC that flaps is away for half of each second. */
const FLAP_MS = 500

/** Whether whoever stands in for Telegram can do it: nobody can say from there that a host is unreachable. */
export function isOfTelegram({ kind, how }: FaultPlan): boolean {
  return kind === 'dc-flap' || (kind === 'dc-down' && how !== 'unreachable')
}

interface Stage {
  /** Ms of the plan in one of the proxy's. */
  readonly pace: number
  at(ms: number, run: () => void): void
}

/** Whether we can do it who are at the other end of the proxy's lines. */
export function isOfLines({ kind }: FaultPlan): boolean {
  return kind === 'slow-links'
}

/** What can be troubled. */
interface Surroundings {
  readonly lines: Pick<SlowLines, 'slow'>
  /** Undefined: there are no faults of Telegram's. */
  readonly standIn: Pick<StandIn, 'begin' | 'end'> | undefined
}

/** Plans all faults of the scenario: those that cannot be done have been left out. */
export function planLiveFaults(
  stage: Stage,
  { fault: all }: Pick<Scenario, 'fault'>,
  { lines, standIn }: Surroundings,
): void {
  for (const fault of all) {
    if (isOfLines(fault)) {
      const { at, for: forMs = 0, latency: latencyMs = 0, stall: stallMs = 0 } = fault
      stage.at(at, () => (lines.slow = { latencyMs, stallMs }))
      stage.at(at + forMs, () => (lines.slow = undefined))
      continue
    }
    assert(standIn !== undefined && isOfTelegram(fault), 'what cannot be done has been left out')
    for (const { fromMs, toMs } of timesOf(fault, stage.pace)) {
      const trouble: Trouble = { dc: fault.dc, how: fault.how === 'black-hole' ? 'black-hole' : 'refusing' }
      stage.at(fromMs, () => standIn.begin(trouble))
      stage.at(toMs, () => standIn.end(trouble))
    }
  }
}

function timesOf({ kind, at, for: forMs = 0 }: FaultPlan, pace: number): { fromMs: number; toMs: number }[] {
  const end = at + forMs
  if (kind === 'dc-down') return [{ fromMs: at, toMs: end }]
  return Array.from({ length: Math.ceil(forMs / (2 * FLAP_MS * pace)) }, (_, turn) => {
    const fromMs = at + turn * 2 * FLAP_MS * pace
    return { fromMs, toMs: Math.min(end, fromMs + FLAP_MS * pace) }
  })
}
