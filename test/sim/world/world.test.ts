import { describe, expect, it } from 'vitest'
import type { Connection, Handler } from '../../../src/core/ports.ts'
import { VirtualNetwork } from '../../../sim/world/network.ts'
import { SeededRandom } from '../../../sim/world/random.ts'
import { World } from '../../../sim/world/world.ts'

const quiet: Handler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} }

describe('SeededRandom', () => {
  it('draws the same from the same seed and name, and apart from every other stream', () => {
    const draw = (seed: number, name: string) => [...new SeededRandom(seed, name).bytes(16)].join()
    expect(draw(1, 'a')).toBe(draw(1, 'a'))
    expect(new Set([draw(1, 'a'), draw(1, 'b'), draw(2, 'a'), draw(2, 'b')]).size).toBe(4)
  })

  it('draws every value below a limit, and none at it', () => {
    const random = new SeededRandom(7, 'x')
    const seen = new Set(Array.from({ length: 1000 }, () => random.below(6)))
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5])
  })
})

describe('World', () => {
  it('runs events in order of time, and of their making at the same time', () => {
    const world = new World(1)
    const order: string[] = []
    world.after(5, () => order.push('c'))
    world.after(1, () => order.push('a'))
    world.after(1, () => order.push('b'))
    world.runFor(10)
    expect(order).toEqual(['a', 'b', 'c'])
  })

  it('skips ticks that have nothing to do, but brings clocks up to date before the next event', () => {
    const world = new World(1)
    const ticks: number[] = []
    const start = world.now
    world.addTicker({ everyMs: 50, tick: () => ticks.push(world.now - start), nextAt: () => undefined })
    world.after(10_020, () => ticks.push(-1))
    world.runFor(20_000)
    expect(ticks.slice(0, 2)).toEqual([10_000, -1])
    expect(ticks.length).toBeLessThan(5)
  })

  it('ticks when something is due', () => {
    const world = new World(1)
    const start = world.now
    let due: number | undefined = start + 120
    const ticks: number[] = []
    world.addTicker({
      everyMs: 50,
      tick: () => {
        ticks.push(world.now - start)
        due = undefined
      },
      nextAt: () => due,
    })
    world.runFor(1000)
    expect(ticks[0]).toBe(150)
  })

  it('steps and drifts the wall clock without touching the other', () => {
    const world = new World(1, { wallSec: 1000 })
    world.clock.setDrift(500_000)
    world.runFor(10_000)
    expect(world.clock.wall()).toBe(1015)
    world.clock.stepWall(-100)
    expect([world.clock.wall(), world.now - 1_000_000]).toEqual([915, 10_000])
  })

  it('does not run what was cancelled, nor move the clock for it', () => {
    const world = new World(1)
    const start = world.now
    const happened: string[] = []
    const cancelled = world.after(5, () => happened.push('cancelled'))
    world.after(3, () => happened.push('kept'))
    cancelled.cancel()
    while (world.step()) continue
    expect([happened, world.now - start]).toEqual([['kept'], 3])
  })

  it('shows its trace to who looks, and hashes time, text and bytes alike', () => {
    const run = (afterMs: number, text: string, bytes: Uint8Array) => {
      const seen: string[] = []
      const world = new World(1, { onTrace: (_atMs, what) => seen.push(what) })
      world.runFor(afterMs)
      world.trace(text, bytes)
      expect(seen).toEqual([text])
      return world.hash()
    }
    const one = run(1, 'a', Uint8Array.of(1))
    expect(run(1, 'a', Uint8Array.of(1))).toBe(one)
    const others = [run(2, 'a', Uint8Array.of(1)), run(1, 'b', Uint8Array.of(1)), run(1, 'a', Uint8Array.of(2))]
    expect(new Set([one, ...others]).size).toBe(4)
  })

  it('gives up on a livelock', () => {
    const world = new World(1, { eventsMax: 100 })
    const again = () => world.after(0, again)
    again()
    expect(() => world.runFor(1)).toThrow('livelock')
  })
})

describe('VirtualNetwork', () => {
  function pair(plan: Partial<ReturnType<VirtualNetwork['plan']>> = {}) {
    const world = new World(3)
    const network = new VirtualNetwork(world)
    network.plan = () => ({ latencyMs: 10, windowBytes: 1000, segmentBytes: 100, isChoppy: true, stallMs: 0, ...plan })
    const ends: Connection[] = []
    const events: string[] = []
    let received = 0
    const server: Handler = {
      onData: (chunk) => (received += chunk.length),
      onDrain() {},
      onEnd: () => events.push('end'),
      onClose: (kind) => events.push(kind),
    }
    network.host('10.0.0.1').listen(443, (connection) => (ends.push(connection), server))
    const client: Handler = {
      ...quiet,
      onDrain: () => events.push('drain'),
      onClose: (kind) => events.push(`client ${kind}`),
    }
    network
      .host('10.0.0.2')
      .dial(
        { ip: '10.0.0.1', port: 443 },
        { onOpen: (connection) => (ends.push(connection), client), onFail: (why) => events.push(why) },
      )
    world.runFor(100)
    const [far, near] = ends
    return { world, network, near, far, events, received: () => received }
  }

  it('takes no more than its window, and drains when the reader has read', () => {
    const { world, near, far, events, received } = pair()
    far.pause()
    expect(near.write(new Uint8Array(1500))).toBe(1000)
    expect(near.write(new Uint8Array(1))).toBe(0)
    world.runFor(1000)
    expect([received(), events]).toEqual([0, []])
    far.resume()
    world.runFor(1000)
    expect([received(), events]).toEqual([1000, ['drain']])
  })

  it('delivers the FIN behind the bytes, and ends when both sides ended', () => {
    const { world, near, far, events, received } = pair()
    near.write(new Uint8Array(500))
    near.end()
    world.runFor(1000)
    expect([received(), events]).toEqual([500, ['end']])
    far.end()
    world.runFor(1000)
    expect(events).toEqual(['end', 'end', 'client end'])
  })

  it('answers a close with unread bytes with a reset, as a kernel does', () => {
    const { world, near, far, events } = pair()
    far.pause()
    near.write(new Uint8Array(10))
    world.runFor(100)
    far.close()
    world.runFor(100)
    expect(events).toEqual(['client reset'])
  })

  it('ends in order when nothing unread is left', () => {
    const { world, near, far, events } = pair()
    near.write(new Uint8Array(10))
    world.runFor(100)
    near.close()
    world.runFor(100)
    expect(events).toEqual(['end'])
    far.end()
    world.runFor(100)
    expect(events).toEqual(['end', 'end'])
  })

  it('refuses where nobody listens, and never answers in a black hole', () => {
    const { world, network, events } = pair()
    const dial = (ip: string) =>
      network.host('10.0.0.2').dial({ ip, port: 80 }, { onOpen: () => quiet, onFail: (why) => events.push(why) })
    dial('10.0.0.1')
    network.setReachability('10.0.0.9', 'black-hole')
    dial('10.0.0.9')
    world.runFor(60_000)
    expect(events).toEqual(['refused'])
  })
})
