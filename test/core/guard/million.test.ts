import { describe, expect, it } from 'vitest'
import { Lease } from '../../../src/core/guard/lease.ts'
import { TrialTable } from '../../../src/core/guard/trial-table.ts'
import { TrialBudget, TRIALS_BURST } from '../../../src/core/guard/trials.ts'
import { seeded } from '../seeded.ts'
import { scene } from './scene.ts'

const SOURCES = 1_000_000
const ENTRIES = 4_096
const MOST = 3

/** Every other one IPv6; no two share a source. */
function ipOf(at: number): string {
  const [high, low] = [at >> 16, at & 0xffff]
  return at % 2 === 0 ? `${20 + (high >> 8)}.${high & 255}.${low >> 8}.${low & 255}` : `2a01:${high}:${low}:1::1`
}

describe('a million sources', () => {
  it('take no more memory than was configured, and cost nobody a limit, a ban or what is known (I3, I4, I5, I6)', () => {
    const at = scene({
      entries: ENTRIES,
      settings: {
        connectionsPerIp: MOST,
        newTotal: { perSec: 1e6, burst: 1e6 },
        newPerIp: { perSec: 1e3, burst: 1e3 },
      },
    })
    const { guard, memory, now, come } = at
    const table = new TrialTable({ memory, random: seeded(1), worker: { column: 0, columns: 1 }, nowMs: now.ms })
    const trials = new TrialBudget({ table, secrets: () => ({ markOf: (id) => id, byMark: () => undefined }) })
    const all = Array.from({ length: 300 }, (_, id) => id)
    at.use('192.0.2.1', 40)
    at.fail('198.51.100.1', 'replay', 4)
    // One may keep its place by luck; twenty do not.
    const staying = Array.from({ length: 20 }, (_, each) => `203.0.113.${each}`)
    const stays = staying.flatMap((ip) => Array.from({ length: MOST }, () => come(ip).lease))
    const bytes = memory.bytesInUse
    const lease = new Lease()
    let refused = 0
    let most = 0
    for (let i = 0; i < SOURCES; i++) {
      const ip = ipOf(i)
      if (guard.admit(ip, lease, 'standard', (now.ms += 0.05)) !== undefined) refused++
      else guard.failed(ip, lease, 'failure', now.ms)
      guard.release(lease)
      lease.refusal = undefined
      if (i % 10_000 !== 0) continue
      const { candidates } = trials.take(ip, [], all, now.ms)
      most = Math.max(most, candidates.length)
      expect(come('198.51.100.1').refusal, `after ${i} sources`).toBe('banned')
      for (const each of staying) expect(come(each).refusal, `${each} after ${i} sources`).toBe('connections')
      expect(guard.sources).toBeLessThanOrEqual(ENTRIES)
    }
    expect(memory.bytesInUse).toBe(bytes)
    expect(refused).toBe(0)
    expect(most).toBeLessThanOrEqual(TRIALS_BURST)
    // Whoever stayed has its place, whoever was known is.
    for (const each of stays) guard.release(each)
    for (const each of staying) expect(come(each).refusal).toBeUndefined()
    const room = Array.from({ length: 9 }, () => come('192.0.2.1').refusal).filter((each) => each === undefined)
    expect(room.length).toBeGreaterThan(MOST)
  }, 60_000)
})
