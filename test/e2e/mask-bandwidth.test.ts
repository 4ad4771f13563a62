import { once } from 'node:events'
import { request } from 'node:https'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { configText, DOMAIN, FAKE_TLS } from './config.ts'
import { MaskSite } from './mask-site.ts'
import { Home, Program, RUNTIMES } from './program.ts'
import { Stage } from './stage.ts'
import { until, within } from './wait.ts'

const RATE = 1_000_000
/** Reads pass whole and are paid for behind, the last one of a connection by nobody: more than the largest takes. */
const LAST_READ_MS = 600
/** That so many files take at least, of which a second's worth passes at once. */
const leastMs = (files: number) => (1000 * files * MaskSite.file.length) / RATE - 1_000 - files * LAST_READ_MS

describe.each(RUNTIMES)('with mask.bandwidth, the program with two workers on %s', (runtime) => {
  let stage: Stage
  const settings = (bandwidth: string) => ({
    ...{ secrets: [FAKE_TLS], listen: 'workers = 2', mask: `bandwidth = "${bandwidth}"` },
  })
  beforeAll(async () => {
    stage = await Stage.open(runtime, settings('8 Mbit/s'))
  })
  afterAll(() => stage.close())

  /** Loads the file of the mask site, whole, from that address; returns the ms it took. */
  async function download(localAddress: string): Promise<number> {
    const startedAt = performance.now()
    const loading = new Promise<string>((resolve, reject) => {
      const to = { host: '127.0.0.1', port: stage.program.port, localAddress, path: '/file', agent: false }
      const options = { ...to, servername: DOMAIN, rejectUnauthorized: false }
      request(options, (response) => void text(response).then(resolve, reject))
        .on('error', reject)
        .end()
    })
    const got = await within(60_000, 'a file of the mask site', loading)
    expect(got === MaskSite.file.toString()).toBe(true)
    return performance.now() - startedAt
  }

  it('is a slow line for all strangers of one network together, and gives them everything', async () => {
    const tookMs = await Promise.all(['127.0.0.2', '127.0.0.3', '127.0.1.2'].map(download))
    expect(Math.max(tookMs[0], tookMs[1])).toBeGreaterThanOrEqual(leastMs(2))
    expect(tookMs[2]).toBeGreaterThanOrEqual(leastMs(1))
  })

  it('is none any more when a reload has lifted it', async () => {
    const from = stage.program.log.all.length
    stage.configure(settings('1 Gbit/s'))
    stage.program.signal('SIGHUP')
    await stage.program.event('reload.applied', from)
    const tookMs: number[] = []
    for (let i = 0; i < 3; i++) tookMs.push(await download('127.0.2.2'))
    expect(Math.min(...tookMs)).toBeLessThan(leastMs(1))
  })
})

describe.each(RUNTIMES)('with mask.bandwidth, the program on %s', (runtime) => {
  it('lets neither direction of a connection keep the other one back', async () => {
    const site = createServer((socket) => talk(socket, (bytes) => (got.up += bytes)))
    const got = { up: 0, down: 0 }
    site.listen(0, '127.0.0.1')
    await once(site, 'listening')
    const maskPort = (site.address() as AddressInfo).port
    const home = new Home(configText({ dcPort: 1, maskPort, mask: 'dial = "late"\nbandwidth = "8 Mbit/s"' }))
    const program = await Program.start(home, runtime)
    const socket = connect({ host: '127.0.0.1', port: program.port })
    try {
      talk(socket, (bytes) => (got.down += bytes))
      await until('some seconds of talk', () => Promise.resolve(got.up + got.down > 6 * RATE))
      expect(Math.min(got.up, got.down)).toBeGreaterThan(RATE)
    } finally {
      socket.destroy()
      await program.stop()
      site.close()
      home.remove()
    }
  })
})

/** Says as much as it is let, which nobody would take for a client, and counts what comes. */
function talk(socket: Socket, onBytes: (bytes: number) => void): void {
  const words = Buffer.alloc(65_536, 0x5a)
  const say = () => {
    while (socket.write(words)) continue
  }
  socket.on('data', (chunk) => onBytes(chunk.length))
  socket.on('error', () => {})
  socket.on('drain', say)
  say()
}
