/**
 * Measures one decision on a new connection (its level among 200,000 prefixes, then the guard with a full table of 262,144
 * sources), alone in this process. See docs/benchmarks.md.
 *
 *   npm run bench:guard        (both runtimes)
 */
import { AccessRules } from '../src/core/guard/access/index.ts'
import { Lease } from '../src/core/guard/lease.ts'
import { Guard } from '../src/core/guard/guard.ts'
import { TimerWheel } from '../src/core/memory/wheel.ts'
import { OPEN_ACCESS, UNGUARDED, type GuardSettings } from '../src/core/settings.ts'
import { SeededRandom } from '../sim/world/random.ts'
import { VirtualSharedMemory } from '../sim/world/store.ts'
import { World } from '../sim/world/world.ts'

const PREFIXES = 200_000
const SOURCES = 262_144
const HONEST = 50_000
const SPOOFED = 600_000
const ROUNDS = 12

const runtime = typeof Bun === 'undefined' ? `node ${process.versions.node}` : `bun ${Bun.version}`
const random = new SeededRandom(1, 'bench')
const ip = () => `${random.between(1, 223)}.${random.below(256)}.${random.below(256)}.${random.below(256)}`
const world = new World(1)
const settings: GuardSettings = {
  ...UNGUARDED,
  isEnabled: true,
  tableEntries: SOURCES,
  newTotal: { perSec: 1e7, burst: 1e7 },
}
let nowMs = 1_000_000
const guard = new Guard({
  ...{ memory: new VirtualSharedMemory(), random, worker: { column: 0, columns: 2 }, emit: () => {} },
  ...{ settings: () => settings, entries: SOURCES, nowMs },
})
const deny = Array.from({ length: PREFIXES }, () => `${ip()}/${random.between(20, 32)}`)
const { clock } = world
const access = new AccessRules(
  {
    ...{ clock, random, emit: () => {}, wheel: new TimerWheel(0) },
    fetcher: { fetch: (_source, _max, reply) => reply({ why: 'none' }) },
    store: { get: (_key, reply) => reply(undefined), put: (_key, _value, reply) => reply?.(true), delete: () => {} },
  },
  { ...OPEN_ACCESS, deny },
)
const lease = new Lease()
let admitted = 0

/** As a session does it, up to the first byte, and its end. */
function decide(client: string): void {
  const level = access.levelOf(client)
  if (guard.admit(client, lease, level, nowMs) === undefined) admitted++
  guard.release(lease)
  lease.refusal = undefined
  lease.isExcess = false
}

function measure(name: string, clients: readonly string[]): void {
  let best = Infinity
  let bytes = Infinity
  for (let round = 0; round < ROUNDS; round++) {
    nowMs += 60_000
    collect()
    const heap = heapBytes()
    const from = performance.now()
    for (const client of clients) decide(client)
    best = Math.min(best, (performance.now() - from) / clients.length)
    bytes = Math.min(bytes, (heapBytes() - heap) / clients.length)
  }
  console.log(
    `${runtime}: ${name}: ${(best * 1e6).toFixed(0)} ns a decision, ${Math.max(0, bytes).toFixed(2)} bytes of heap`,
  )
}

function collect(): void {
  if (typeof Bun === 'undefined') (globalThis as { readonly gc?: () => void }).gc?.()
  else Bun.gc(true)
}

function heapBytes(): number {
  return process.memoryUsage().heapUsed
}

const spoofed = Array.from({ length: SPOOFED }, ip)
const honest = spoofed.slice(0, HONEST)
for (const client of spoofed) decide(client)
// Behind the strangers, so that they are still there.
for (const client of honest) {
  guard.admit(client, lease, 'standard', nowMs)
  guard.authenticated(client, lease, nowMs)
  guard.release(lease)
}
measure('honest, known sources', honest)
measure('flood of spoofed sources', spoofed)
console.log(`${runtime}: ${((100 * admitted) / (ROUNDS * (HONEST + SPOOFED) + SPOOFED)).toFixed(0)} % admitted`)
