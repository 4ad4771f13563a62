import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeClientHello } from '../../src/core/protocol/faketls/make-hello.ts'
import { SystemRandom } from '../../src/runtime/random.ts'
import { Download } from './clients.ts'
import { runToEnd } from './child.ts'
import { configText, DOMAIN, FAKE_TLS, SECRETS, writtenSecret } from './config.ts'
import { isSignedAnswer } from './probe.ts'
import { environmentFor, PALISADE, RUNTIMES } from './program.ts'
import { FILE_ID, Stage } from './stage.ts'
import { until, within } from './wait.ts'

const TRACE = '[trace]\npath = "trace"'
const PHONE = '127.0.0.1'
const OFFICE = '127.0.0.2'
const HOME = '127.0.0.3'
const STRANGER = '127.0.0.66'
const IN_OFFICE = 6
const ANSWER_BYTES = 256
const DOWNLOAD_BYTES = 512 << 10
const random = new SystemRandom()

interface Row {
  readonly address: string
  readonly victims: number
  readonly reasons: readonly string[]
  readonly users: readonly string[]
}

/** What `palisade sim replay --json` prints, as far as it is looked at. */
interface Printed {
  readonly connections: number
  readonly agreement: { readonly all: number; readonly same: number }
  readonly newly_refused: readonly { readonly reason: string; readonly connections: number }[]
  readonly newly_admitted: readonly unknown[]
  readonly newly_banned: readonly unknown[]
  readonly differing: readonly Row[]
  readonly notes: readonly string[]
}

describe.each([1, 2].flatMap((workers) => RUNTIMES.map((runtime) => ({ runtime, workers }))))(
  'the trace of the program on $runtime, $workers at work',
  ({ runtime, workers }) => {
    let stage: Stage
    let elsewhere: string
    const held: Socket[] = []
    const at = (name: string) => join(stage.home.folder, name)

    beforeAll(async () => {
      elsewhere = mkdtempSync(join(tmpdir(), 'palisade-elsewhere-'))
      stage = await Stage.open(runtime, { listen: `workers = ${workers}`, more: TRACE })
      for (let i = 0; i < IN_OFFICE; i++) await come(OFFICE)
      await come(HOME)
      for (let i = 0; i < 3; i++) await knock()
      const order = { secret: writtenSecret(FAKE_TLS), publicKeyPem: stage.dc.publicKeyPem, fileId: FILE_ID }
      await new Download({ port: stage.program.port, ...order, bytes: DOWNLOAD_BYTES }).done()
      for (const socket of held) socket.destroy()
      await stage.program.stop()
    })
    afterAll(async () => {
      await stage.close()
      rmSync(elsewhere, { recursive: true, force: true })
    })

    /** A client that connects ahead: it says hello, is answered, and stays. */
    async function come(from: string): Promise<void> {
      const hello = helloWith(Buffer.from(FAKE_TLS.key, 'hex'))
      expect(isSignedAnswer(await say(from, hello), hello, FAKE_TLS.key)).toBe(true)
    }

    /** Somebody without a secret, who gets the site. */
    async function knock(): Promise<void> {
      const hello = helloWith(Buffer.alloc(16))
      expect(isSignedAnswer(await say(STRANGER, hello), hello, FAKE_TLS.key)).toBe(false)
    }

    function helloWith(secret: Buffer): Buffer {
      const stamp = Math.floor(Date.now() / 1000)
      return Buffer.from(makeClientHello({ random, domain: DOMAIN, secret, stamp }).record)
    }

    async function say(from: string, bytes: Buffer): Promise<Buffer> {
      const socket = connect({ host: '127.0.0.1', port: stage.program.port, localAddress: from, noDelay: true })
      held.push(socket)
      let got = Buffer.alloc(0)
      const answered = new Promise<void>((resolve, reject) => {
        socket.on('data', (chunk) => {
          got = Buffer.concat([got, chunk])
          if (got.length >= ANSWER_BYTES) resolve()
        })
        socket.once('error', reject)
      })
      socket.write(bytes)
      await within(15_000, 'an answer', answered)
      return got
    }

    async function replay(options: readonly string[]): Promise<{ code: number | null; printed: Printed }> {
      const args = [PALISADE, 'sim', 'replay', at('trace'), '--json', '--runtime', runtime, ...options]
      const { code, stdout, stderr } = await runToEnd('sh', args, { env: environmentFor(runtime), limitMs: 60_000 })
      expect(stderr).toBe('')
      return { code, printed: JSON.parse(stdout) as Printed }
    }
    const same = () => ['--config', stage.home.configFile]
    const files = () => readdirSync(stage.home.folder).filter((name) => name.startsWith('trace'))

    it('differs in nothing by the configuration it was recorded with', async () => {
      const { code, printed } = await replay([...same(), '--fail-on-victims'])
      expect(code).toBe(0)
      expect(printed.connections).toBeGreaterThanOrEqual(IN_OFFICE + 5)
      expect(printed).toMatchObject({ newly_refused: [], newly_admitted: [], newly_banned: [], differing: [] })
      expect(printed.agreement).toMatchObject({ all: printed.connections, same: printed.connections })
    })

    it('names whom a stricter limit refuses, and only them', async () => {
      const { code, printed } = await replay([
        ...[...same(), '--set', 'guard.connections_per_ip=4', '--set', 'guard.credit=1'],
        '--fail-on-victims',
      ])
      expect(code).toBe(1)
      expect(printed.newly_refused).toMatchObject([{ reason: 'connections', connections: IN_OFFICE - 4 }])
      expect(printed.differing.map(({ address }) => address)).toEqual([OFFICE])
      expect(printed.differing[0]).toMatchObject({ victims: IN_OFFICE - 4, users: [FAKE_TLS.name] })
    })

    it('names whom a new rule on addresses shuts out', async () => {
      const { printed } = await replay([...same(), '--set', `access.deny=${HOME}/32`])
      expect(printed.differing).toMatchObject([{ address: HOME, victims: 1, reasons: ['access'] }])
    })

    it('names whom the budget of trials does not come to, behind more secrets than it pays for', async () => {
      // In two places so far apart that no 256 in a row hold both: in one of them it is not come to at first.
      const refused = await Promise.all(
        [0, 300].map(async (place) => {
          const others = Array.from({ length: 600 }, (_, i) => {
            return { ...FAKE_TLS, name: `other-${i}`, key: i.toString(16).padStart(32, '0') }
          })
          others.splice(place, 0, FAKE_TLS)
          const more = at(`more-${place}.toml`)
          writeFileSync(more, configText({ dcPort: 1, maskPort: 1, secrets: others }))
          const { printed } = await replay(['--config', more])
          expect(printed.notes).toEqual([])
          return printed.newly_refused
        }),
      )
      expect(refused.flat()).toEqual(expect.arrayContaining([expect.objectContaining({ reason: 'trial-budget' })]))
    })

    it('tells pseudonyms where the key is not, and leaves rules on addresses alone', async () => {
      const set = ['--set', `access.deny=${HOME}/32`, '--set', 'guard.connections_per_ip=4', '--set', 'guard.credit=1']
      const { printed } = await replay([...same(), '--state', elsewhere, ...set])
      expect(printed.newly_refused).toMatchObject([{ reason: 'connections', connections: IN_OFFICE - 4 }])
      expect(printed.differing).toHaveLength(1)
      expect([PHONE, OFFICE, HOME, STRANGER]).not.toContain(printed.differing[0].address)
      expect(printed.notes.join('\n')).toContain('rules on addresses are not evaluated')
    })

    it('prints tables for people, with the addresses', async () => {
      const args = [PALISADE, 'sim', 'replay', at('trace'), ...same(), '--set', 'guard.connections_per_ip=4']
      const env = environmentFor(runtime)
      const { stdout } = await runToEnd('sh', [...args, '--set', 'guard.credit=1', '--runtime', runtime], { env })
      expect(stdout).toMatch(/decided as recorded by the recorded configuration: (\d+) of \1 \(100\.00 %\)/)
      expect(stdout).toMatch(new RegExp(`^${OFFICE} +${IN_OFFICE} .*connections`, 'm'))
      expect(stdout).not.toContain(STRANGER)
    })

    it('holds no key, no address and no path, and is for its owner alone', () => {
      const names = files()
      expect(names.length).toBeGreaterThan(0)
      const needles = [PHONE, OFFICE, HOME, STRANGER].flatMap((ip) => [ip, Buffer.from(ip.split('.').map(Number))])
      const secrets = SECRETS.flatMap(({ key }) => [key, Buffer.from(key, 'hex')])
      for (const name of names) {
        expect(statSync(at(name)).mode & 0o777).toBe(0o600)
        const bytes = readFileSync(at(name))
        for (const needle of [...needles, ...secrets, stage.home.folder]) expect(bytes.includes(needle)).toBe(false)
      }
    })

    it('that is cut is read as far as it is whole, and what is none is named', async () => {
      const [name] = files()
      const cut = join(elsewhere, 'cut')
      writeFileSync(cut, readFileSync(at(name)).subarray(0, -5))
      const run = (path: string) =>
        runToEnd('sh', [PALISADE, 'sim', 'replay', path, ...same(), '--runtime', runtime], {
          env: environmentFor(runtime),
        })
      const whole = await run(cut)
      expect(whole.code).toBe(0)
      expect(whole.stderr).toMatch(/^note: .*cut: it ends in the middle of a block: \d+ bytes of it are whole/m)
      writeFileSync(join(elsewhere, 'none'), 'no trace')
      expect(await run(join(elsewhere, 'none'))).toMatchObject({
        code: 2,
        stderr: `palisade: sim replay: ${join(elsewhere, 'none')} is no trace of Palisade`,
      })
      expect((await run(join(elsewhere, 'missing'))).stderr).toContain('missing does not exist')
    })
  },
)

describe.each(RUNTIMES)('a reload of the program on %s', (runtime) => {
  it('begins the trace, ends it, and counts what was written', async () => {
    const stage = await Stage.open(runtime)
    try {
      const path = join(stage.home.folder, 'trace')
      stage.configure({ more: TRACE })
      stage.program.signal('SIGHUP')
      await stage.program.event('trace.began')
      await until('the file', () => Promise.resolve(existsSync(path) && statSync(path).size > 0))
      stage.configure({})
      const seen = stage.program.log.all.length
      stage.program.signal('SIGHUP')
      await stage.program.event('reload.applied', seen)
      expect(await stage.program.metrics()).toMatch(/^palisade_trace_records_total 3$/m)
      expect(await stage.program.metrics()).toMatch(/^palisade_trace_lost_total 0$/m)
      const config = join(stage.home.folder, 'palisade.toml')
      writeFileSync(config, configText({ dcPort: 1, maskPort: 1 }))
      const args = [PALISADE, 'sim', 'replay', path, '--config', config, '--runtime', runtime]
      const { code, stdout, stderr } = await runToEnd('sh', args, { env: environmentFor(runtime) })
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      expect(stdout).toContain('no difference')
    } finally {
      await stage.close()
    }
  })
})
