/**
 * Measures how long a recorded day takes to be played against another configuration: 100,000 connections of 8,000 sources, written and
 * read as files are. See docs/benchmarks.md.
 *
 *   node bench/replay.ts [CONNECTIONS]        (or bun)
 */
import type { ProxyEvent } from '../src/core/events.ts'
import { OPEN_ACCESS, UNGUARDED, type SecretSettings, type Settings } from '../src/core/settings.ts'
import { PrefixCipher } from '../src/observe/trace/prefix-cipher.ts'
import { TraceReader } from '../src/observe/trace/reader.ts'
import { recordConfig } from '../src/observe/trace/recorded.ts'
import { TraceRecorder } from '../src/observe/trace/recorder.ts'
import type { TraceRecord } from '../src/observe/trace/layout.ts'
import { timelineOf } from '../sim/replay/timeline.ts'
import { whatIf } from '../sim/replay/what-if.ts'
import { SeededRandom } from '../sim/world/random.ts'

const DAY_MS = 86_400_000
const SOURCES = 8_000
const CONNECTIONS = Number(process.argv[2] ?? 100_000)

const guard = { ...UNGUARDED, isEnabled: true, tableEntries: 262_144 }
const user: SecretSettings = {
  ...{ id: 1, name: 'family', modes: ['fake-tls'], domain: 'www.example.com', onRemove: 'drain', expiresAt: 0 },
  ...{ access: 'standard', limits: { connectionsMax: 0, addressesMax: 0, bytesPerSec: 0, quota: undefined } },
}
// A replay looks at no other part of the settings.
const settings = { guard, access: OPEN_ACCESS, secrets: [user] } as unknown as Settings
const cipher = new PrefixCipher(new Uint8Array(32).fill(7))
const runtime = typeof Bun === 'undefined' ? `node ${process.versions.node}` : `bun ${Bun.version}`

const file = recordDay()
const began = performance.now()
const records: TraceRecord[] = []
const reader = new TraceReader((record) => records.push(record))
reader.push(file)
const [first] = records
if (first.kind !== 'start' || reader.end().kind !== 'whole') throw new Error('the day is not whole')
const timeline = timelineOf([{ start: first.start, records }], (ip) => cipher.decrypt(ip))
const readMs = performance.now() - began
const stricter = { ...settings, guard: { ...guard, connectionsPerIp: 2, credit: 1 } }
const report = whatIf({ timeline, next: stricter, hasKey: true, notes: [] })
const wholeMs = performance.now() - began
console.log(
  `${runtime}: ${report.connections} connections of ${report.sources} sources in ${(file.length / 1e6).toFixed(1)} MB: ` +
    `read in ${(readMs / 1000).toFixed(1)} s, played twice and compared in ${((wholeMs - readMs) / 1000).toFixed(1)} s ` +
    `(newly refused: ${report.newlyRefused.map(({ connections }) => connections).join()})`,
)

/** Arrivals and ends in the order of time; one in four is a stranger. */
function recordDay(): Uint8Array {
  const random = new SeededRandom(1, 'day')
  const events: { readonly atMs: number; readonly event: ProxyEvent }[] = []
  for (let connection = 1; connection <= CONNECTIONS; connection++) {
    const source = random.below(SOURCES)
    const client = { ip: `20.${source >> 8}.${source & 255}.1`, port: 1 }
    const atMs = random.below(DAY_MS)
    const ageMs = random.between(500, 600_000)
    const add = (afterMs: number, event: ProxyEvent) => events.push({ atMs: atMs + afterMs, event })
    add(0, { kind: 'judged', connection, client, level: 'standard', refusal: undefined })
    add(40, { kind: 'greeted', connection, refusal: undefined })
    const isClient = random.chance(3, 4)
    if (isClient) {
      add(40, { kind: 'entered', connection, client, secret: 1 })
      add(80, { kind: 'authenticated', connection, mode: 'fake-tls', secret: 1, dc: 2 })
      add(120, { kind: 'relaying', connection, dc: 2, way: 'direct', waitMs: 40 })
    } else add(40, { kind: 'rejected', connection, client, reason: 'bad-digest', trials: 1 })
    add(ageMs, {
      ...{ kind: 'closed', connection, client, reason: isClient ? 'eof' : 'masked' },
      ...{ outcome: isClient ? 'relayed' : 'masked', fromClientBytes: 4_000, toClientBytes: 900_000, ageMs },
    })
  }
  events.sort((a, b) => a.atMs - b.atMs)
  return written(events)
}

function written(events: readonly { readonly atMs: number; readonly event: ProxyEvent }[]): Uint8Array {
  const parts: Uint8Array[] = []
  let nowMs = 0
  const recorder = new TraceRecorder({
    sink: { begin: (head) => parts.push(head), write: (block) => parts.push(block) > 0 },
    ...{ cipher, mono: () => nowMs, wall: () => 1_790_000_000, rotateBytes: Infinity, bans: () => [] },
    about: { version: 'bench', worker: 0, run: '0'.repeat(16), keyId: '0'.repeat(16) },
    standing: {
      config: recordConfig(
        settings,
        (ip) => cipher.encrypt(ip),
        () => 0,
      ),
      users: new Map([[1, 0]]),
    },
  })
  for (const { atMs, event } of events) {
    nowMs = atMs
    recorder.emit(event)
  }
  recorder.end()
  return Buffer.concat(parts)
}
