import { describe, expect, it } from 'vitest'
import type { Connection, Handler } from '../../../src/core/ports.ts'
import { DEAD_PEER_MS, type LinkPlan } from '../../../sim/world/connection.ts'
import { VirtualNetwork } from '../../../sim/world/network.ts'
import { World } from '../../../sim/world/world.ts'

const CALM: LinkPlan = { latencyMs: 10, windowBytes: 1000, segmentBytes: 1000, isChoppy: false, stallMs: 0 }

/** Writes down what it is told. */
class Ear implements Handler {
  readonly heard: string[] = []
  readonly chunks: Uint8Array[] = []
  connection!: Connection
  received = 0
  onData(chunk: Uint8Array): void {
    this.chunks.push(chunk)
    this.received += chunk.length
  }
  onDrain(): void {
    this.heard.push('drain')
  }
  onEnd(): void {
    this.heard.push('end')
  }
  onClose(kind: string): void {
    this.heard.push(kind)
  }
  own(connection: Connection): this {
    this.connection = connection
    return this
  }
}

function scene(plan: Partial<LinkPlan> = {}) {
  const world = new World(1)
  const network = new VirtualNetwork(world)
  network.plan = () => ({ ...CALM, ...plan })
  const server = network.host('10.0.0.1', '2001:db8::1')
  const client = network.host('10.0.0.2')
  const far = new Ear()
  const near = new Ear()
  server.listen(443, (connection) => far.own(connection))
  const dial = (ip = '10.0.0.1', ear = new Ear()) => {
    client.dial({ ip, port: 443 }, { onOpen: (c) => ear.own(c), onFail: (why) => ear.heard.push(why) })
    return ear
  }
  dial('10.0.0.1', near)
  world.runFor(100)
  return { world, network, server, client, near, far, dial }
}

describe('a virtual connection', () => {
  it('overwrites a chunk when the call that brought it has returned', () => {
    const { world, near, far } = scene()
    near.connection.write(Uint8Array.of(1, 2, 3))
    world.runFor(100)
    expect(far.chunks).toEqual([Uint8Array.of(0xdb, 0xdb, 0xdb)])
  })

  it('brings nothing before its time, and a FIN not before the bytes that a stall held up', () => {
    const { world, near, far } = scene({ latencyMs: 40, stallMs: 400 })
    for (let i = 0; i < 50; i++) near.connection.write(new Uint8Array(10))
    near.connection.end()
    world.runFor(39)
    expect([far.received, far.heard]).toEqual([0, []])
    world.runFor(10_000)
    expect([far.received, far.heard]).toEqual([500, ['end']])
  })

  it('joins what arrives within the time of coalescing', () => {
    const { world, near, far } = scene({ coalesceMs: 5 })
    for (let i = 0; i < 4; i++) world.after(i, () => near.connection.write(new Uint8Array(10)))
    world.runFor(100)
    expect(far.chunks.map((chunk) => chunk.length)).toEqual([40])
  })

  it('takes a part now and then although there is room, and drains for the rest', () => {
    const { world, near, far } = scene({ isStingy: true })
    const taken = Array.from({ length: 20 }, () => near.connection.write(new Uint8Array(50)))
    expect(taken.some((bytes) => bytes > 0 && bytes < 50)).toBe(true)
    world.runFor(1000)
    expect(near.heard).toContain('drain')
    expect(far.received).toBe(taken.reduce((sum, bytes) => sum + bytes, 0))
  })

  it('breaks for both after as many bytes as its plan says', () => {
    const { world, near, far } = scene({ resetAfterBytes: 300, segmentBytes: 100 })
    near.connection.write(new Uint8Array(900))
    world.runFor(1000)
    expect(far.received).toBeGreaterThanOrEqual(300)
    expect([near.heard, far.heard]).toEqual([['reset'], ['reset']])
  })

  it('gives what came before a reset to a reader, and to a paused one nothing more', () => {
    for (const isPaused of [false, true]) {
      const { world, near, far } = scene({ segmentBytes: 100 })
      if (isPaused) far.connection.pause()
      near.connection.write(new Uint8Array(900))
      near.connection.reset()
      world.runFor(1000)
      expect([far.received, far.heard]).toEqual([isPaused ? 0 : 900, ['reset']])
    }
  })

  it('on a dead path lets only a writer learn of it, when its kernel gives up', () => {
    const { world, near, far } = scene({ deadAfterBytes: 10 })
    near.connection.write(new Uint8Array(10))
    world.runFor(1000)
    near.connection.write(new Uint8Array(10))
    world.runFor(DEAD_PEER_MS + 100)
    expect([far.received, far.heard, near.heard]).toEqual([10, [], ['reset']])
  })

  it('is healed with the network: what was choppy comes whole, what would break lives', () => {
    const { world, network, near, far } = scene({ isChoppy: true, resetAfterBytes: 1 })
    network.heal()
    near.connection.write(new Uint8Array(1000))
    world.runFor(1000)
    expect([far.chunks.length, far.heard]).toEqual([1, []])
  })
})

describe('a virtual host', () => {
  it('that is killed closes its sockets as a kernel does, refuses, and tells nobody inside', () => {
    const { world, server, near, far, dial } = scene()
    const unread = dial()
    world.runFor(100)
    unread.connection.write(new Uint8Array(10))
    far.connection.pause()
    world.runFor(100)
    server.kill()
    world.runFor(100)
    const late = dial()
    world.runFor(100)
    expect([near.heard, unread.heard, late.heard, far.heard]).toEqual([['end'], ['reset'], ['refused'], []])
    expect(server.open).toBe(0)
  })

  it('that loses its power falls silent', () => {
    const { world, server, near } = scene()
    server.losePower()
    near.connection.write(new Uint8Array(10))
    world.runFor(DEAD_PEER_MS - 100)
    expect(near.heard).toEqual([])
    world.runFor(1000)
    expect(near.heard).toEqual(['reset'])
  })

  it('gives no answer of a dead process to the next one', () => {
    const { world, client, network } = scene()
    network.setName('example.com', ['10.0.0.1'])
    const heard: string[] = []
    client.query('example.com', () => heard.push('resolved'))
    client.dial({ ip: '10.0.0.1', port: 1 }, { onOpen: () => new Ear(), onFail: () => heard.push('failed') })
    expect(client.open).toBe(2)
    client.kill()
    world.runFor(1000)
    expect(heard).toEqual([])
    client.query('example.com', (answer) => heard.push(JSON.stringify(answer)))
    world.runFor(1000)
    expect(heard).toEqual(['{"kind":"addresses","ips":["10.0.0.1"],"ttlSec":300}'])
  })

  it('without descriptors fails to dial, and gives back at once what was accepted', () => {
    const { world, server, client, dial } = scene()
    client.descriptorsMax = client.open
    const notDialled = dial()
    world.runFor(100)
    client.descriptorsMax = Infinity
    server.descriptorsMax = server.open
    const turnedAway = dial()
    world.runFor(100)
    expect([notDialled.heard, turnedAway.heard]).toEqual([['descriptors'], ['end']])
    expect([server.refused, server.open]).toEqual([1, 1])
  })

  it('reaches another family only with an address of its own in it, and itself by the loopback', () => {
    const { world, server, dial } = scene()
    const six = dial('2001:db8::1')
    const self = new Ear()
    server.dial({ ip: '127.0.0.1', port: 443 }, { onOpen: (c) => self.own(c), onFail: (why) => self.heard.push(why) })
    world.runFor(100)
    expect([six.heard, self.heard, self.connection.local.ip]).toEqual([['unreachable'], [], '127.0.0.1'])
  })
})
