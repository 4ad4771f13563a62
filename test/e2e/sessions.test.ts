import { once } from 'node:events'
import { existsSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Bans } from '../../src/admin/bans.ts'
import type { EventsAnswer, SessionsAnswer } from '../../src/admin/desk.ts'
import { makeClientHello } from '../../src/core/protocol/faketls/make-hello.ts'
import { makeInit } from '../../src/core/protocol/obfuscated2.ts'
import { SystemRandom } from '../../src/runtime/random.ts'
import { runToEnd } from './child.ts'
import { DOMAIN, FAKE_TLS, SECRETS } from './config.ts'
import { firstBytes, isSignedAnswer } from './probe.ts'
import { PALISADE, RUNTIMES } from './program.ts'
import { Stage } from './stage.ts'
import { until } from './wait.ts'

const ANSWER_BYTES = 256
const BANNED = '127.0.0.2'
const NEIGHBOUR = '127.0.0.3'
const PADDED = SECRETS[1]
const HELD = 16
/** More than enough for the kernel to give some of them to each worker. */
const TRIES = 12
const random = new SystemRandom()

describe.each([1, 2].flatMap((workers) => RUNTIMES.map((runtime) => ({ runtime, workers }))))(
  'an operator at the program on $runtime, $workers at work',
  ({ runtime, workers }) => {
    let stage: Stage
    const held: Socket[] = []
    beforeAll(async () => {
      stage = await Stage.open(runtime, {
        secrets: [FAKE_TLS, PADDED],
        listen: `workers = ${workers}`,
        access: 'deny = ["203.0.113.0/24"]',
      })
    })
    afterAll(async () => {
      for (const socket of held) socket.destroy()
      await stage.close()
    })

    /** The command as it would be typed; what it prints, and its exit code. */
    async function palisade(...args: string[]) {
      const options = ['--config', stage.home.configFile, '--runtime', runtime]
      return runToEnd('sh', [PALISADE, ...args, ...options])
    }
    async function json<T>(...args: string[]): Promise<T> {
      const { stdout, stderr } = await palisade(...args, '--json')
      if (stdout === '') throw new Error(stderr)
      return JSON.parse(stdout) as T
    }
    const sessions = (...args: string[]) => json<SessionsAnswer>('sessions', ...args)

    /** A client on its way to a DC, and whether it still is. */
    async function hold(from: string): Promise<{ readonly socket: Socket; isOpen: boolean }> {
      const socket = connect({ host: '127.0.0.1', port: stage.program.port, localAddress: from })
      const one = { socket, isOpen: true }
      held.push(socket)
      socket.on('error', () => {})
      socket.on('end', () => (one.isOpen = false))
      socket.resume()
      await once(socket, 'connect')
      socket.write(makeInit({ random, framing: 'padded', dc: 2, secret: Buffer.from(PADDED.key, 'hex') }).wire)
      return one
    }

    async function answersTo(from: string): Promise<'proxy' | 'mask site'> {
      const stamp = Math.floor(Date.now() / 1000)
      const secret = Buffer.from(FAKE_TLS.key, 'hex')
      const hello = Buffer.from(makeClientHello({ random, domain: DOMAIN, secret, stamp }).record)
      const answer = await firstBytes(stage.program.port, hello, ANSWER_BYTES, from)
      return isSignedAnswer(answer, hello, FAKE_TLS.key) ? 'proxy' : 'mask site'
    }
    async function everyAnswerTo(from: string): Promise<ReadonlySet<string>> {
      const answers = new Set<string>()
      for (let i = 0; i < TRIES; i++) answers.add(await answersTo(from))
      return answers
    }

    it('sees the connections of all workers, and ends the one that is meant and no other', async () => {
      const all = await Promise.all(Array.from({ length: HELD }, () => hold(BANNED)))
      const asked = async () => (await sessions('--user', PADDED.name)).relaying
      await until(`${HELD} are relayed`, async () => (await asked()) === HELD)
      const { rows, total } = await sessions('--user', PADDED.name)
      expect(total).toBe(HELD)
      expect(new Set(rows.map(({ id }) => id)).size).toBe(HELD)
      expect(new Set(rows.map(({ id }) => id.split('.')[0])).size).toBe(workers)
      const row = { address: '127.0.0.0/24', user: PADDED.name, mode: 'padded', dc: 2, stage: 'relay' }
      for (const each of rows) expect(each).toMatchObject(row)
      expect((await sessions('--user', 'nobody')).total).toBe(0)
      expect((await sessions('--ip', `${NEIGHBOUR}/32`)).total).toBe(0)

      const victim = rows[HELD / 2].id
      const ended = await palisade('kill', victim)
      expect([ended.code, ended.stdout]).toEqual([0, 'killed 1'])
      await until('one is over', () => Promise.resolve(all.some(({ isOpen }) => !isOpen)))
      const after = await sessions('--user', PADDED.name)
      expect(after.rows.map(({ id }) => id)).toEqual(rows.map(({ id }) => id).filter((id) => id !== victim))
      expect(all.filter(({ isOpen }) => isOpen)).toHaveLength(HELD - 1)
      expect(await stage.program.event('conn.closed')).toMatchObject({ reason: 'killed', outcome: 'relayed' })
      const again = await palisade('kill', victim)
      expect([again.code, again.stdout, again.stderr]).toEqual([1, 'killed 0', `${victim}: no such connection`])
    })

    it('keeps an address out of every worker, but not its neighbours nor what is live', async () => {
      expect(await everyAnswerTo(BANNED)).toEqual(new Set(['proxy']))
      const told = await palisade('ban', BANNED, '--for', '1h')
      expect(told.code).toBe(0)
      expect(told.stdout).toMatch(/^banned 127\.0\.0\.2 by hand for 1h, until 20\S+Z$/m)
      expect(told.stdout).toMatch(/^15 live from there go on: palisade kill --ip 127\.0\.0\.2 ends them$/m)
      expect(await everyAnswerTo(BANNED)).toEqual(new Set(['mask site']))
      expect(await answersTo(NEIGHBOUR)).toBe('proxy')
      expect((await sessions('--user', PADDED.name)).relaying).toBe(HELD - 1)
      const { rows } = await json<Bans>('bans')
      expect(rows).toMatchObject([{ prefix: BANNED, reason: 'by-hand', times: 1 }])
      expect((await palisade('access', BANNED)).stdout).toMatch(/level standard.*\nbanned with 127\.0\.0\.2 for /)
      expect((await palisade('access', '203.0.113.7')).stdout).toBe(
        '203.0.113.7: level none, by access.deny (203.0.113.0/24)',
      )
    })

    it('reads what was refused and done, of all workers, without whole addresses', async () => {
      const { rows } = await json<EventsAnswer>('events')
      const codes = rows.map(({ code }) => code)
      expect(codes).toEqual(expect.arrayContaining(['session.killed', 'banned.by-hand', 'refused.banned']))
      const refused = rows.filter(({ code }) => code === 'refused.banned')
      expect(refused.reduce((sum, { count }) => sum + count, 0)).toBe(TRIES)
      expect(new Set(refused.map(({ worker }) => worker)).size).toBe(workers)
      expect(JSON.stringify(rows)).not.toContain(BANNED)
      const times = rows.map(({ last_sec }) => last_sec)
      expect(times).toEqual([...times].sort((a, b) => a - b))
    })

    it('finds a ban in force after a crash that lost the table of bans, and lifts it for good', async () => {
      // Of the shared memory this alone: without the replay ring everybody would be refused for a while.
      const table = join(stage.home.folder, 'state', 'shared', 'bans')
      expect(existsSync(table)).toBe(true)
      for (const socket of held.splice(0)) socket.destroy()
      await palisade('ban', '127.0.9.0/24')
      stage.program.signal('SIGKILL')
      rmSync(table)
      await stage.restart('SIGKILL')
      expect((await json<Bans>('bans')).rows.map(({ prefix }) => prefix)).toEqual([BANNED, '127.0.9.0/24'])
      expect(await everyAnswerTo(BANNED)).toEqual(new Set(['mask site']))
      expect(await answersTo('127.0.9.9')).toBe('mask site')
      expect(await answersTo(NEIGHBOUR)).toBe('proxy')

      const within = await palisade('unban', '127.0.9.9')
      expect([within.code, within.stderr]).toEqual([
        1,
        '127.0.9.9 is not banned itself\n127.0.9.9 is still kept out with 127.0.9.0/24: palisade unban 127.0.9.0/24',
      ])
      expect((await palisade('unban', BANNED)).stdout).toBe(`lifted ${BANNED}`)
      expect(await everyAnswerTo(BANNED)).toEqual(new Set(['proxy']))
      await stage.restart('SIGKILL')
      expect(await everyAnswerTo(BANNED)).toEqual(new Set(['proxy']))
      expect(await answersTo('127.0.9.9')).toBe('mask site')
      expect((await palisade('unban', '--all')).code).toBe(0)
      expect(await everyAnswerTo('127.0.9.9')).toEqual(new Set(['proxy']))
    })
  },
)
