import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Status, UserStatus } from '../../src/admin/commands.ts'
import { makeClientHello } from '../../src/core/protocol/faketls/make-hello.ts'
import { askAdminSocket } from '../../src/runtime/admin-socket.ts'
import { SystemRandom } from '../../src/runtime/random.ts'
import { Download } from './clients.ts'
import { DOMAIN, writtenSecret, type TestSecret } from './config.ts'
import { isSignedAnswer } from './probe.ts'
import { RUNTIMES } from './program.ts'
import { FILE_ID, sha256OfFile, Stage } from './stage.ts'
import { until, within } from './wait.ts'

const ANSWER_BYTES = 256
const QUOTA_BYTES = 3 << 20
const RATE = 1_000_000
/** One read of a socket on Bun, which passes whole. */
const READ_MAX_BYTES = 512 << 10
const DOWNLOAD_BYTES = 4 << 20
const random = new SystemRandom()

function user(name: string, digit: string, limits: string): TestSecret {
  return { name, mode: 'fake-tls', key: digit.repeat(32), limits }
}
const FEW = user('few', '1', 'max_connections = 2')
const HOME = user('home', '2', 'max_ips = 1')
const SMALL = user('small', '3', 'quota = "3 MB / month"')
const SLOW = user('slow', '4', 'bandwidth = "8 Mbit/s"')

describe.each([1, 2].flatMap((workers) => RUNTIMES.map((runtime) => ({ runtime, workers }))))(
  'limits of users of the program on $runtime, $workers at work',
  ({ runtime, workers }) => {
    let stage: Stage
    const held: Socket[] = []
    const downloads: Download[] = []
    beforeAll(async () => {
      stage = await Stage.open(runtime, { secrets: [FEW, HOME, SMALL, SLOW], listen: `workers = ${workers}` })
    })
    async function letGo(): Promise<void> {
      for (const socket of held.splice(0)) socket.destroy()
      for (const download of downloads.splice(0)) await download.kill()
    }
    afterEach(letGo)
    afterAll(() => stage.close())

    /** Connects as a client of that user and stays; tells who answered. */
    async function come(who: TestSecret, from: string): Promise<'proxy' | 'mask site'> {
      const stamp = Math.floor(Date.now() / 1000)
      const secret = Buffer.from(who.key, 'hex')
      const hello = Buffer.from(makeClientHello({ random, domain: DOMAIN, secret, stamp }).record)
      const socket = connect({ host: '127.0.0.1', port: stage.program.port, localAddress: from, noDelay: true })
      held.push(socket)
      let got = Buffer.alloc(0)
      const enough = new Promise<void>((resolve, reject) => {
        socket.on('data', (chunk) => {
          got = Buffer.concat([got, chunk])
          if (got.length >= ANSWER_BYTES) resolve()
        })
        socket.once('error', reject)
      })
      socket.write(hello)
      await within(15_000, 'an answer', enough)
      return isSignedAnswer(got, hello, who.key) ? 'proxy' : 'mask site'
    }

    async function userNow({ name }: TestSecret): Promise<UserStatus> {
      const line = await askAdminSocket(join(stage.home.folder, 'palisade.sock'), '{"command":"status"}')
      const { users } = (JSON.parse(line) as { result: Status }).result
      return users.find((each) => each.name === name)!
    }

    function untilUser(who: TestSecret, fits: (now: UserStatus) => boolean): Promise<void> {
      return until(`a change of ${who.name}`, async () => fits(await userNow(who)))
    }

    function download(who: TestSecret): Download {
      const order = { secret: writtenSecret(who), publicKeyPem: stage.dc.publicKeyPem, fileId: FILE_ID }
      const started = new Download({ port: stage.program.port, ...order, bytes: DOWNLOAD_BYTES })
      downloads.push(started)
      return started
    }

    it('max_connections keeps out one too many, whichever worker it comes to, until one is closed', async () => {
      expect(await come(FEW, '127.0.0.2')).toBe('proxy')
      expect(await come(FEW, '127.0.0.3')).toBe('proxy')
      for (let i = 0; i < 4; i++) expect(await come(FEW, '127.0.0.4')).toBe('mask site')
      expect(await userNow(FEW)).toEqual({ name: 'few', connections: 2, addresses: 2 })
      held[0].destroy()
      await untilUser(FEW, ({ connections }) => connections === 1)
      expect(await come(FEW, '127.0.0.4')).toBe('proxy')
    })

    it('max_ips counts addresses, and any number of connections from each', async () => {
      for (let i = 0; i < 4; i++) expect(await come(HOME, '127.0.0.2')).toBe('proxy')
      for (let i = 0; i < 4; i++) expect(await come(HOME, '127.0.0.3')).toBe('mask site')
      for (const socket of held.splice(0)) socket.destroy()
      await untilUser(HOME, ({ addresses }) => addresses === 0)
      expect(await come(HOME, '127.0.0.3')).toBe('proxy')
    })

    it('a quota ends a download half-way, keeps newcomers out, and is used up after a crash as well', async () => {
      const seen = stage.program.log.all.length
      download(SMALL)
      const isIt = (line: { readonly event: string; readonly reason?: unknown }) =>
        line.event === 'conn.closed' && line.reason === 'quota'
      await stage.program.log.next(30_000, 'a connection closed by its quota', isIt, seen)
      const used = { used: QUOTA_BYTES, of: QUOTA_BYTES, period: 'month' }
      expect((await userNow(SMALL)).quota).toEqual(used)
      for (let i = 0; i < 3; i++) expect(await come(SMALL, '127.0.0.2')).toBe('mask site')
      const at = stage.program.log.all.find(({ event }) => event === 'metrics.listening')!.address as string
      const text = await (await fetch(`http://${at}/metrics`)).text()
      expect(text).toContain(`palisade_user_quota_used_bytes{secret="small"} ${QUOTA_BYTES}`)
      // Workers that outlive their supervisor drain first.
      await letGo()
      await stage.restart('SIGKILL')
      expect((await userNow(SMALL)).quota).toEqual(used)
      expect(await come(SMALL, '127.0.0.2')).toBe('mask site')
    })

    it('a bandwidth holds for two downloads together, and both arrive whole', async () => {
      const startedAt = performance.now()
      const both = [download(SLOW), download(SLOW)]
      for (const done of await Promise.all(both.map((each) => each.done())))
        expect(done).toMatchObject({ sha256: sha256OfFile(DOWNLOAD_BYTES) })
      const seconds = (performance.now() - startedAt) / 1000
      // A second's worth at once, and one read of each connection behind it.
      expect(2 * DOWNLOAD_BYTES).toBeLessThanOrEqual(RATE * (seconds + 1) + 2 * READ_MAX_BYTES)
    })
  },
)
