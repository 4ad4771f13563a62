import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { BanKeeper } from '../../../src/core/guard/ban-keeper.ts'
import { BanTable, BUCKETS, type Ban } from '../../../src/core/guard/sources/bans.ts'
import { formatPrefix, parsePrefix, type Prefix } from '../../../src/core/guard/sources/prefix.ts'
import { TimerWheel } from '../../../src/core/memory/wheel.ts'
import { ALONE, type Store } from '../../../src/core/ports.ts'
import { VirtualStore } from '../../../sim/world/store.ts'
import { World } from '../../../sim/world/world.ts'
import { Memory } from './scene.ts'

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text)
  if (parsed === undefined) throw new Error(text)
  return parsed
}

/** One start of the program on a machine whose disk is `store`; the map is lost unless it is given. */
function boot(world: World, store: Store, memory = new Memory(), runMs = 100) {
  const wheel = new TimerWheel(world.clock.mono())
  const { clock } = world
  const bans = new BanTable({ memory, random: world.random('bans'), worker: ALONE, nowMs: clock.mono() })
  const keeper = new BanKeeper({ bans, store, clock, wheel, rememberMs: () => 86_400_000 })
  keeper.start()
  world.addTicker({ everyMs: 50, tick: () => wheel.advance(clock.mono()), nextAt: () => wheel.nextAt() })
  world.runFor(runMs)
  return { bans, keeper }
}

/** Writes reach it in another order than they were made. */
class SlowDisk implements Store {
  isGone = false
  readonly #store: VirtualStore
  readonly #world: World
  constructor(store: VirtualStore, world: World) {
    this.#store = store
    this.#world = world
  }
  get(...args: Parameters<Store['get']>): void {
    this.#store.get(...args)
  }
  put(key: string, value: Uint8Array, reply?: (isDurable: boolean) => void): void {
    const kept = value.slice()
    const laterMs = (7 * Number(key.slice('bans-'.length))) % 23
    this.#world.after(laterMs, () => {
      if (!this.isGone) this.#store.put(key, kept, reply)
    })
  }
  delete(...args: Parameters<Store['delete']>): void {
    this.#store.delete(...args)
  }
}

const inForce = (bans: BanTable, nowMs: number) =>
  [...bans.list()].filter(({ untilMs }) => untilMs > nowMs).map((ban) => `${formatPrefix(ban.prefix)} ${ban.reason}`)

describe('BanKeeper', () => {
  it('brings bans back after a restart, for as long as they had left', () => {
    const world = new World(1)
    const store = new VirtualStore(world)
    const { bans } = boot(world, store)
    const now = world.clock.mono()
    bans.put({ prefix: prefix('192.0.2.0/24'), untilMs: now + 600_000, times: 3, reason: 'failures' })
    bans.put({ prefix: prefix('2001:db8::/48'), untilMs: now + 60_000, times: 1, reason: 'by-hand' })
    world.runFor(5_000)
    const again = boot(world, store).bans
    expect(inForce(again, world.clock.mono()).sort()).toEqual(['192.0.2.0/24 failures', '2001:db8::/48 by-hand'])
    expect(again.get(prefix('192.0.2.0/24'))?.times).toBe(3)
    const leftMs = (again.get(prefix('192.0.2.0/24'))?.untilMs ?? 0) - world.clock.mono()
    expect(Math.abs(leftMs - 594_900)).toBeLessThanOrEqual(2_000)
    world.runFor(60_000)
    expect(inForce(again, world.clock.mono())).toEqual(['192.0.2.0/24 failures'])
  })

  it('a lifted ban stays lifted when the table was lost before and is lost again, whatever the crash leaves (I14, I17)', () => {
    const TEXTS = Array.from({ length: 40 }, (_, at) => `192.0.2.${at}`)
    for (let steps = 0; steps < 80; steps++) {
      const world = new World(100 + steps)
      const store = new VirtualStore(world)
      const first = boot(world, store).bans
      const untilMs = world.clock.mono() + 1e7
      for (const text of TEXTS) first.put({ prefix: prefix(text), untilMs, times: 1, reason: 'failures' })
      world.runFor(5_000)
      const disk = new SlowDisk(store, world)
      // Bans are in other buckets here, since the table has another key.
      const { bans, keeper } = boot(world, disk, new Memory(), 3)
      const lifted = new Set<string>()
      for (const text of TEXTS.slice(0, 10)) {
        bans.remove(prefix(text))
        keeper.flush(bans.bucketOf(prefix(text)), () => lifted.add(text))
      }
      world.runFor(steps)
      disk.isGone = true
      store.losePower()
      const left = inForce(boot(world, store).bans, world.clock.mono()).map((line) => line.split(' ')[0])
      for (const text of TEXTS.slice(10)) expect(left).toContain(text)
      for (const text of lifted) expect(left).not.toContain(text)
      if (steps === 79) expect(lifted.size).toBe(10)
    }
  })

  it('says when a ban is on the disk, and a lifted one is off it', () => {
    const world = new World(2)
    const store = new VirtualStore(world)
    const { bans, keeper } = boot(world, store)
    const ban: Ban = { prefix: prefix('192.0.2.1'), untilMs: world.clock.mono() + 1e6, times: 1, reason: 'by-hand' }
    const said: string[] = []
    bans.put(ban)
    keeper.flush(bans.bucketOf(ban.prefix), (isDurable) => said.push(`put ${isDurable}`))
    bans.remove(ban.prefix)
    keeper.flush(bans.bucketOf(ban.prefix), (isDurable) => said.push(`lifted ${isDurable}`))
    expect(said).toEqual([])
    world.runFor(100)
    expect(said).toEqual(['put true', 'lifted true'])
    expect(inForce(boot(world, store).bans, world.clock.mono())).toEqual([])
  })

  it('tries again what the store did not take', () => {
    const world = new World(3)
    const inner = new VirtualStore(world)
    let isBroken = true
    const store: Store = {
      get: (key, reply) => inner.get(key, reply),
      put: (key, value, reply) => (isBroken ? world.after(1, () => reply?.(false)) : inner.put(key, value, reply)),
      delete: (key, reply) => inner.delete(key, reply),
    }
    const { bans, keeper } = boot(world, store)
    const said: boolean[] = []
    bans.put({ prefix: prefix('192.0.2.1'), untilMs: world.clock.mono() + 1e6, times: 1, reason: 'failures' })
    keeper.flush(bans.bucketOf(prefix('192.0.2.1')), (isDurable) => said.push(isDurable))
    world.runFor(10)
    expect(said).toEqual([false])
    isBroken = false
    world.runFor(5_000)
    expect(inForce(boot(world, inner).bans, world.clock.mono())).toEqual(['192.0.2.1 failures'])
  })

  test.prop([fc.uint8Array({ maxLength: 200 })], { numRuns: 50 })(
    'is not confused by what it did not write',
    (value) => {
      const world = new World(4)
      const store = new VirtualStore(world)
      for (let bucket = 0; bucket < BUCKETS; bucket++) store.put(`bans-${bucket}`, value)
      world.runFor(100)
      for (const ban of boot(world, store).bans.list()) expect(formatPrefix(ban.prefix)).toMatch(/^[0-9a-f.:/]+$/)
    },
  )
})
