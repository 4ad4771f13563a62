import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeClientHello } from '../../src/core/protocol/faketls/make-hello.ts'
import { SystemRandom } from '../../src/runtime/random.ts'
import { DOMAIN, FAKE_TLS } from './config.ts'
import { firstBytes, isSignedAnswer } from './probe.ts'
import { RUNTIMES } from './program.ts'
import { Stage } from './stage.ts'

const ANSWER_BYTES = 256
const ATTACKER = '127.0.0.2'
const HONEST = '127.1.0.3'
const random = new SystemRandom()

describe.each([1, 2].flatMap((workers) => RUNTIMES.map((runtime) => ({ runtime, workers }))))(
  'the guard of the program on $runtime, $workers at work',
  ({ runtime, workers }) => {
    let stage: Stage
    beforeAll(async () => {
      stage = await Stage.open(runtime, { secrets: [FAKE_TLS], listen: `workers = ${workers}` })
    })
    afterAll(() => stage.close())

    function newHello(): Buffer {
      const stamp = Math.floor(Date.now() / 1000)
      const { record } = makeClientHello({ random, domain: DOMAIN, secret: Buffer.from(FAKE_TLS.key, 'hex'), stamp })
      return Buffer.from(record)
    }

    /** Who answers this hello. */
    async function answersTo(from: string, hello = newHello()): Promise<'proxy' | 'mask site'> {
      const answer = await firstBytes(stage.program.port, hello, ANSWER_BYTES, from)
      return isSignedAnswer(answer, hello, FAKE_TLS.key) ? 'proxy' : 'mask site'
    }

    it('bans who replays, whichever worker it comes to, and nobody else', async () => {
      const recorded = newHello()
      expect(await answersTo(HONEST, recorded)).toBe('proxy')
      expect(await answersTo(ATTACKER)).toBe('proxy')
      for (let i = 0; i < 6; i++) expect(await answersTo(ATTACKER, recorded)).toBe('mask site')
      expect(await stage.program.event('guard.banned')).toMatchObject({ reason: 'replays', for_sec: 600 })
      for (let i = 0; i < 4; i++) {
        expect(await answersTo(ATTACKER)).toBe('mask site')
        expect(await answersTo(HONEST)).toBe('proxy')
      }
    })

    it('does so after a restart as well', async () => {
      await stage.restart('SIGTERM')
      expect(await answersTo(ATTACKER)).toBe('mask site')
      expect(await answersTo(HONEST)).toBe('proxy')
    })
  },
)
