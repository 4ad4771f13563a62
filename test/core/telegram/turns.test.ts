import { fc, test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'
import { BufferPool } from '../../../src/core/memory/pool.ts'
import { TimerWheel } from '../../../src/core/memory/wheel.ts'
import type { Connection } from '../../../src/core/ports.ts'
import { read32le, write32le } from '../../../src/core/protocol/bytes.ts'
import { endpointOf, readProxySecret } from '../../../src/core/protocol/rpc/index.ts'
import { MiddleLink, type LinkClient, type LinkSlot } from '../../../src/core/telegram/middle/link.ts'
import { SimulatedMiddleProxy } from '../../../sim/telegram/middle-proxy.ts'
import { VirtualNetwork } from '../../../sim/world/network.ts'
import { World } from '../../../sim/world/world.ts'

/** I26: a link that is congested gives turns to those that wait, round after round. */

const MIDDLE = { ip: '10.0.0.7', port: 8888 }
const PROXY = { ip: '10.0.0.1', port: 443 }
const RUN_MS = 20_000
/** Most that one client leaves with the proxy: about a read. */
const HELD_BYTES = 64 << 10
/** As the link gives it out (core/telegram/middle/link.ts). */
const QUANTUM_BYTES = 16 << 10

const REQUEST = {
  ...({ kind: 'proxy-req', framing: 'padded', quickAck: false } as const),
  ...{ client: endpointOf({ ip: '10.1.0.1', port: 1 }), own: endpointOf(PROXY) },
}

/** Sends what it has when the link has room or it is its turn, as the relay does; remembers who came between. */
class Sender implements LinkClient {
  readonly name: number
  readonly turns = new Map<Sender, number>()
  isWaiting = false
  sentInTurns = 0
  sequence = 0
  pendingBytes = 0
  readonly #pending: Uint8Array[] = []
  readonly #link: MiddleLink
  readonly #others: readonly Sender[]
  readonly #slot: LinkSlot
  /** Refills what it has, when it never ends asking. */
  onTaken: () => void = () => {}

  constructor(link: MiddleLink, others: Sender[]) {
    this.#link = link
    this.#others = others
    this.name = others.push(this) - 1
    this.#slot = link.attach(this)
  }

  offer(bytes: number): void {
    const message = new Uint8Array(bytes).fill(1)
    write32le(message, 8, this.name)
    write32le(message, 12, this.sequence++)
    this.#pending.push(message)
    this.pendingBytes += bytes
    this.#goOn()
  }

  onTurn(quantumBytes: number): void {
    expect(quantumBytes).toBe(QUANTUM_BYTES)
    this.isWaiting = false
    this.turns.clear()
    for (const other of this.#others) {
      if (!other.isWaiting) continue
      const turns = (other.turns.get(this) ?? 0) + 1
      other.turns.set(this, turns)
      expect(turns, `${other.name} waits while ${this.name} has turns`).toBeLessThanOrEqual(2)
    }
    this.sentInTurns += this.#send(quantumBytes)
    this.onTaken()
    this.#goOn()
  }
  onAnswer(): void {}
  onQuickAck(): void {}
  onAnswersEnd(): void {}
  onCloseExt(): void {}
  onLinkLost(): void {
    expect.unreachable('the link stays')
  }

  #goOn(): void {
    if (this.isWaiting || this.#pending.length === 0) return
    if (!this.#link.isCongested) {
      this.#send(Infinity)
      return
    }
    this.isWaiting = true
    this.#link.waitForTurn(this.#slot)
  }

  #send(quantumBytes: number): number {
    const before = this.pendingBytes
    while (this.#pending.length > 0 && before - this.pendingBytes < quantumBytes) {
      const message = this.#pending.shift()!
      this.pendingBytes -= message.length
      this.#link.add({ ...REQUEST, connection: BigInt(this.#slot.id), message })
    }
    this.#link.send()
    return before - this.pendingBytes
  }
}

function scene(clients: number) {
  const world = new World(1)
  const network = new VirtualNetwork(world)
  network.plan = () => ({ latencyMs: 5, windowBytes: 40_000, segmentBytes: 9_000, isChoppy: true, stallMs: 0 })
  const { clock, after } = world
  const secret = readProxySecret(world.random('secret').bytes(64))
  if ('fault' in secret) throw new Error(secret.fault)
  /** What came, in order: who, and which of its messages. */
  const came: [number, number][] = []
  const backend = {
    open: () => ({ take: (packet: Uint8Array) => void came.push([read32le(packet, 8), read32le(packet, 12)]) }),
  }
  const middle = new SimulatedMiddleProxy({ clock, random: world.random('middle'), after, secret, dc: 2, backend })
  let far: Connection | undefined
  network.host(MIDDLE.ip).listen(MIDDLE.port, (connection) => middle.accept((far = connection)))
  const wheel = new TimerWheel(world.now)
  world.addTicker({ everyMs: 50, tick: () => wheel.advance(world.now), nextAt: () => wheel.nextAt() })
  let link: MiddleLink | undefined
  network.host(PROXY.ip).dial(MIDDLE, {
    onOpen(connection) {
      const { local } = connection
      link = new MiddleLink({
        ...{ connection, secret, clock, wheel, run: { pid: 1, startedSec: 1 } },
        ownAddress: (use) => use({ ip: local.ip, local: local.ip, source: 'interface' }),
        random: world.random('link'),
        pool: new BufferPool({ ceilingBytes: 256 << 20, debug: true }),
        ...{ onOpen() {}, onClosed() {} },
      })
      link.begin()
      return link
    },
    onFail: (why) => expect.unreachable(why),
  })
  world.until(() => link?.isOpen === true, 1_000)
  const senders: Sender[] = []
  for (let i = 0; i < clients; i++) new Sender(link!, senders)
  return { world, came, senders, link: link!, far: far! }
}

const arbTime = fc.nat(RUN_MS)
const arbDemands = fc.array(fc.tuple(fc.nat(5), arbTime, fc.integer({ min: 1, max: 15_000 })), {
  minLength: 20,
  maxLength: 150,
})
const arbStops = fc.array(fc.tuple(arbTime, fc.integer({ min: 1, max: 2_000 })), { maxLength: 10 })

describe('turns on a link', () => {
  test.prop([arbDemands, arbStops], { numRuns: 25 })(
    'come round, and nothing is lost or comes twice',
    (demands, stops) => {
      const { world, came, senders, far } = scene(6)
      for (const [client, atMs, words] of demands) world.after(atMs, () => senders[client].offer(16 + 4 * words))
      for (const [atMs, forMs] of stops) {
        world.after(atMs, () => far.pause())
        world.after(atMs + forMs, () => far.resume())
      }
      world.runFor(RUN_MS + 60_000)
      for (const { name, sequence, isWaiting } of senders) {
        expect(isWaiting).toBe(false)
        expect(came.filter(([who]) => who === name).map(([, which]) => which)).toEqual([...Array(sequence).keys()])
      }
    },
  )

  test.prop([fc.integer({ min: 2, max: 6 }), fc.integer({ min: 300, max: 8_000 })], { numRuns: 10 })(
    'give those who never have enough equal shares',
    (clients, words) => {
      const { world, senders } = scene(clients)
      const bytes = 4 * words
      for (const sender of senders) {
        sender.onTaken = () => {
          while (sender.pendingBytes < HELD_BYTES) sender.offer(bytes)
        }
      }
      // Until all of them wait; from then on everything goes by turns.
      for (let i = 0; senders.some(({ isWaiting }) => !isWaiting); i++) senders[i % clients].offer(bytes)
      world.runFor(500)
      const sent = senders.map(({ sentInTurns }) => sentInTurns)
      expect(Math.min(...sent)).toBeGreaterThan(2 * QUANTUM_BYTES)
      expect(Math.max(...sent) - Math.min(...sent)).toBeLessThanOrEqual(QUANTUM_BYTES + bytes)
    },
  )
})
