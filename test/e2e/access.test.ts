import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeClientHello } from '../../src/core/protocol/faketls/make-hello.ts'
import { SystemRandom } from '../../src/runtime/random.ts'
import { runToEnd } from './child.ts'
import { pingWithTdlib } from './clients.ts'
import { DOMAIN, FAKE_TLS, writtenSecret } from './config.ts'
import { firstBytes, isSignedAnswer } from './probe.ts'
import { environmentFor, PALISADE, RUNTIMES } from './program.ts'
import { Recorder } from './recorder.ts'
import { Stage } from './stage.ts'

const ANSWER_BYTES = 256
const random = new SystemRandom()
const served = { seconds: expect.any(Number) as number }
const LISTS = 'lists = [{ source = "bad.netset", level = "limited" }]'

describe.each(RUNTIMES)('access rules of the program on %s', (runtime) => {
  let stage: Stage
  beforeAll(async () => {
    const settings = { secrets: [FAKE_TLS], access: `deny = ["127.0.0.2"]\n${LISTS}` }
    stage = await Stage.open(runtime, settings, ({ folder }) =>
      writeFileSync(join(folder, 'bad.netset'), '# a list\n9.9.9.0/24\n8.8.8.8-8.8.8.9\n127.0.0.0/8\n'),
    )
  })
  afterAll(() => stage.close())

  /** Who answers a hello with the right secret that comes from this address. */
  async function answersTo(from: string): Promise<'proxy' | 'mask site'> {
    const stamp = Math.floor(Date.now() / 1000)
    const { record } = makeClientHello({ random, domain: DOMAIN, secret: Buffer.from(FAKE_TLS.key, 'hex'), stamp })
    const hello = Buffer.from(record)
    const answer = await firstBytes(stage.program.port, hello, ANSWER_BYTES, from)
    const isOurs = isSignedAnswer(answer, hello, FAKE_TLS.key)
    expect(stage.mask.tap.saw(hello)).toBe(!isOurs)
    return isOurs ? 'proxy' : 'mask site'
  }

  /** TDLib, by a relay that has this address towards the proxy. */
  async function ping(from: string) {
    const relay = await Recorder.start(stage.program.port, { from })
    try {
      return await pingWithTdlib(relay.port, writtenSecret(FAKE_TLS))
    } finally {
      relay.close()
    }
  }

  async function reload(access: string): Promise<void> {
    const from = stage.program.log.all.length
    stage.configure({ secrets: [FAKE_TLS], access })
    stage.program.signal('SIGHUP')
    await stage.program.event('reload.applied', from)
  }

  it('a denied address is shown the mask site, whatever it knows; another one is served', async () => {
    expect(await answersTo('127.0.0.2')).toBe('mask site')
    expect(await answersTo('127.0.0.3')).toBe('proxy')
    expect(await ping('127.0.0.3')).toEqual(served)
    await stage.program.log.next(
      5_000,
      'the reject',
      (line) => line.event === 'conn.rejected' && line.reason === 'access',
    )
  })

  it('a list is read, and private ranges in it are ignored', async () => {
    expect(await stage.program.event('access.list')).toMatchObject({
      level: 'info',
      source: join(stage.home.folder, 'bad.netset'),
      result: 'taken',
      entries: 2,
      ignored: 1,
      why: 'ignored: 1 private or reserved',
    })
  })

  it('a list that broke keeps what was known of it', async () => {
    writeFileSync(join(stage.home.folder, 'bad.netset'), '<html>\n')
    const from = stage.program.log.all.length
    await reload(`deny = ["127.0.0.2"]\n${LISTS}`)
    expect(await stage.program.event('access.list', from)).toMatchObject({
      level: 'warn',
      result: 'refused',
      entries: 2,
    })
  })

  it('`palisade check` looks into lists', async () => {
    const args = [PALISADE, 'check', '--config', stage.home.configFile, '--runtime', runtime]
    const { stdout } = await runToEnd('sh', args, { env: environmentFor(runtime) })
    expect(stdout).toMatch(/^fail +access +\S+bad\.netset is no list of addresses: 1 of 1 lines; line 1: "<html>"/m)
  })

  it('a reload lets the one in and shuts the other out', async () => {
    await reload('deny = ["127.0.0.3"]')
    expect(await answersTo('127.0.0.2')).toBe('proxy')
    expect(await answersTo('127.0.0.3')).toBe('mask site')
    expect(await ping('127.0.0.2')).toEqual(served)
  })

  it('where somebody is allowed, all others are not', async () => {
    await reload('allow = ["127.0.0.2"]')
    expect(await answersTo('127.0.0.2')).toBe('proxy')
    expect(await answersTo('127.0.0.4')).toBe('mask site')
  })
})
