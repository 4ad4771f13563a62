import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { Columns } from '../../src/workers/columns.ts'
import { Fleet, type WorkerHandle } from '../../src/workers/fleet.ts'

class Hand implements WorkerHandle {
  readonly told: string[] = []
  readonly pid: number
  readonly slot: number
  readonly column: number
  isGone = false

  constructor(pid: number, slot: number, column: number) {
    this.pid = pid
    this.slot = slot
    this.column = column
  }
  drain(): void {
    this.told.push('drain')
  }
  stop(): void {
    this.told.push('stop')
  }
  kill(): void {
    this.told.push('kill')
  }
}

/** A fleet whose processes and clock are the test's. */
class World {
  now = 1000
  readonly hands: Hand[] = []
  readonly log: string[] = []
  readonly columns: Columns
  readonly fleet: Fleet

  constructor(slots: number, taken: readonly number[] = []) {
    this.columns = new Columns(2 * slots, taken)
    this.fleet = new Fleet({
      slots,
      columns: this.columns,
      mono: () => this.now,
      drainMs: () => 60_000,
      spawn: (slot, column) => {
        const hand = new Hand(this.hands.length + 1, slot, column)
        this.hands.push(hand)
        return hand
      },
      events: {
        onReady: ({ handle }) => this.log.push(`ready ${handle.pid}`),
        onGone: ({ handle }, isWanted) => this.log.push(`${isWanted ? 'ended' : 'died'} ${handle.pid}`),
        onReplacing: (slot, afterMs) => this.log.push(`replacing ${slot} after ${afterMs}`),
        onStarted: () => this.log.push('started'),
        onStartFailed: () => this.log.push('start failed'),
        onRestarted: (isDone) => this.log.push(isDone ? 'restarted' : 'restart failed'),
        onEnded: () => this.log.push('over'),
      },
    })
  }

  static running(slots: number): World {
    const world = new World(slots)
    world.fleet.start()
    for (let i = 0; i < slots; i++) world.ready(i + 1)
    world.log.length = 0
    return world
  }

  get alive(): readonly Hand[] {
    return this.hands.filter(({ isGone }) => !isGone)
  }
  hand(pid: number): Hand {
    return this.hands[pid - 1]
  }
  ready(pid: number): void {
    this.fleet.heardReady(this.hand(pid))
  }
  gone(pid: number): void {
    this.hand(pid).isGone = true
    this.fleet.heardGone(this.hand(pid))
  }
  /** All of them do what they are told, or come up, until nothing changes any more. */
  heal(): void {
    for (let before = -1; before !== this.hands.length;) {
      before = this.hands.length
      for (const { pid, told } of this.alive) {
        if (told.length > 0) this.gone(pid)
        else this.ready(pid)
      }
    }
  }
  /** In steps, as ticks come. */
  pass(ms: number): void {
    const until = this.now + ms
    do this.standStill(Math.min(1000, until - this.now))
    while (this.now < until)
  }
  /** Nobody does anything meanwhile. */
  standStill(ms: number): void {
    this.now += ms
    this.fleet.tick()
  }
}

describe('the start', () => {
  it('lets the first worker lay out what is shared, and starts the others when it is done', () => {
    const world = new World(3)
    world.fleet.start()
    expect(world.hands.map(({ slot, column }) => [slot, column])).toEqual([[0, 0]])
    world.ready(1)
    expect(world.hands.map(({ slot, column }) => [slot, column])).toEqual([
      [0, 0],
      [1, 1],
      [2, 2],
    ])
    world.ready(3)
    expect(world.log).toEqual(['ready 1', 'ready 3'])
    world.ready(2)
    expect(world.log).toEqual(['ready 1', 'ready 3', 'ready 2', 'started'])
  })

  it('fails as a whole when one is gone before it was ready', () => {
    const world = new World(2)
    world.fleet.start()
    world.ready(1)
    world.gone(2)
    expect(world.hand(1).told).toEqual(['stop'])
    expect(world.log).toEqual(['ready 1', 'died 2', 'start failed'])
    world.gone(1)
    expect(world.log.slice(3)).toEqual(['ended 1', 'over'])
  })

  it('does not wait for ever', () => {
    const world = new World(1)
    world.fleet.start()
    world.pass(29_999)
    expect(world.hand(1).told).toEqual([])
    world.pass(1)
    expect(world.hand(1).told).toEqual(['kill'])
  })
})

describe('a worker that dies', () => {
  it('is replaced at once when it lived long', () => {
    const world = World.running(2)
    world.pass(30_000)
    world.fleet.heardFrom(world.hand(1))
    world.fleet.heardFrom(world.hand(2))
    world.pass(30_000)
    world.gone(1)
    expect(world.log).toEqual(['died 1', 'replacing 0 after 0'])
    world.pass(0)
    expect([world.hand(3).slot, world.hand(3).column]).toEqual([0, 0])
  })

  it('that dies young again and again is replaced more and more seldom, down to every 30 seconds', () => {
    const world = World.running(1)
    const pauses: number[] = []
    for (let pid = 1; pid <= 8; pid++) {
      world.gone(pid)
      pauses.push(Number(world.log.at(-1)!.split(' ').at(-1)))
      world.pass(pauses.at(-1)! - 1)
      expect(world.hands).toHaveLength(pid)
      world.pass(1)
      expect(world.hands).toHaveLength(pid + 1)
    }
    expect(pauses).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000])
  })

  it('counts as hanging after a minute of silence', () => {
    const world = World.running(1)
    world.pass(59_999)
    expect(world.hand(1).told).toEqual([])
    world.pass(1)
    expect(world.hand(1).told).toEqual(['kill'])
  })
})

describe('a pause of the whole machine', () => {
  it('is held against no worker: what it told meanwhile lies there unread', () => {
    const world = World.running(2)
    world.pass(1_000)
    world.standStill(300_000)
    expect(world.alive.flatMap(({ told }) => told)).toEqual([])
    world.pass(58_000)
    expect(world.hand(1).told).toEqual([])
    world.pass(2_000)
    expect(world.hand(1).told).toEqual(['kill'])
  })
})

describe('a planned restart', () => {
  it('goes slot by slot: the old one drains when the new one is ready', () => {
    const world = World.running(2)
    expect(world.fleet.restart()).toBe(true)
    expect(world.fleet.restart()).toBe(false)
    expect(world.hands).toHaveLength(3)
    expect(world.hand(1).told).toEqual([])
    world.ready(3)
    expect(world.hand(1).told).toEqual(['drain'])
    expect(world.hand(2).told).toEqual([])
    world.ready(4)
    expect(world.hand(2).told).toEqual(['drain'])
    expect(world.log).toEqual(['ready 3', 'ready 4', 'restarted'])
    world.gone(2)
    world.gone(1)
    expect(world.log.slice(3)).toEqual(['ended 2', 'ended 1'])
    expect(world.hands).toHaveLength(4)
  })

  it('stops at a new one that does not come up, and the old ones go on', () => {
    const world = World.running(2)
    world.fleet.restart()
    world.gone(3)
    expect(world.log).toEqual(['died 3', 'restart failed'])
    expect(world.hands.slice(0, 2).flatMap(({ told }) => told)).toEqual([])
    expect(world.fleet.restart()).toBe(true)
  })

  it('needs no second replacement for an old one that dies meanwhile', () => {
    const world = World.running(2)
    world.fleet.restart()
    world.gone(1)
    world.ready(3)
    world.ready(4)
    expect(world.log).toEqual(['died 1', 'ready 3', 'ready 4', 'restarted'])
    world.pass(40_000)
    expect(world.hands).toHaveLength(4)
  })

  it('waits for numbers to come back when the last one still drains', () => {
    const world = World.running(1)
    world.fleet.restart()
    world.ready(2)
    expect(world.fleet.restart()).toBe(true)
    expect(world.log).toEqual(['ready 2', 'restarted', 'restart failed'])
    world.gone(1)
    expect(world.fleet.restart()).toBe(true)
    expect(world.hand(3).column).toBe(0)
  })
})

describe('while somebody else gives the numbers out', () => {
  it('no worker is started, and afterwards what is missing is', () => {
    const world = World.running(1)
    world.fleet.isHeld = true
    world.gone(1)
    world.pass(40_000)
    expect(world.hands).toHaveLength(1)
    expect(world.fleet.restart()).toBe(false)
    world.fleet.isHeld = false
    world.pass(0)
    expect(world.hands).toHaveLength(2)
  })
})

describe('the end', () => {
  it('by drain waits for all, and replaces none', () => {
    const world = World.running(2)
    world.gone(2)
    world.fleet.drain()
    expect(world.hand(1).told).toEqual(['drain'])
    world.pass(5000)
    expect(world.hands).toHaveLength(2)
    world.gone(1)
    expect(world.log.at(-1)).toBe('over')
  })

  it('ends a worker that drains for longer than it may', () => {
    const world = World.running(1)
    world.fleet.drain()
    world.pass(69_999)
    expect(world.hand(1).told).toEqual(['drain'])
    world.pass(1)
    expect(world.hand(1).told).toEqual(['drain', 'kill'])
  })

  it('by stop gives them three seconds', () => {
    const world = World.running(1)
    world.fleet.drain()
    world.fleet.stop()
    world.pass(3000)
    expect(world.hand(1).told).toEqual(['drain', 'stop', 'kill'])
    world.gone(1)
    world.fleet.stop()
    expect(world.log).toEqual(['ended 1', 'over'])
  })
})

describe('numbers of workers', () => {
  it('of processes from before us are left to them', () => {
    const world = new World(2, [0, 2])
    world.fleet.start()
    world.ready(1)
    expect(world.hands.map(({ column }) => column)).toEqual([1, 3])
  })

  const arbStep = fc.tuple(fc.constantFrom('ready', 'gone', 'gone', 'restart', 'pass'), fc.nat())
  test.prop([fc.integer({ min: 1, max: 3 }), fc.array(arbStep, { maxLength: 200 })])(
    'are never had by two at a time, whatever happens; every slot has a worker or will, and an end comes to an end',
    (slots, steps) => {
      const world = new World(slots)
      world.fleet.start()
      for (const [what, pick] of steps) {
        const { alive } = world
        const hand = alive[pick % Math.max(1, alive.length)] as Hand | undefined
        if (what === 'pass') world.pass(pick % 40_000)
        else if (what === 'restart') world.fleet.restart()
        else if (hand !== undefined && what === 'ready') world.ready(hand.pid)
        else if (hand !== undefined) world.gone(hand.pid)
        const used = world.alive.map(({ column }) => column)
        expect(new Set(used).size).toBe(used.length)
        expect(world.alive.length).toBeLessThanOrEqual(2 * slots)
        for (const column of used) expect(column).toBeLessThan(2 * slots)
      }
      // With all of them healthy from now on, every slot has one that runs.
      world.heal()
      world.pass(30_000)
      world.heal()
      if (!world.log.includes('start failed')) {
        const slotsServed = world.fleet.workers.filter(({ state }) => state === 'running').map(({ slot }) => slot)
        expect(slotsServed.sort()).toEqual(Array.from({ length: slots }, (_, i) => i))
      }
      world.fleet.stop()
      for (const hand of world.alive) world.gone(hand.pid)
      expect(world.log.filter((line) => line === 'over')).toHaveLength(1)
    },
  )
})
