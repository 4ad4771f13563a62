import { createHash } from 'node:crypto'
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { GENERATIONS } from '../../../src/core/guard/generations.ts'
import { isBootStamp, ReplayGuard } from '../../../src/core/guard/replay.ts'
import { ALONE, type SharedMemory, type Store } from '../../../src/core/ports.ts'

const SKEW = 120
const NOW = 1_800_000_000

class Machine implements SharedMemory {
  wall = NOW
  origin: 'new' | 'kept' | 'stale' = 'new'
  bytes: Uint8Array | undefined
  /** As the disk has it. */
  #onDisk: Uint8Array | undefined
  readonly #values = new Map<string, Uint8Array>()
  readonly store: Store = {
    get: (key, reply) => reply(this.#values.get(key)),
    put: (key, value) => void this.#values.set(key, value.slice()),
    delete: (key) => void this.#values.delete(key),
  }
  open(_name: string, byteLength: number) {
    this.bytes ??= new Uint8Array(byteLength)
    this.#onDisk = this.bytes.slice()
    return { bytes: this.bytes, origin: this.origin }
  }
  guard(skewSec = SKEW, worker = ALONE) {
    const { store } = this
    return new ReplayGuard({ memory: this, store, clock: { mono: () => 0, wall: () => this.wall }, skewSec, worker })
  }
  /** Several at a time over one memory. */
  guards(columns: number): ReplayGuard[] {
    const first = this.guard(SKEW, { column: 0, columns })
    this.origin = 'kept'
    return [first, ...Array.from({ length: columns - 1 }, (_, at) => this.guard(SKEW, { column: at + 1, columns }))]
  }
  /** Every other page is as it was when the map was opened, by the bits of `pages`. */
  losePower(pages: number): void {
    const { bytes } = this
    for (let at = 0, page = 0; bytes !== undefined && at < bytes.length; at += 4096, page++) {
      if (((pages >> (page % 30)) & 1) === 0) bytes.set(this.#onDisk?.subarray(at, at + 4096) ?? [], at)
    }
    this.origin = 'stale'
  }
}

const identity = (name: number) => createHash('sha256').update(`identity ${name}`).digest().subarray(0, 28)

describe('ReplayGuard', () => {
  it('lets a hello in once', () => {
    const guard = new Machine().guard()
    expect(guard.admitStamped(identity(1), NOW)).toBe('fresh')
    expect(guard.admitStamped(identity(1), NOW)).toBe('replay')
    expect(guard.admitStamped(identity(2), NOW)).toBe('fresh')
  })

  it('knows a hello whose stamp was rewritten, since the MAC does not cover it', () => {
    const guard = new Machine().guard()
    guard.admitStamped(identity(1), NOW)
    expect(guard.admitStamped(identity(1), NOW + 60)).toBe('replay')
    expect(guard.admitUnstamped(identity(1))).toBe('replay')
  })

  it('remembers over a restart', () => {
    const machine = new Machine()
    machine.guard().admitStamped(identity(1), NOW)
    machine.origin = 'kept'
    expect(machine.guard().admitStamped(identity(1), NOW)).toBe('replay')
  })

  it('after the machine went down refuses every stamp that could have been let in before', () => {
    const machine = new Machine()
    machine.guard().admitStamped(identity(1), NOW + SKEW)
    machine.losePower(0)
    const guard = machine.guard()
    expect(guard.admitStamped(identity(1), NOW + SKEW)).toBe('replay')
    expect(guard.admitStamped(identity(2), NOW + SKEW + 61)).toBe('fresh')
  })

  it('does so as well when the clock comes back long before, and is set right later', () => {
    const machine = new Machine()
    machine.guard().admitStamped(identity(1), NOW)
    machine.losePower(0)
    machine.wall = 1_000_000
    const guard = machine.guard()
    machine.wall = NOW + 10
    expect(guard.admitStamped(identity(1), NOW)).toBe('replay')
    expect(guard.floor).toBeLessThanOrEqual(NOW + 60)
  })

  it('lets nobody in on a stamp before it knows what it has lost', () => {
    const machine = new Machine()
    machine.guard().admitStamped(identity(1), NOW)
    machine.losePower(0)
    let answer = () => {}
    const { store } = machine
    const late = {
      ...store,
      get: (key: string, reply: (value: Uint8Array | undefined) => void) => (answer = () => store.get(key, reply)),
    }
    const guard = new ReplayGuard({
      memory: machine,
      store: late,
      clock: { mono: () => 0, wall: () => NOW },
      skewSec: SKEW,
    })
    expect(guard.admitStamped(identity(2), NOW + 1000)).toBe('replay')
    answer()
    expect(guard.admitStamped(identity(2), NOW + 1000)).toBe('fresh')
  })

  it('serves the right time beside what a clock far ahead let in', () => {
    const guard = new Machine().guard()
    for (let i = 0; i < 5; i++) expect(guard.admitStamped(identity(i), NOW + 100_000 + 480 * i)).toBe('fresh')
    for (let span = 0; span < 40; span++) {
      expect(guard.admitStamped(identity(100 + span), NOW + 30 * span)).toBe('fresh')
    }
    for (let i = 0; i < 5; i++) expect(guard.admitStamped(identity(i), NOW + 100_000 + 480 * i)).toBe('replay')
  })

  it('refuses an early stamp when every generation is for a later time', () => {
    const guard = new Machine().guard()
    for (let i = 0; i < GENERATIONS; i++) guard.admitStamped(identity(i), NOW + 100_000 + 30 * i)
    expect(guard.admitStamped(identity(99), NOW)).toBe('full')
    expect(guard.floor).toBe(0)
  })

  it('raises the floor to the end of what it drops', () => {
    const guard = new Machine().guard()
    for (let span = 0; span < GENERATIONS; span++) guard.admitStamped(identity(100 + span), NOW + 30 * span)
    expect(guard.floor).toBe(0)
    expect(guard.admitStamped(identity(2), NOW + GENERATIONS * 30)).toBe('fresh')
    expect(guard.floor).toBeGreaterThanOrEqual(NOW)
    expect(guard.floor).toBeLessThan(NOW + 30)
    expect(guard.admitStamped(identity(3), guard.floor)).toBe('replay')
    expect(guard.admitStamped(identity(4), guard.floor + 1)).toBe('fresh')
  })

  it('refuses when a generation is full, and serves the next one', () => {
    const guard = new Machine().guard()
    let taken = 0
    while (guard.admitStamped(identity(taken), NOW) === 'fresh') taken++
    expect(taken).toBe(24_576)
    expect(guard.admitStamped(identity(taken), NOW)).toBe('full')
    expect(guard.admitStamped(identity(taken), NOW + 60)).toBe('fresh')
  })

  it('refuses the last 65,536 without a stamp, and forgets the oldest first', () => {
    const guard = new Machine().guard()
    for (let name = 0; name < 65_536; name++) expect(guard.admitUnstamped(identity(name))).toBe('fresh')
    expect(guard.admitUnstamped(identity(0))).toBe('replay')
    expect(guard.admitUnstamped(identity(65_536))).toBe('fresh')
    expect(guard.admitUnstamped(identity(1))).toBe('replay')
    expect(guard.admitUnstamped(identity(0))).toBe('fresh')
  })

  it('takes a changed span for a region whose contents it can not trust', () => {
    const machine = new Machine()
    machine.guard().admitStamped(identity(1), NOW)
    machine.origin = 'kept'
    expect(machine.guard(10 * SKEW).admitStamped(identity(1), NOW)).toBe('replay')
  })

  it('tells times since boot from times of day', () => {
    expect([isBootStamp(0), isBootStamp(86_399_999), isBootStamp(86_400_000), isBootStamp(NOW)]).toEqual([
      true,
      true,
      false,
      false,
    ])
  })

  const step = fc.oneof(
    fc.record({ op: fc.constant('hello' as const), name: fc.nat(20), skew: fc.integer({ min: -SKEW, max: SKEW }) }),
    fc.record({ op: fc.constant('clock' as const), by: fc.integer({ min: -4000, max: 4000 }) }),
    fc.record({ op: fc.constant('restart' as const), pages: fc.option(fc.nat(2 ** 30 - 1)) }),
  )
  test.prop([fc.array(step, { maxLength: 80 })], { numRuns: 50 })(
    'never lets an identity in twice, whatever the clock does, over restarts (I12)',
    (steps) => {
      const machine = new Machine()
      let guard = machine.guard()
      machine.origin = 'kept'
      const admitted = new Set<number>()
      const stamps = new Map<number, number>()
      for (const each of steps) {
        if (each.op === 'clock') machine.wall += each.by
        else if (each.op === 'restart') {
          machine.origin = 'kept'
          if (each.pages !== null) machine.losePower(each.pages)
          guard = machine.guard()
        } else {
          // A hello keeps the stamp it was made with; one outside the window never reaches the guard.
          const stamp = stamps.get(each.name) ?? machine.wall + each.skew
          stamps.set(each.name, stamp)
          if (Math.abs(machine.wall - stamp) > SKEW) continue
          const verdict = guard.admitStamped(identity(each.name), stamp)
          if (verdict === 'fresh') expect(admitted.has(each.name)).toBe(false)
          if (verdict === 'fresh') admitted.add(each.name)
        }
      }
    },
  )

  test.prop([fc.array(fc.tuple(fc.nat(3), fc.nat(40), fc.boolean()), { maxLength: 200 })], { numRuns: 30 })(
    'lets a hello in once over all workers, whichever it comes to',
    (arrivals) => {
      const guards = new Machine().guards(4)
      const seen = new Set<number>()
      for (const [worker, name, isStamped] of arrivals) {
        const guard = guards[worker]
        const verdict = isStamped ? guard.admitStamped(identity(name), NOW) : guard.admitUnstamped(identity(name))
        expect(verdict).toBe(seen.has(name) ? 'replay' : 'fresh')
        seen.add(name)
      }
    },
  )

  it('goes on when a worker died with the lock, and mends what it was writing', () => {
    const machine = new Machine()
    const [survivor, dead] = machine.guards(2)
    for (let name = 0; name < 300; name++) dead.admitUnstamped(identity(name))
    const words = new Int32Array(machine.bytes?.buffer ?? new ArrayBuffer(0))
    const indexFrom = 4 + 1 + 65_536 * 4
    words.fill(0, indexFrom, indexFrom + 131_072)
    words[2] = 2
    survivor.takeBack(1)
    expect(words[2]).toBe(0)
    for (let name = 0; name < 300; name++) expect(survivor.admitUnstamped(identity(name))).toBe('replay')
    expect(survivor.admitUnstamped(identity(300))).toBe('fresh')
  })
})
