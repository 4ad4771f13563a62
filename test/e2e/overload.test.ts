import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { Status } from '../../src/admin/commands.ts'
import { makeClientHello } from '../../src/core/protocol/faketls/make-hello.ts'
import { askAdminSocket } from '../../src/runtime/admin-socket.ts'
import { SystemRandom } from '../../src/runtime/random.ts'
import { Download } from './clients.ts'
import { DOMAIN, FAKE_TLS, writtenSecret } from './config.ts'
import { firstBytes, isSignedAnswer } from './probe.ts'
import { RUNTIMES, type LogLine } from './program.ts'
import { FILE_ID, sha256OfFile, Stage } from './stage.ts'
import { until } from './wait.ts'

const DESCRIPTORS = 120
const BYTES = 4 << 20
const ANSWER_BYTES = 256
/** Units of /proc/PID/stat on every Linux (proc(5), sysconf(_SC_CLK_TCK)). */
const TICKS_PER_SEC = 100
const QUIET_SEC = 3
/** In order, or by reset where the hello was there before the close. */
const NOTHING = /closed after 0 bytes|ECONNRESET/
const random = new SystemRandom()

describe.each(RUNTIMES)('with few descriptors, the program on %s', (runtime) => {
  let stage: Stage | undefined
  let download: Download | undefined
  const flood: Socket[] = []
  afterEach(async () => {
    for (const socket of flood.splice(0)) socket.destroy()
    await download?.kill()
    await stage?.close()
    stage = download = undefined
  })

  /** Connections that say nothing, from two addresses that nobody knows; which of them were closed. */
  async function pour(count: number): Promise<{ closed: () => number }> {
    let closed = 0
    for (let i = 0; i < count; i++) {
      const socket = connect({ host: '127.0.0.1', port: stage!.program.port, localAddress: `127.0.0.${8 + (i % 2)}` })
      socket.on('error', () => {})
      socket.on('end', () => closed++)
      flood.push(socket)
      await once(socket, 'connect')
    }
    return { closed: () => closed }
  }

  /** Whether a hello with the right secret is answered by us; rejects where nothing is. */
  async function isServed(from: string): Promise<boolean> {
    const stamp = Math.floor(Date.now() / 1000)
    const { record } = makeClientHello({ random, domain: DOMAIN, secret: Buffer.from(FAKE_TLS.key, 'hex'), stamp })
    const hello = Buffer.from(record)
    return isSignedAnswer(await firstBytes(stage!.program.port, hello, ANSWER_BYTES, from), hello, FAKE_TLS.key)
  }

  async function status(): Promise<Status> {
    const line = await askAdminSocket(join(stage!.home.folder, 'palisade.sock'), '{"command":"status"}')
    return (JSON.parse(line) as { result: Status }).result
  }

  async function level(): Promise<number> {
    const at = stage!.program.log.all.find(({ event }) => event === 'metrics.listening')!.address as string
    const text = await (await fetch(`http://${at}/metrics`)).text()
    return Number(/^palisade_overload_level\{resource="descriptors"\} (\d)$/m.exec(text)![1])
  }

  /** The log's line about it, from line `from` on. */
  function step(to: number, from = 0, limitMs = 10_000) {
    const isIt = ({ event, overload_level }: LogLine) => event === 'guard.overload' && overload_level === to
    return stage!.program.log.next(limitMs, `overload at level ${to}`, isIt, from)
  }

  it('turns newcomers away at once, keeps its relays and its calm, and recovers', async () => {
    stage = await Stage.open(
      runtime,
      { secrets: [FAKE_TLS] },
      () => {},
      () => ({ descriptors: DESCRIPTORS }),
    )
    const { program, dc } = stage
    const order = { secret: writtenSecret(FAKE_TLS), publicKeyPem: dc.publicKeyPem, fileId: FILE_ID, bytes: BYTES }
    download = new Download({ port: program.port, ...order, pauseAtBytes: BYTES / 2 })
    await download.paused()
    expect(await level()).toBe(0)

    const { closed } = await pour(2 * DESCRIPTORS)
    expect(await step(2)).toMatchObject({ resource: 'descriptors', level: 'warn' })
    expect(await level()).toBe(2)
    await until('all that have no place are closed', async () => closed() === 2 * DESCRIPTORS - (await strangers()))
    expect(await strangers()).toBeGreaterThan(20)
    await expect(isServed('127.0.0.1')).rejects.toThrow(NOTHING)
    await expect(isServed('127.0.0.3')).rejects.toThrow(NOTHING)

    // Where a runtime runs into the limit itself, it turns round in accept(2) and uses up a whole processor.
    const [spentBefore, from] = [cpuSec(program.pid), (await status()).uptime_sec]
    await until('some quiet seconds have passed', async () => (await status()).uptime_sec >= from + QUIET_SEC)
    expect(cpuSec(program.pid) - spentBefore).toBeLessThan(QUIET_SEC / 2)

    download.resume()
    expect(await download.done()).toMatchObject({ sha256: sha256OfFile(BYTES), connections: 1 })
    expect(await level()).toBe(2)
    const seen = program.log.all.length
    for (const socket of flood.splice(0)) socket.destroy()
    await step(0, seen, 30_000)
    expect(await Promise.all(['127.0.0.1', '127.0.0.3'].map(isServed))).toEqual([true, true])
    expect(await level()).toBe(0)
  })

  /** Open connections that say nothing: all but the download's. */
  async function strangers(): Promise<number> {
    return (await status()).open - 1
  }
})

/** Spent by that process so far, of its own and in the kernel (proc(5), stat, fields 14 and 15). */
function cpuSec(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  // The name before the last parenthesis may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[14 - 3]) + Number(fields[15 - 3])) / TICKS_PER_SEC
}
