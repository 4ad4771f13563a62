import type { ProxyEvent } from '../src/core/events.ts'
import { UNGUARDED } from '../src/core/settings.ts'
import { PrefixCipher } from '../src/observe/trace/prefix-cipher.ts'
import { TraceRecorder } from '../src/observe/trace/recorder.ts'

const CONNECTIONS = 50_000
const ROUNDS = 8

/** What one served connection costs the recorder, in microseconds: seven events, and a block of 32 KB now and then to nobody. */
export function recorderUs(): number {
  const recorder = new TraceRecorder({
    sink: { begin: () => {}, write: () => true },
    cipher: new PrefixCipher(new Uint8Array(32).fill(7)),
    about: { version: 'bench', worker: 0, run: '0'.repeat(16), keyId: '0'.repeat(16) },
    mono: () => performance.now(),
    wall: () => 0,
    rotateBytes: Infinity,
    standing: {
      config: {
        ...{ digest: '0'.repeat(16), guard: UNGUARDED, users: [] },
        access: { default: 'standard', allow: [], deny: [], rules: [], lists: [] },
      },
      users: new Map([[1, 0]]),
    },
    bans: () => [],
  })
  let best = Infinity
  for (let round = 0; round < ROUNDS; round++) {
    const from = performance.now()
    for (let connection = 0; connection < CONNECTIONS; connection++)
      for (const event of eventsOf(connection)) recorder.emit(event)
    best = Math.min(best, (performance.now() - from) / CONNECTIONS)
  }
  return 1000 * best
}

function eventsOf(connection: number): readonly ProxyEvent[] {
  const client = { ip: `198.51.${(connection >> 8) & 255}.${connection & 255}`, port: 1024 }
  return [
    { kind: 'accepted', connection, client },
    { kind: 'judged', connection, client, level: 'standard', refusal: undefined },
    { kind: 'greeted', connection, refusal: undefined },
    { kind: 'entered', connection, client, secret: 1 },
    { kind: 'authenticated', connection, mode: 'fake-tls', secret: 1, dc: 2 },
    { kind: 'relaying', connection, dc: 2, way: 'direct', waitMs: 20 },
    {
      ...{ kind: 'closed', connection, client, reason: 'eof', outcome: 'relayed' },
      ...{ fromClientBytes: 2_000, toClientBytes: 300_000, ageMs: 40_000 },
    },
  ]
}
