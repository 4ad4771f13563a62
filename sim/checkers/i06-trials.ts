import { parseIp } from '../../src/core/address.ts'
import { PREFERRED_MAX, REFILL_MS, TRIALS_BURST } from '../../src/core/guard/trials.ts'
import type { MakeChecker } from './index.ts'

const MS_PER_TRIAL = REFILL_MS / TRIALS_BURST
/** The secrets of the host that was named, and the one that the prefix used last. */
const ALWAYS = PREFERRED_MAX + 1

/** I6: secrets tried in vain for one prefix stay within its burst and what is refilled, beside those that are tried always. */
export const checkTrials: MakeChecker = (scene, fail) => {
  /** Trials that the budget must have paid for and time has not paid back yet, with the moment that holds for. */
  const owed = new Map<string, { trials: number; at: number }>()
  return {
    onEvent(event) {
      if (event.kind !== 'rejected' || event.trials <= ALWAYS) return
      const { now } = scene.world
      const bytes = parseIp(event.client.ip) ?? new Uint8Array(4)
      const prefix = bytes.subarray(0, bytes.length === 4 ? 3 : 8).join('.')
      const before = owed.get(prefix) ?? { trials: 0, at: now }
      const left = Math.max(0, before.trials - (now - before.at) / MS_PER_TRIAL)
      const trials = left + event.trials - ALWAYS
      owed.set(prefix, { trials, at: now })
      // The proxy's clock may be a tick and a drift away from the world's.
      if (trials > 1.05 * TRIALS_BURST) fail(`${Math.round(trials)} trials of ${prefix} were not in its budget`)
    },
    // The table survives a kill; after a loss of power everybody begins anew.
    onCrash(how) {
      if (how === 'power-cut') owed.clear()
    },
  }
}
