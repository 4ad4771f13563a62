import { describe, expect, it } from 'vitest'
import { Lease } from '../../src/core/guard/lease.ts'
import { BanDesk } from '../../src/admin/bans.ts'
import { BanKeeper } from '../../src/core/guard/ban-keeper.ts'
import { TimerWheel } from '../../src/core/memory/wheel.ts'
import type { GuardSettings } from '../../src/core/settings.ts'
import { UNGUARDED } from '../../src/core/settings.ts'
import { VirtualStore } from '../../sim/world/store.ts'
import { World } from '../../sim/world/world.ts'
import { scene } from '../core/guard/scene.ts'

/** A desk over a guard, its bans kept in a store that takes its time. */
function open(settings: Partial<GuardSettings> = {}) {
  const world = new World(1)
  const { guard, now, come, fail } = scene()
  const clock = { mono: () => now.ms, wall: () => 1_800_000_000 }
  const store = new VirtualStore(world)
  const wheel = new TimerWheel(now.ms)
  const keeper = new BanKeeper({ bans: guard.bans, store, clock, wheel, rememberMs: () => 86_400_000 })
  keeper.start()
  world.runFor(100)
  const all = { ...UNGUARDED, isEnabled: true, ...settings }
  const desk = new BanDesk({ guard, keeper, clock, settings: () => all })
  /** Settles a promise that waits for the store. */
  const settle = async <T>(work: Promise<T>): Promise<T> => {
    world.runFor(1_000)
    return work
  }
  return { world, guard, store, desk, settle, now, come, fail }
}

describe('bans by hand', () => {
  it('hold at once, are told with all that is known of them, and end by themselves', async () => {
    const { desk, settle, come, now } = open()
    const told = await settle(desk.ban({ prefix: '192.0.2.7/24', for_ms: 60_000 }))
    const row = { prefix: '192.0.2.0/24', reason: 'by-hand', times: 1, remaining_sec: 60, until_sec: 1_800_000_060 }
    expect(told).toEqual({ ...row, score: null, replaced_sec: null, enforced: true })
    expect(desk.list({ limit: 9 })).toEqual({ total: 1, rows: [{ ...row, score: null }] })
    expect(come('192.0.2.200').refusal).toBe('banned')
    expect(come('192.0.3.1').refusal).toBeUndefined()
    now.ms += 60_001
    expect(come('192.0.2.200').refusal).toBeUndefined()
    expect(desk.list({ limit: 9 }).total).toBe(0)
  })

  it('are as long as guard.block_for where nothing else is said, and say what they replace', async () => {
    const { desk, settle, now } = open({ blockForMs: 120_000, isDryRun: true })
    expect(await settle(desk.ban({ prefix: '192.0.2.7' }))).toMatchObject({ remaining_sec: 120, enforced: false })
    now.ms += 20_000
    const again = await settle(desk.ban({ prefix: '192.0.2.7', for_ms: 5_000 }))
    expect(again).toMatchObject({ remaining_sec: 5, replaced_sec: 100, times: 2 })
  })

  it('are answered only when they are on the disk, and say so when they cannot be (I14)', async () => {
    const { desk, world, store } = open()
    let isAnswered = false
    const banning = desk.ban({ prefix: '192.0.2.7' }).then(() => (isAnswered = true))
    await Promise.resolve()
    await Promise.resolve()
    expect(isAnswered).toBe(false)
    world.runFor(1_000)
    await banning
    store.isFailing = true
    const failing = expect(desk.ban({ prefix: '192.0.2.8' })).rejects.toThrow(
      'holds now, but the ban could not be written',
    )
    world.runFor(1_000)
    await failing
  })

  it('are lifted with all that lies within, and what led to them is forgotten (I17)', async () => {
    const { desk, settle, fail, come, guard, now } = open()
    for (const ip of ['192.0.2.1', '192.0.2.2']) fail(ip, 'replay', 10)
    await settle(desk.ban({ prefix: '198.51.100.1' }))
    expect(desk.list({ limit: 9 }).rows.find(({ prefix }) => prefix === '192.0.2.1')?.score).toBeGreaterThan(99)
    expect(desk.list({ limit: 2 }).rows).toHaveLength(2)
    const told = await settle(desk.unban({ prefix: '192.0.2.0/24' }))
    expect({ ...told, lifted: [...told.lifted].sort() }).toEqual({
      ...{ lifted: ['192.0.2.1', '192.0.2.2'], total: 2, covered_by: [] },
    })
    expect(come('192.0.2.1').refusal).toBeUndefined()
    expect(guard.isBanned('198.51.100.1', new Lease(), now.ms)).toBe(true)
    expect(fail('192.0.2.1', 'failure', 1)).toBeUndefined()
    expect(await settle(desk.unban({ all: true }))).toMatchObject({ total: 1, lifted: ['198.51.100.1'] })
    expect(desk.list({ limit: 9 }).total).toBe(0)
  })

  it('of a wider range are named to whoever lifts one of a part of it', async () => {
    const { desk, settle } = open()
    await settle(desk.ban({ prefix: '2001:db8::/32' }))
    await settle(desk.ban({ prefix: '2001:db8:1::/48' }))
    const covered = desk.covering('2001:db8:1::5').map(({ prefix }) => prefix)
    expect(covered).toEqual(['2001:db8:1::/48', '2001:db8::/32'])
    const told = await settle(desk.unban({ prefix: '2001:db8:1::/48' }))
    expect(told).toEqual({ lifted: ['2001:db8:1::/48'], total: 1, covered_by: ['2001:db8::/32'] })
    expect(await settle(desk.unban({ prefix: '192.0.2.1' }))).toEqual({ lifted: [], total: 0, covered_by: [] })
  })
})
