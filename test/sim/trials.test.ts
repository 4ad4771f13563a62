import { describe, expect, it } from 'vitest'
import type { ProxyEvent } from '../../src/core/events.ts'
import { REFILL_MS, TRIALS_BURST } from '../../src/core/guard/trials.ts'
import type { Connection, Handler } from '../../src/core/ports.ts'
import { makeInit } from '../../src/core/protocol/obfuscated2.ts'
import { Proxy } from '../../src/core/proxy.ts'
import { DIRECT_ONLY, OPEN_ACCESS, UNGUARDED, type Settings } from '../../src/core/settings.ts'
import { checkTrials } from '../../sim/checkers/i06-trials.ts'
import type { Scene } from '../../sim/scenarios/scene.ts'
import { VirtualNetwork } from '../../sim/world/network.ts'
import { VirtualSharedMemory, VirtualStore } from '../../sim/world/store.ts'
import { World } from '../../sim/world/world.ts'
import { MemoryVault } from '../../src/vault/memory.ts'

const SECRETS = 300
const WORKERS = 2
const keyOf = (id: number) => new Uint8Array(16).fill(1).map((_, at) => (at < 2 ? id >> (8 * at) : 7))

const SETTINGS: Settings = {
  listen: {
    ...{ proxyProtocol: 'off', proxyProtocolFrom: [], firstByteTimeoutMs: 60_000, handshakeTimeoutMs: 10_000 },
    ...{ prewarmTimeoutMs: 300_000, drainTimeoutMs: 60_000 },
  },
  secrets: Array.from({ length: SECRETS }, (_, at) => ({
    ...{ id: at + 1, name: `u${at + 1}`, modes: ['padded'], domain: '', onRemove: 'drain', expiresAt: 0 },
    access: 'standard',
  })),
  access: OPEN_ACCESS,
  mask: { host: '10.0.0.3', port: 443, skewSec: 120, maxBytes: 1 << 20, maxTimeMs: 600_000 },
  telegram: { prefer: 'ipv4', connectTimeoutMs: 5_000, socks5: undefined, dc: {}, ...DIRECT_ONLY },
  guard: UNGUARDED,
  relay: { idleTimeoutMs: 900_000, maxLifetimeMs: 0 },
  dns: { staleMs: 86_400_000 },
  memory: { buffersBytes: 64 << 20, perConnectionBytes: 256 << 10, ceilingBytes: 512 << 20 },
}

class Silent implements Handler {
  onData(): void {}
  onDrain(): void {}
  onEnd(): void {}
  onClose(): void {}
}

/** Two workers of one program; connections go to one and the other in turn. */
function scene(vaultMs: number) {
  const world = new World(1)
  const network = new VirtualNetwork(world)
  const host = network.host('10.0.0.1')
  network.host('149.154.167.51').listen(443, () => new Silent())
  const vault = new MemoryVault(vaultMs === 0 ? {} : { later: (run) => world.after(vaultMs, run) })
  for (let id = 1; id <= SECRETS; id++) vault.put(id, keyOf(id))
  const violations: string[] = []
  const checker = checkTrials({ world } as unknown as Scene, (what) => violations.push(what))
  const events: ProxyEvent[] = []
  const memory = new VirtualSharedMemory()
  const store = new VirtualStore(world)
  const proxies = Array.from({ length: WORKERS }, (_, column) => {
    const ports = { clock: world.clock, random: world.random(`proxy ${column}`), network: host, resolver: host, vault }
    const place = { worker: { column, columns: WORKERS }, keepsBans: column === 0 }
    const proxy = new Proxy({ ...ports, ...place, memory, store, sharesAhead: 2 }, SETTINGS, (event) => {
      events.push(event)
      checker.onEvent?.(event, column)
    })
    proxy.start([{ ip: '0.0.0.0', port: 443 }])
    world.addTicker({ everyMs: 50, tick: () => proxy.tick(), nextAt: () => proxy.wheel.nextAt() })
    return proxy
  })
  let turn = 0
  host.listen(443, (connection) => proxies[turn++ % WORKERS].accept(connection))
  const send = (bytes: Uint8Array, from: string) => {
    const onOpen = (connection: Connection) => {
      connection.write(bytes)
      return new Silent()
    }
    network.host(from).dial({ ip: '10.0.0.1', port: 443 }, { onOpen, onFail: () => {} })
  }
  const random = world.random('clients')
  const garbage = (from: string) => send(random.fill(new Uint8Array(64)), from)
  const honest = (id: number, from: string) =>
    send(makeInit({ random, framing: 'padded', dc: 2, secret: keyOf(id) }).wire, from)
  const known = () => events.flatMap((event) => (event.kind === 'authenticated' ? [event.secret] : []))
  const rejected = () => events.flatMap((event) => (event.kind === 'rejected' ? [event] : []))
  return { world, checker, violations, garbage, honest, known, rejected }
}

describe.each([0, 40])('secret guessing at two workers, the vault answering after %i ms', (vaultMs) => {
  it('costs no more trials than one budget, and others nothing', () => {
    const { world, violations, garbage, honest, known, rejected } = scene(vaultMs)
    honest(250, '192.0.2.200')
    world.runFor(1_000)
    for (let i = 0; i < 100; i++) world.after(20 * i, () => garbage(`192.0.2.${i % 50}`))
    world.runFor(2_500)
    // Whom the prefix knew last, and those elsewhere.
    honest(250, '192.0.2.200')
    honest(200, '192.0.3.200')
    world.runFor(2_000)
    expect(known()).toEqual([250, 250, 200])
    const spent = rejected().reduce((sum, { trials }) => sum + trials, 0)
    expect(rejected()).toHaveLength(100)
    expect(spent).toBeGreaterThan(TRIALS_BURST)
    // One is tried always: the one that the prefix used last.
    expect(spent).toBeLessThanOrEqual(100 + TRIALS_BURST + (2_000 * TRIALS_BURST) / REFILL_MS)
    expect(new Set(rejected().map(({ reason }) => reason))).toEqual(new Set(['trial-budget']))
    expect(violations).toEqual([])
  })
})

describe('the checker of I6', () => {
  const event = (ip: string, trials: number): ProxyEvent => ({
    kind: 'rejected',
    ...{ connection: 1, client: { ip, port: 1 }, reason: 'bad-digest', trials },
  })

  it('sees what one prefix costs beyond its budget, and forgives with time', () => {
    const { world, checker, violations } = scene(0)
    checker.onEvent?.(event('192.0.2.1', 200), 0)
    checker.onEvent?.(event('192.0.3.1', 200), 0)
    world.runFor(8_000)
    checker.onEvent?.(event('192.0.2.9', 200), 0)
    expect(violations).toEqual([])
    checker.onEvent?.(event('192.0.2.7', 100), 0)
    expect(violations).toEqual(['290 trials of 192.0.2 were not in its budget'])
  })
})
