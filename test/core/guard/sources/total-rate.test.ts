import { describe, expect, it } from 'vitest'
import { TotalRate } from '../../../../src/core/guard/sources/total-rate.ts'
import { ALONE } from '../../../../src/core/ports.ts'
import { VirtualSharedMemory } from '../../../../sim/world/store.ts'

const RATE = { perSec: 1, burst: 2 }
const HOUR_MS = 3_600_000

function open(memory: VirtualSharedMemory, nowMs: number) {
  const total = new TotalRate({ memory, worker: ALONE, nowMs })
  return { come: (atMs: number) => total.take(RATE, 'known', atMs) }
}

describe('the rate of all sources', () => {
  it('holds over a restart of the process', () => {
    const memory = new VirtualSharedMemory()
    const before = open(memory, HOUR_MS)
    expect([before.come(HOUR_MS), before.come(HOUR_MS)]).toEqual([true, true])
    expect(open(memory, HOUR_MS + 100).come(HOUR_MS + 100)).toBe(false)
  })

  it('begins anew with the machine, whose clock does', () => {
    const memory = new VirtualSharedMemory()
    open(memory, 10 * HOUR_MS).come(10 * HOUR_MS)
    expect(open(memory, 20_000).come(20_000)).toBe(true)
  })

  it('begins anew behind a loss of power, whatever the clock shows', () => {
    const memory = new VirtualSharedMemory()
    const before = open(memory, HOUR_MS)
    before.come(HOUR_MS)
    before.come(HOUR_MS)
    // What it opens has reached the disk.
    open(memory, HOUR_MS)
    memory.losePower()
    expect(open(memory, HOUR_MS + 1).come(HOUR_MS + 1)).toBe(true)
  })
})
