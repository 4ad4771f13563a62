import { beforeEach, describe, expect, it } from 'vitest'
import { ReplayedTrials } from '../../../sim/replay/trials.ts'
import { SeededRandom } from '../../../sim/world/random.ts'
import { VirtualSharedMemory } from '../../../sim/world/store.ts'
import { REFILL_MS, TRIALS_BURST } from '../../../src/core/guard/trials.ts'
import { ALONE } from '../../../src/core/ports.ts'
import type { SecretSettings } from '../../../src/core/settings.ts'

const START_MS = 1_000_000
const PHONE = '192.0.2.1'
const NEIGHBOUR = '192.0.2.200'
const ELSEWHERE = '192.0.3.1'

function secretsOf(count: number, domain: string, firstId: number): SecretSettings[] {
  return Array.from({ length: count }, (_, at) => ({
    ...{ id: firstId + at, name: `${domain}-${at}`, modes: ['fake-tls'], domain, onRemove: 'drain' },
    ...{ expiresAt: 0, access: 'standard' },
  }))
}

const large = secretsOf(TRIALS_BURST + 1, 'large', 1)
const small = secretsOf(2, 'small', 1_000)

function fresh(): ReplayedTrials {
  const shared = { memory: new VirtualSharedMemory(), random: new SeededRandom(1, 'test'), worker: ALONE }
  const made = new ReplayedTrials({ ...shared, nowMs: START_MS })
  made.apply([...small, ...large])
  return made
}

let trials: ReplayedTrials
beforeEach(() => {
  trials = fresh()
})
const from = (ip: string, afterMs = 0) => ({ ip, nowMs: START_MS + afterMs, isGrey: false, isInit: false })

/** Which of the large host's secrets the first hello of a network is tried on. */
function reached(isGrey = false): SecretSettings[] {
  const budget = fresh()
  return large.filter((secret, at) => budget.tries({ ...from(`10.0.${at}.1`), isGrey }, secret, false))
}
const missedOf = (found: readonly SecretSettings[]) => large.filter((secret) => !found.includes(secret))
const [missed] = missedOf(reached())
const [first] = reached(true)

describe('the budget of trials in a replay', () => {
  it('comes to as many secrets of a host as it pays for', () => {
    expect(reached()).toHaveLength(TRIALS_BURST)
    expect(trials.tries(from(PHONE), missed, false)).toBe(false)
    expect(trials.tries(from(PHONE), small[1], false)).toBe(true)
  })

  it('is used up for a prefix by strangers in it, until it is refilled', () => {
    trials.triesInVain(from(NEIGHBOUR))
    expect(trials.tries(from(PHONE), first, false)).toBe(false)
    expect(trials.tries(from(PHONE), small[0], false)).toBe(true)
    expect(trials.tries(from(ELSEWHERE), first, false)).toBe(true)
    expect(trials.tries(from(PHONE, 2 * REFILL_MS), first, false)).toBe(true)
  })

  it('comes to what the prefix used last, also where only the recording says that it did', () => {
    expect(trials.tries(from(PHONE), missed, true)).toBe(false)
    expect(trials.tries(from(NEIGHBOUR), missed, false)).toBe(true)
  })

  it('is smaller for a grey source', () => {
    expect(reached(true)).toHaveLength(TRIALS_BURST / 4)
  })

  it('costs strangers nothing where there is no secret to try', () => {
    trials.triesInVain({ ...from(PHONE), isInit: true })
    expect(trials.tries(from(PHONE), first, false)).toBe(true)
  })
})
