/**
 * Measures the CPU time that the real program spends on a connection that is turned away, beside one of an honest client that
 * gets through to Telegram and leaves. See docs/benchmarks.md.
 *
 *   node bench/refused.ts [--runtime bun|node]
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { DOMAIN, makeOpening } from './load/opening.ts'
import type { RuntimeName } from './report.ts'
import { startConfigured } from './subjects.ts'
import { cpuMs } from './usage.ts'

const CONNECTIONS = 1_500
const AT_A_TIME = 16
const ROUNDS = 5
const GARBAGE_BYTES = 300
/** What the mask site says to garbage, and a DC to an init. */
const SITE_SAYS = Buffer.alloc(400, 'x')
const DC_SAYS = Buffer.alloc(96, 1)
const BANNED = '127.9.9.9'
/** So many failures and it is banned. */
const UNTIL_BANNED = 120
const SETTLE_MS = 300

type Kind = 'honest' | 'garbage' | 'banned'
/** What comes, and what a refused source gets. */
const PHASES: readonly { readonly kind: Kind; readonly onRefuse: 'mask' | 'drop' }[] = [
  { kind: 'honest', onRefuse: 'mask' },
  { kind: 'garbage', onRefuse: 'mask' },
  { kind: 'banned', onRefuse: 'mask' },
  { kind: 'banned', onRefuse: 'drop' },
]

const { runtime: wanted } = parseArgs({ options: { runtime: { type: 'string' } } }).values
for (const runtime of ['bun', 'node'] as const) if (wanted === undefined || wanted === runtime) await measure(runtime)

async function measure(runtime: RuntimeName): Promise<void> {
  const site = await serve(SITE_SAYS, true)
  const dc = await serve(DC_SAYS, false)
  let honestMs = 0
  for (const { kind, onRefuse } of PHASES) {
    const folder = mkdtempSync(join(tmpdir(), 'palisade-refused-'))
    const subject = await startConfigured(runtime, folder, configFor(portOf(site), portOf(dc), onRefuse))
    if (kind === 'banned') await all(UNTIL_BANNED, () => once(subject.port, 'garbage', BANNED))
    const each: number[] = []
    for (let round = 0; round <= ROUNDS; round++) {
      const before = cpuMs(subject.pid)
      await all(CONNECTIONS, (at) => once(subject.port, kind, kind === 'banned' ? BANNED : sourceOf(round, at)))
      await sleep(SETTLE_MS)
      if (round > 0) each.push((cpuMs(subject.pid) - before) / CONNECTIONS)
    }
    await subject.stop()
    rmSync(folder, { recursive: true, force: true })
    const median = each.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)]
    if (kind === 'honest') honestMs = median
    const name = kind === 'banned' ? `banned, on_refuse = "${onRefuse}"` : kind
    console.log(
      `${runtime}: ${name.padEnd(28)} ${(1000 * median).toFixed(0)} us, ${(median / honestMs).toFixed(2)} of an honest one`,
    )
  }
  site.close()
  dc.close()
}

function configFor(sitePort: number, dcPort: number, onRefuse: string): string {
  return `
[listen]
address = ["127.0.0.1:0"]
[[secret]]
name = "bench"
key = "00112233445566778899aabbccddeeff"
domain = "${DOMAIN}"
[mask]
host = "127.0.0.1"
port = ${sitePort}
[telegram]
mode = "direct"
prewarm = "off"
[telegram.dc]
2 = ["127.0.0.1:${dcPort}"]
[guard]
new_connections_per_ip = "100000/s, burst 100000"
handshakes_in_flight_per_ip = 1000
on_refuse = "${onRefuse}"
[metrics]
listen = "127.0.0.1:0"
`
}

/** Each comes from a source of its own. */
function sourceOf(round: number, at: number): string {
  return `127.${20 + round}.${at >> 8}.${at & 255}`
}

async function all(count: number, run: (at: number) => Promise<void>): Promise<void> {
  let next = 0
  const lane = async () => {
    while (next < count) await run(next++)
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, lane))
}

/** One connection from its first byte to its end. */
function once(port: number, kind: Kind, localAddress: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, localAddress })
    socket.on('error', () => {})
    socket.once('close', () => resolve())
    if (kind === 'honest') beHonest(socket)
    else socket.end(randomBytes(GARBAGE_BYTES).fill(0x47, 0, 1))
    socket.resume()
  })
}

/** Says hello, then its init, and leaves when the DC has answered. */
function beHonest(socket: Socket): void {
  const { hello, init } = makeOpening('direct', 'ee')
  socket.write(hello ?? '')
  socket.once('data', () => {
    socket.write(init)
    socket.once('data', () => socket.end())
  })
}

/** Answers the first bytes of every connection; the site hangs up then. */
function serve(says: Buffer, hangsUp: boolean): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => (hangsUp ? socket.end(says) : socket.write(says)))
  })
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}
