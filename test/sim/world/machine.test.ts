import { describe, expect, it } from 'vitest'
import type { Connection, Handler } from '../../../src/core/ports.ts'
import { MachineClock } from '../../../sim/world/clock.ts'
import type { VirtualConnection } from '../../../sim/world/connection.ts'
import { VirtualNetwork, type HostNetwork } from '../../../sim/world/network.ts'
import { World } from '../../../sim/world/world.ts'

const SERVER = { ip: '10.0.0.1', port: 443 }

class Ear implements Handler {
  received = 0
  closed: string | undefined
  onData(chunk: Uint8Array): void {
    this.received += chunk.length
  }
  onDrain(): void {}
  onEnd(): void {}
  onClose(kind: string): void {
    this.closed = kind
  }
}

function scene() {
  const world = new World(1)
  const network = new VirtualNetwork(world)
  const server = network.host(SERVER.ip)
  const client = network.host('10.0.0.2')
  return { world, network, server, client }
}

/** Dials the server; what the client's end came to. */
function dial(client: HostNetwork, ear: Ear = new Ear()) {
  const made: { near?: Connection; failed?: string } = {}
  client.dial(SERVER, {
    onOpen: (connection) => {
      made.near = connection
      return ear
    },
    onFail: (why) => (made.failed = why),
  })
  return made
}

describe('processes of one machine', () => {
  it('have sockets of their own: one is killed, and the other goes on', () => {
    const { world, server, client } = scene()
    const processes = [server.fork(1), server.fork(2)]
    const ears = [new Ear(), new Ear()]
    let next = 0
    server.listen(SERVER.port, (connection) => {
      const at = next++
      processes[at].receive(connection as VirtualConnection, () => ears[at])
      return connection.handler
    })
    const clients = [new Ear(), new Ear()]
    const made = clients.map((ear) => dial(client, ear))
    world.runFor(100)
    for (const { near } of made) near?.write(new Uint8Array(10))
    world.runFor(100)
    processes[0].kill()
    world.runFor(100)
    for (const { near } of made) near?.write(new Uint8Array(10))
    world.runFor(100)
    expect(ears.map(({ received }) => received)).toEqual([10, 20])
    expect(clients.map(({ closed }) => closed)).toEqual(['reset', undefined])
  })

  it('never dial from the same port', () => {
    const { world, network, server } = scene()
    const ports: number[] = []
    network.host('10.0.0.9').listen(1, (connection) => {
      ports.push(connection.remote.port)
      return new Ear()
    })
    for (const number of [1, 2])
      server.fork(number).dial({ ip: '10.0.0.9', port: 1 }, { onOpen: () => new Ear(), onFail: () => {} })
    world.runFor(100)
    expect(new Set(ports).size).toBe(2)
  })
})

describe('a process that is stalled', () => {
  it('accepts and hears when it runs again, and loses nothing', () => {
    const { world, server, client } = scene()
    const ear = new Ear()
    let acceptedAt = 0
    server.listen(SERVER.port, () => {
      acceptedAt = world.now
      return ear
    })
    const freeAt = world.now + 2_000
    server.stall(2_000)
    const made = dial(client)
    world.runFor(500)
    made.near?.write(new Uint8Array(70))
    world.runFor(1_000)
    expect(ear.received).toBe(0)
    world.runFor(1_000)
    expect([acceptedAt, ear.received]).toEqual([freeAt, 70])
  })

  it('learns late of what it dialled', () => {
    const { world, server, client } = scene()
    server.listen(SERVER.port, () => new Ear())
    client.stall(1_000)
    const made = dial(client)
    world.runFor(999)
    expect(made).toEqual({})
    world.runFor(1)
    expect(made.near).toBeDefined()
  })
})

describe('links with faults', () => {
  it.each(['dialler', 'listener'] as const)('break at the very byte, at the %s', (end) => {
    const { world, network, server, client } = scene()
    const plan = { latencyMs: 5, windowBytes: 65_536, segmentBytes: 1_000, isChoppy: true, stallMs: 0 }
    for (let bytes = 1; bytes < 80; bytes++) {
      network.plan = () => ({ ...plan, breaksAt: { end, bytes } })
      const ears = { dialler: new Ear(), listener: new Ear() }
      const other = end === 'dialler' ? 'listener' : 'dialler'
      server.unlisten(SERVER.port)
      server.listen(SERVER.port, (connection) => {
        connection.write(new Uint8Array(200))
        return ears.listener
      })
      const made = dial(client, ears.dialler)
      world.runFor(50)
      made.near?.write(new Uint8Array(200))
      world.runFor(1_000)
      expect([ears[end].received, ears[end].closed, ears[other].closed]).toEqual([bytes, 'reset', 'reset'])
    }
  })

  it('let a reader stop for a while', () => {
    const { world, network, server, client } = scene()
    const plan = { latencyMs: 5, windowBytes: 1_000, segmentBytes: 100, isChoppy: false, stallMs: 0 }
    network.plan = () => ({ ...plan, stopsAt: { bytes: 100, forMs: 30_000 } })
    const ear = new Ear()
    let taken = 0
    server.listen(SERVER.port, (connection) => {
      taken = connection.write(new Uint8Array(5_000))
      return new Ear()
    })
    dial(client, ear)
    world.runFor(10_000)
    expect([taken, ear.received]).toEqual([1_000, 100])
    world.runFor(30_000)
    expect(ear.received).toBe(1_000)
  })

  it('tell a dialler of ports that are used up, and of descriptors', () => {
    const { world, server, client } = scene()
    server.listen(SERVER.port, () => new Ear())
    client.dialFault = 'error'
    const first = dial(client)
    world.runFor(100)
    client.heal()
    client.descriptorsMax = 0
    const second = dial(client)
    world.runFor(100)
    expect([first.failed, second.failed]).toEqual(['error', 'descriptors'])
  })

  it('accept and reset where the other end does', () => {
    const { world, network, server, client } = scene()
    const heard: number[] = []
    server.listen(SERVER.port, () => {
      heard.push(world.now)
      return new Ear()
    })
    network.setReachability(SERVER.ip, 'resetting')
    const ear = new Ear()
    dial(client, ear)
    world.runFor(200)
    expect([ear.closed, heard]).toEqual(['reset', []])
  })
})

describe('the clock of a machine', () => {
  it('begins anew with it, and does not know how long it slept', () => {
    const world = new World(1)
    const clock = new MachineClock(world.clock)
    clock.restart(5_000)
    expect([clock.mono(), clock.worldMs(6_000)]).toEqual([5_000, world.now + 1_000])
    world.runUntil(world.now + 700)
    clock.miss(700)
    expect(clock.mono()).toBe(5_000)
    expect(clock.wall()).toBe(world.clock.wall())
  })
})

describe('tickers', () => {
  it('tick in the order of time, whoever was added first', () => {
    const world = new World(1)
    const ticks: string[] = []
    const start = world.now
    const add = (name: string, dueMs: number) => {
      let due: number | undefined = start + dueMs
      const tick = () => {
        ticks.push(`${name} ${world.now - start}`)
        if (world.now >= start + dueMs) due = undefined
      }
      world.addTicker({ everyMs: 50, tick, nextAt: () => due })
    }
    add('late', 300)
    add('early', 100)
    world.at(start + 320, () => ticks.push('event'))
    world.runUntil(start + 330)
    expect(ticks).toEqual(['early 100', 'late 300', 'early 300', 'event'])
  })
})
