import { describe, expect, it } from 'vitest'
import { HelperWatch, START_MS, WATCH_TICK_MS, type HelperHandle } from '../../../src/vault/helper/watch.ts'

const SILENCE_MS = 5000

/** A watch whose helpers and clock are the test's. */
class World {
  now = 0
  readonly told: string[] = []
  readonly helpers: (HelperHandle & { pings: number })[] = []
  readonly watch = new HelperWatch({
    now: () => this.now,
    silenceMs: SILENCE_MS,
    spawn: () => {
      const pid = this.helpers.length + 1
      const helper = {
        pid,
        pings: 0,
        ping: () => void helper.pings++,
        kill: () => void this.told.push(`killed ${pid}`),
      }
      this.helpers.push(helper)
      return helper
    },
    events: {
      onReady: ({ pid }, isAgain) => this.told.push(`ready ${pid}${isAgain ? ' again' : ''}`),
      onHung: ({ pid }) => this.told.push(`hung ${pid}`),
      onGone: ({ pid }, afterMs) => this.told.push(`gone ${pid}, next in ${afterMs}`),
      onStartFailed: () => this.told.push('start failed'),
    },
  })

  get helper() {
    return this.helpers[this.helpers.length - 1]
  }
  after(ms: number, answers = true): void {
    for (const end = this.now + ms; this.now < end;) {
      this.now += WATCH_TICK_MS
      this.watch.tick()
      if (answers) this.watch.heardPong(this.helper)
    }
  }
  ready(): void {
    this.watch.heardReady(this.helper)
  }
  gone(): void {
    this.watch.heardGone(this.helper)
  }
  take(): string[] {
    return this.told.splice(0)
  }
}

function started(): World {
  const world = new World()
  world.watch.start()
  world.ready()
  world.take()
  return world
}

describe('a watch over the vault helper', () => {
  it('starts one, and tells when it is ready', () => {
    const world = new World()
    world.watch.start()
    expect(world.watch.pid).toBe(1)
    world.ready()
    world.ready()
    expect(world.take()).toEqual(['ready 1'])
  })

  it('does not insist on one that fails at the first start', () => {
    const world = new World()
    world.watch.start()
    world.gone()
    world.after(120_000)
    expect(world.take()).toEqual(['start failed'])
    expect(world.helpers.length).toBe(1)
  })

  it('replaces one that lived for a minute at once, and others ever more slowly', () => {
    const world = started()
    world.after(60_000)
    world.gone()
    world.after(WATCH_TICK_MS)
    world.ready()
    expect(world.take()).toEqual(['gone 1, next in 0', 'ready 2 again'])
    for (const waitMs of [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]) {
      world.gone()
      expect(world.take()).toEqual([`gone ${world.helpers.length}, next in ${waitMs}`])
      const before = world.helpers.length
      world.after(waitMs - WATCH_TICK_MS)
      expect(world.helpers.length).toBe(before)
      world.after(WATCH_TICK_MS)
      expect(world.helpers.length).toBe(before + 1)
    }
    world.ready()
    world.after(60_000)
    world.gone()
    expect(world.take().at(-1)).toBe(`gone ${world.helpers.length}, next in 0`)
  })

  it('asks once a second for a sign of life, and kills one that gives none', () => {
    const world = started()
    world.after(10_000)
    expect(world.helper.pings).toBeGreaterThanOrEqual(10)
    world.after(SILENCE_MS, false)
    expect(world.take()).toEqual([])
    world.after(2 * WATCH_TICK_MS, false)
    expect(world.take()).toEqual(['hung 1', 'killed 1'])
    world.after(20_000, false)
    expect(world.take()).toEqual([])
    world.gone()
    expect(world.take()).toEqual(['gone 1, next in 1000'])
  })

  it('takes no pause of its own for silence', () => {
    const world = started()
    world.now += 3_600_000
    world.after(SILENCE_MS - WATCH_TICK_MS, false)
    expect(world.take()).toEqual([])
  })

  it('gives a start more time, and not for ever', () => {
    const world = started()
    world.gone()
    world.after(1000)
    world.take()
    world.after(START_MS - WATCH_TICK_MS, false)
    expect(world.take()).toEqual([])
    world.after(2 * WATCH_TICK_MS, false)
    expect(world.take()).toEqual(['hung 2', 'killed 2'])
  })

  it('starts no other one where that would fare no better', () => {
    const world = started()
    world.watch.heardGone(world.helper, true)
    world.after(120_000)
    expect([world.take(), world.helpers.length, world.watch.pid]).toEqual([['gone 1, next in undefined'], 1, undefined])
  })

  it('is over when it is told so, and hears nothing of those before', () => {
    const world = started()
    const [first] = world.helpers
    world.gone()
    world.after(1000)
    world.take()
    world.watch.heardGone(first)
    world.watch.heardReady(first)
    expect(world.take()).toEqual([])
    world.watch.stop()
    world.gone()
    world.after(120_000)
    expect([world.take(), world.helpers.length]).toEqual([[], 2])
  })
})
