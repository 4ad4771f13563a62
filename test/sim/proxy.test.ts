import { describe, expect, it } from 'vitest'
import type { ProxyEvent } from '../../src/core/events.ts'
import type { Connection, Handler } from '../../src/core/ports.ts'
import { concat } from '../../src/core/protocol/bytes.ts'
import { ctr } from '../../src/core/protocol/ctr.ts'
import { makeClientHello } from '../../src/core/protocol/faketls/make-hello.ts'
import { RecordReader, wrappedLength, wrapRecords } from '../../src/core/protocol/faketls/records.ts'
import { decryptInit, makeInit, rawKeys, readInit } from '../../src/core/protocol/obfuscated2.ts'
import { Proxy } from '../../src/core/proxy.ts'
import { DIRECT_ONLY, OPEN_ACCESS, UNGUARDED, type Settings } from '../../src/core/settings.ts'
import { MemoryVault } from '../../src/vault/memory.ts'
import { VirtualNetwork } from '../../sim/world/network.ts'
import { VirtualSharedMemory, VirtualStore } from '../../sim/world/store.ts'
import { World } from '../../sim/world/world.ts'

const KEY = new Uint8Array(16).fill(7)
const DOMAIN = 'www.example.com'
const PAGE = Uint8Array.from({ length: 400 }, (_, at) => at)
type Mode = 'plain' | 'padded' | 'fake-tls'

const settings = (mask: string, modes: readonly Mode[] = ['plain', 'padded', 'fake-tls']): Settings => ({
  listen: {
    proxyProtocol: 'optional',
    proxyProtocolFrom: ['10.0.0.9'],
    firstByteTimeoutMs: 60_000,
    handshakeTimeoutMs: 10_000,
    prewarmTimeoutMs: 300_000,
    drainTimeoutMs: 60_000,
  },
  secrets: [{ id: 1, name: 'a', modes, domain: DOMAIN, onRemove: 'close', access: 'standard', expiresAt: 0 }],
  access: OPEN_ACCESS,
  mask: { host: mask, port: 443, skewSec: 120, maxBytes: 1 << 20, maxTimeMs: 600_000 },
  telegram: { prefer: 'ipv4', connectTimeoutMs: 5_000, socks5: undefined, dc: {}, ...DIRECT_ONLY },
  guard: UNGUARDED,
  relay: { idleTimeoutMs: 900_000, maxLifetimeMs: 0 },
  dns: { staleMs: 86_400_000 },
  memory: { buffersBytes: 64 << 20, perConnectionBytes: 256 << 10, ceilingBytes: 512 << 20 },
})

class Peer implements Handler {
  received: number[] = []
  events: string[] = []
  connection!: Connection
  onData(chunk: Uint8Array): void {
    for (const byte of chunk) this.received.push(byte)
  }
  onDrain(): void {}
  onEnd(): void {
    this.events.push('end')
  }
  onClose(kind: string): void {
    this.events.push(kind)
  }
}

/** A DC that sends back what it is sent, deciphered and enciphered. */
class EchoDc extends Peer {
  #seen: Uint8Array = new Uint8Array(0)
  #ciphers: { up: ReturnType<typeof ctr>; down: ReturnType<typeof ctr> } | undefined
  framing: string | undefined
  override onData(chunk: Uint8Array): void {
    let rest = Uint8Array.from(chunk)
    if (this.#ciphers === undefined) {
      this.#seen = concat(this.#seen, rest)
      if (this.#seen.length < 64) return
      const keys = rawKeys(this.#seen)
      this.framing = readInit(decryptInit(this.#seen, keys.up))?.framing
      this.#ciphers = { up: ctr(keys.up, 64), down: ctr(keys.down) }
      rest = Uint8Array.from(this.#seen.subarray(64))
    }
    this.connection.write(this.#ciphers.down.update(this.#ciphers.up.update(rest)))
  }
  override onEnd(): void {
    this.connection.end()
  }
}

function scene(seed = 1, mask = '10.0.0.3', isVaultLate = false, modes?: readonly Mode[]) {
  const world = new World(seed)
  const network = new VirtualNetwork(world)
  network.plan = () => ({ latencyMs: 5, windowBytes: 30_000, segmentBytes: 5_000, isChoppy: true, stallMs: 20 })
  const host = network.host('10.0.0.1')
  const dcs: EchoDc[] = []
  const sites: Peer[] = []
  network.host('149.154.167.51').listen(443, (connection) => {
    const dc = new EchoDc()
    dc.connection = connection
    dcs.push(dc)
    return dc
  })
  network.host('10.0.0.3').listen(443, (connection) => {
    const site = new Peer()
    connection.write(PAGE)
    site.onEnd = () => connection.end()
    sites.push(site)
    return site
  })
  const vault = new MemoryVault(isVaultLate ? { later: (run) => world.after(3, run) } : {})
  vault.put(1, KEY)
  const events: ProxyEvent[] = []
  const ports = { clock: world.clock, random: world.random('proxy'), network: host, resolver: host, vault }
  const memory = new VirtualSharedMemory()
  const store = new VirtualStore(world)
  const extra = { memory, store, debugBuffers: true, sharesAhead: 2 }
  const proxy = new Proxy({ ...ports, ...extra }, settings(mask, modes), (event) => events.push(event))
  host.listen(443, (connection) => proxy.accept(connection))
  proxy.start([{ ip: '0.0.0.0', port: 443 }])
  world.addTicker({ everyMs: 50, tick: () => proxy.tick(), nextAt: () => proxy.wheel.nextAt() })
  const dial = (bytes: Uint8Array, from = '10.0.0.2'): Peer => {
    const peer = new Peer()
    network.host(from).dial(
      { ip: '10.0.0.1', port: 443 },
      {
        onOpen: (connection) => {
          peer.connection = connection
          if (bytes.length > 0) connection.write(bytes)
          return peer
        },
        onFail: (why) => peer.events.push(why),
      },
    )
    return peer
  }
  const reasons = (kind: 'closed' | 'rejected') =>
    events.flatMap((event) => (event.kind === kind ? [event.reason] : []))
  return { world, network, proxy, dial, dcs, sites, events, reasons }
}

const random = new World(99).random('clients')
const hello = (stamp: number, domain = DOMAIN) => makeClientHello({ random, domain, secret: KEY, stamp }).record

describe.each([false, true])('the proxy in a virtual world, vault answering later: %s', (isLate) => {
  it.each(['plain', 'padded'] as const)('relays a %s client to its DC and back, and ends in order', (mode) => {
    const { world, proxy, dial, dcs, reasons } = scene(1, '10.0.0.3', isLate)
    const framing = mode === 'plain' ? 'intermediate' : 'padded'
    const init = makeInit({ random, framing, dc: 2, secret: KEY })
    const data = Uint8Array.from({ length: 20_000 }, (_, at) => at * 7)
    const peer = dial(concat(init.wire, ctr(init.up, 64).update(data)))
    world.runFor(60_000)
    expect(dcs[0].framing).toBe(framing)
    expect([...ctr(init.down).update(Uint8Array.from(peer.received))]).toEqual([...data])
    peer.connection.end()
    world.runFor(10_000)
    expect(reasons('closed')).toEqual(['eof'])
    expect([proxy.open, proxy.pool.leases]).toEqual([0, 0])
  })

  it('relays a fake-TLS client that was silent for minutes', () => {
    const { world, dial, reasons, proxy } = scene(2, '10.0.0.3', isLate)
    const peer = dial(hello(world.clock.wall()))
    world.runFor(200_000)
    const answer = peer.received.length
    expect(answer).toBeGreaterThan(127)
    const init = makeInit({ random, framing: 'padded', dc: -2, secret: KEY, isInsideTls: true })
    const data = random.bytes(9_000)
    const payload = concat(init.wire, ctr(init.up, 64).update(data))
    const records = new Uint8Array(wrappedLength(payload.length))
    wrapRecords(payload, records)
    peer.connection.write(concat(Uint8Array.of(0x14, 3, 3, 0, 1, 1), records))
    world.runFor(60_000)
    const echoed = new RecordReader({ isClient: true }).push(Uint8Array.from(peer.received.slice(answer)))
    expect([...ctr(init.down).update(echoed ?? new Uint8Array(0))]).toEqual([...data])
    expect([...proxy.inspect()]).toEqual([{ stage: 'relay', isArmed: true, level: 'standard', waitingBytes: 0 }])
    world.runFor(1_000_000)
    expect(reasons('closed')).toEqual(['idle'])
  })

  it('sends a replayed hello, a skewed one and an altered one to the mask host, every byte of it', () => {
    const { world, dial, sites, reasons, dcs } = scene(3, '10.0.0.3', isLate)
    const first = hello(world.clock.wall())
    dial(first)
    world.runFor(1_000)
    const altered = first.slice()
    altered[20] ^= 1
    const restamped = first.slice()
    restamped[42 - 3] ^= 1
    const bad = [first, hello(world.clock.wall() - 121), altered, restamped, hello(world.clock.wall(), 'other.example')]
    const before = sites.length
    const peers = bad.map((bytes) => dial(bytes))
    world.runFor(5_000)
    for (const peer of peers) expect(peer.received).toEqual([...PAGE])
    const seen = sites.slice(before).map((site) => site.received.join())
    for (const bytes of bad) expect(seen).toContain([...bytes].join())
    expect(reasons('rejected').sort()).toEqual(['bad-digest', 'replay', 'replay', 'skew', 'sni-mismatch'])
    expect(dcs).toEqual([])
  })
})

describe('the proxy in a virtual world', () => {
  it('discards without a word where there is no mask host, and ends in order', () => {
    const { world, dial, reasons } = scene(4, 'nowhere.invalid')
    const peers = [dial(Uint8Array.of(0x16, 3, 1, 0, 0)), dial(new TextLike('GET / HTTP/1.1\r\n\r\n').bytes)]
    world.runFor(200_000)
    for (const peer of peers) expect([peer.received, peer.events[0]]).toEqual([[], 'end'])
    expect(reasons('closed')).toEqual(['discarded', 'discarded'])
  })

  it('hands silence to the mask host when nothing came in time, and what came when it was too little', () => {
    const { world, dial, reasons } = scene(5)
    dial(new Uint8Array(0))
    dial(Uint8Array.of(1, 2, 3))
    world.runFor(90_000)
    expect(reasons('rejected').sort()).toEqual(['first-byte-timeout', 'handshake-timeout'])
  })

  it('reads and discards what is no init behind a good hello', () => {
    const { world, dial, reasons } = scene(6)
    const peer = dial(hello(world.clock.wall()))
    world.runFor(1_000)
    peer.connection.write(Uint8Array.of(1, 2, 3))
    world.runFor(200_000)
    expect(reasons('closed')).toEqual(['bad-init'])
    expect(peer.events[0]).toBe('end')
  })

  it('refuses an unknown DC, gives up on one out of reach, and leaves that alone for a while', () => {
    const { world, network, dial, reasons } = scene(7)
    network.setReachability('149.154.167.51', 'refusing')
    network.setReachability('95.161.76.100', 'black-hole')
    let attempts = 0
    network.onDial = (_from, to) => (attempts += Number(to.ip.startsWith('149.') || to.ip.startsWith('95.')))
    dial(makeInit({ random, framing: 'padded', dc: 77, secret: KEY }).wire)
    for (let i = 0; i < 20; i++) dial(makeInit({ random, framing: 'padded', dc: 2, secret: KEY }).wire)
    world.runFor(20_000)
    expect(reasons('closed').filter((reason) => reason === 'unknown-dc')).toHaveLength(1)
    expect(reasons('closed').filter((reason) => reason === 'dial-failed')).toHaveLength(20)
    for (let i = 0; i < 20; i++) dial(makeInit({ random, framing: 'padded', dc: 2, secret: KEY }).wire)
    const before = attempts
    world.runFor(100)
    expect(attempts - before).toBeLessThanOrEqual(4)
  })

  it('believes the PROXY header of a trusted balancer', () => {
    const { world, dial, events } = scene(8)
    dial(new TextLike('PROXY TCP4 192.0.2.44 10.0.0.1 1000 443\r\nGET / HTTP/1.1\r\n').bytes, '10.0.0.9')
    world.runFor(1_000)
    expect(events).toContainEqual(
      expect.objectContaining({ kind: 'rejected', client: { ip: '192.0.2.44', port: 1000 } }),
    )
  })

  it('drains: live relays run on to the deadline, then everything is closed once', () => {
    const { world, proxy, dial, reasons } = scene(9)
    dial(makeInit({ random, framing: 'padded', dc: 2, secret: KEY }).wire)
    dial(new Uint8Array(0))
    world.runFor(5_000)
    let drained = 0
    proxy.drain(() => drained++)
    world.runFor(50_000)
    expect([drained, proxy.open]).toEqual([0, 2])
    world.runFor(15_000)
    expect([drained, proxy.open, proxy.pool.leases]).toEqual([1, 0, 0])
    expect(reasons('closed')).toEqual(['drain', 'drain'])
  })

  it('closes the connections of a secret that was removed so', () => {
    const { world, proxy, dial, reasons } = scene(10)
    dial(makeInit({ random, framing: 'padded', dc: 2, secret: KEY }).wire)
    world.runFor(5_000)
    proxy.apply({ ...settings('10.0.0.3'), secrets: [] })
    expect(reasons('closed')).toEqual(['secret-removed'])
  })

  it('ends the session that an operator means, in the relay and in front of it, and tells of all that are open', () => {
    const { world, proxy, dial, reasons } = scene(10)
    const relayed = dial(makeInit({ random, framing: 'padded', dc: 2, secret: KEY }).wire)
    world.runFor(5_000)
    const silent = dial(new Uint8Array(0))
    const other = dial(makeInit({ random, framing: 'padded', dc: 2, secret: KEY }).wire)
    world.runFor(5_000)
    const told = [...proxy.sessions].map(({ id, user, mode, dc, way, stage }) => [id, user, mode, dc, way, stage.name])
    expect(told).toEqual([
      [1, 'a', 'padded', 2, 'direct', 'relay'],
      [2, undefined, undefined, undefined, undefined, 'hello'],
      [3, 'a', 'padded', 2, 'direct', 'relay'],
    ])
    expect(proxy.kill(({ id }) => id === 1)).toBe(1)
    expect(reasons('closed')).toEqual(['killed'])
    expect(proxy.kill(({ user }) => user === undefined)).toBe(1)
    world.runFor(10_000)
    expect(reasons('closed')).toEqual(['killed', 'killed'])
    expect([relayed.events, silent.events, other.events]).toEqual([['end'], ['end'], []])
    expect(proxy.open).toBe(1)
  })

  it('ends them in order in front of the relay too, over bytes that nobody has read', () => {
    const { world, proxy, dial, reasons } = scene(10)
    const peer = dial(hello(world.clock.wall()))
    world.runFor(5_000)
    proxy.apply({ ...settings('10.0.0.3'), secrets: [] })
    peer.connection.write(new Uint8Array(9_000))
    world.runFor(10_000)
    expect([peer.events, reasons('closed')]).toEqual([['end'], ['secret-removed']])
  })
})

/** ASCII text as bytes. */
class TextLike {
  readonly bytes: Uint8Array
  constructor(text: string) {
    this.bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0))
  }
}
