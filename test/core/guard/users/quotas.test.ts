import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { periodStart } from '../../../../src/core/guard/users/period.ts'
import { QuotaKeeper } from '../../../../src/core/guard/users/quota-keeper.ts'
import { UserRows } from '../../../../src/core/guard/users/rows.ts'
import { Users } from '../../../../src/core/guard/users/users.ts'
import { TimerWheel } from '../../../../src/core/memory/wheel.ts'
import type { SharedMemory, Store } from '../../../../src/core/ports.ts'
import { UNGUARDED, type QuotaSettings } from '../../../../src/core/settings.ts'
import { VirtualSharedMemory, VirtualStore } from '../../../../sim/world/store.ts'
import { World } from '../../../../sim/world/world.ts'

const COLUMNS = 2
const NAMES = ['alice', 'bob', 'carol']
const QUOTA: QuotaSettings = { bytes: 10_000, period: 'day' }
const DAY_SEC = 86_400
/** Long enough for a change to be on the disk. */
const WRITTEN_MS = 2_500

/** Two processes that share a map; the first has the store. */
function boot(world: World, memory: SharedMemory, store: Store) {
  const wheel = new TimerWheel(world.clock.mono())
  const { clock } = world
  const all = Array.from({ length: COLUMNS }, (_, column) => {
    const worker = { column, columns: COLUMNS }
    const options = { memory, clock, wheel, worker, random: world.random('users'), settings: () => UNGUARDED }
    return new Users({ ...options, entries: 64, readMaxBytes: 1 })
  })
  const keeper = new QuotaKeeper({ users: all[0], store, clock, wheel })
  const ticker = { everyMs: 50, tick: () => wheel.advance(clock.mono()), nextAt: () => wheel.nextAt() }
  world.addTicker(ticker)
  keeper.start()
  const rowOf = (name: string) => {
    all[0].restore(UserRows.keyOf(name), { period: QUOTA.period, beganSec: 0, usedBytes: 0 })
    return all[0].rows.find(UserRows.keyOf(name))
  }
  const spend = (by: number, name: string, bytes: number) => {
    const granted = all[by].quotas.spend(rowOf(name), QUOTA, bytes)
    // What another process used is seen by the one with the store when it looks, about once a second.
    keeper.care()
    return granted
  }
  const used = (name: string) => all[0].quotas.used(rowOf(name), QUOTA.period)
  return { all, keeper, spend, used, end: () => world.removeTicker(ticker) }
}

type Step =
  | { readonly kind: 'spend'; readonly by: number; readonly user: number; readonly bytes: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'step'; readonly sec: number }
  | { readonly kind: 'kill' | 'power-cut' }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('spend' as const),
      by: fc.nat(COLUMNS - 1),
      user: fc.nat(NAMES.length - 1),
      bytes: fc.nat(4_000),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(10, WRITTEN_MS) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('step' as const),
      sec: fc.constantFrom(-2 * DAY_SEC, -3_600, 3_600, DAY_SEC),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('kill' as const, 'power-cut' as const) }) },
)

describe('quotas', () => {
  test.prop([fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 1_000_000 })], { numRuns: 60 })(
    'grant to the byte what a naive count says, whatever clocks do, and survive crashes (I3, I14)',
    (steps, seed) => {
      const world = new World(seed)
      const memory = new VirtualSharedMemory()
      const store = new VirtualStore(world)
      let now = boot(world, memory, store)
      world.runFor(100)
      /** Of each user: when its period began, what is used of it, and how much of that was used so long ago that it is on the disk. */
      const model = NAMES.map(() => ({ began: 0, used: 0, written: 0 }))
      for (const each of steps) {
        if (each.kind === 'wait') {
          world.runFor(each.ms)
          if (each.ms === WRITTEN_MS) for (const user of model) user.written = user.used
        } else if (each.kind === 'step') world.clock.stepWall(each.sec)
        else if (each.kind === 'spend') {
          const user = model[each.user]
          const start = periodStart('day', world.clock.wall())
          if (start > user.began) Object.assign(user, { began: start, used: 0, written: 0 })
          const granted = Math.min(each.bytes, QUOTA.bytes - user.used)
          expect(now.spend(each.by, NAMES[each.user], each.bytes)).toBe(granted)
          user.used += granted
        } else {
          now.end()
          if (each.kind === 'kill') store.kill()
          else {
            store.losePower()
            memory.losePower(world.random('disk'))
          }
          now = boot(world, memory, store)
          world.runFor(100)
        }
        for (const [at, user] of model.entries()) {
          const isOver = periodStart('day', world.clock.wall()) > user.began
          const found = now.used(NAMES[at])
          if (each.kind === 'power-cut' && !isOver) {
            expect(found).toBeLessThanOrEqual(user.used)
            expect(found).toBeGreaterThanOrEqual(user.written)
            user.used = found
          } else expect(found).toBe(isOver ? 0 : user.used)
        }
      }
    },
  )

  it('are brought back from the disk where the map is gone, and then newcomers have waited for them', () => {
    const world = new World(1)
    const store = new VirtualStore(world)
    const first = boot(world, new VirtualSharedMemory(), store)
    world.runFor(100)
    first.spend(1, 'alice', 6_000)
    first.spend(0, 'alice', 3_000)
    world.runFor(WRITTEN_MS)
    first.end()
    const again = boot(world, new VirtualSharedMemory(), store)
    expect(again.all[0].isSure).toBe(false)
    world.runFor(100)
    expect(again.all[0].isSure).toBe(true)
    expect(again.used('alice')).toBe(9_000)
    expect(again.spend(1, 'alice', 4_000)).toBe(1_000)
  })

  it('of another kind of period begin at nothing, and the same kind goes on under another size', () => {
    const world = new World(2)
    const { all, spend } = boot(world, new VirtualSharedMemory(), new VirtualStore(world))
    world.runFor(100)
    spend(0, 'alice', 9_000)
    const row = all[0].rows.find(UserRows.keyOf('alice'))
    expect(all[0].quotas.spend(row, { bytes: 9_500, period: 'day' }, 4_000)).toBe(500)
    expect(all[0].quotas.spend(row, { bytes: 2_000, period: 'day' }, 4_000)).toBe(0)
    expect(all[0].quotas.spend(row, { bytes: 9_500, period: 'month' }, 4_000)).toBe(4_000)
  })

  it('go on counting where a clock is set back', () => {
    const world = new World(4)
    const { spend } = boot(world, new VirtualSharedMemory(), new VirtualStore(world))
    world.runFor(100)
    world.clock.stepWall(3 * DAY_SEC)
    expect(spend(0, 'alice', 9_000)).toBe(9_000)
    world.clock.stepWall(-2 * DAY_SEC)
    expect(spend(0, 'alice', 9_000)).toBe(1_000)
    world.clock.stepWall(3 * DAY_SEC)
    expect(spend(0, 'alice', 9_000)).toBe(9_000)
  })

  it('hold more than 4 GB', () => {
    const world = new World(3)
    const store = new VirtualStore(world)
    const first = boot(world, new VirtualSharedMemory(), store)
    world.runFor(100)
    const quota: QuotaSettings = { bytes: 50 * 2 ** 40, period: 'day' }
    first.spend(0, 'alice', 1)
    const row = first.all[0].rows.find(UserRows.keyOf('alice'))
    for (let i = 0; i < 5; i++) first.all[0].quotas.spend(row, quota, 3_000_000_000)
    world.runFor(WRITTEN_MS)
    first.end()
    const again = boot(world, new VirtualSharedMemory(), store)
    world.runFor(100)
    expect(again.used('alice')).toBe(15_000_000_001)
  })

  test.prop([fc.uint8Array({ maxLength: 200 })], { numRuns: 30 })(
    'are not confused by what they did not write',
    (value) => {
      const world = new World(4)
      const store = new VirtualStore(world)
      for (let bucket = 0; bucket < 64; bucket++) store.put(`quotas-${bucket}`, value)
      world.runFor(100)
      const { used } = boot(world, new VirtualSharedMemory(), store)
      world.runFor(100)
      expect(used('alice')).toBeGreaterThanOrEqual(0)
    },
  )
})
