import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pingWithTdlib } from './clients.ts'
import { DOMAIN, FAKE_TLS, writtenSecret } from './config.ts'
import { MaskSite } from './mask-site.ts'
import { certificateSeenByOpenssl, firstBytes, firstRecord, isSignedAnswer, pageSeenByCurl, probe } from './probe.ts'
import { RUNTIMES } from './program.ts'
import { Recorder } from './recorder.ts'
import { Stage } from './stage.ts'

/** Enough of an answer to see three whole TLS records of ours, or the site's own hello. */
const ANSWER_BYTES = 256

describe.each(RUNTIMES)('probers of the program on %s', (runtime) => {
  let stage: Stage
  beforeAll(async () => {
    stage = await Stage.open(runtime, { secrets: [FAKE_TLS] })
  })
  afterAll(() => stage.close())

  /** A real client's hello, tapped on its way to the proxy while that client pings through it. */
  async function recordHello(): Promise<{ hello: Buffer; answer: Buffer }> {
    const tap = await Recorder.start(stage.program.port)
    await pingWithTdlib(tap.port, writtenSecret(FAKE_TLS))
    tap.close()
    const [{ fromClient, toClient }] = tap.recordings
    return { hello: firstRecord(fromClient), answer: toClient }
  }

  it("openssl s_client is shown the mask site's certificate", async () => {
    expect(await certificateSeenByOpenssl(stage.program.port, DOMAIN)).toBe(stage.mask.fingerprint)
    expect(await certificateSeenByOpenssl(stage.mask.port, DOMAIN)).toBe(stage.mask.fingerprint)
  })

  it("openssl s_client is shown the mask site's certificate under a name that is not configured", async () => {
    expect(await certificateSeenByOpenssl(stage.program.port, 'other.example.net')).toBe(stage.mask.fingerprint)
  })

  it("curl gets the mask site's page", async () => {
    expect(await pageSeenByCurl(stage.program.port, DOMAIN)).toBe(MaskSite.page)
  })

  it.each([
    ['plain HTTP', Buffer.from(`GET / HTTP/1.1\r\nHost: ${DOMAIN}\r\nUser-Agent: ${'probe '.repeat(20)}\r\n\r\n`)],
    ['bytes of no protocol', Buffer.alloc(300, 0x5a)],
    ['an SSH banner', Buffer.from('SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n')],
    ['a TLS alert', Buffer.from('15030100020228', 'hex')],
    ['a TLS 1.0 hello', Buffer.from(`160301002d010000290301${'7e'.repeat(32)}000002002f0100`, 'hex')],
  ])('%s gets what the mask site itself answers', async (_name, bytes) => {
    const [ours, theirs] = [await probe(stage.program.port, bytes), await probe(stage.mask.port, bytes)]
    expect(ours).toEqual(theirs)
    expect(stage.mask.tap.recordings.filter(({ fromClient }) => fromClient.equals(bytes))).toHaveLength(2)
  })

  it('a recorded hello goes to the mask site, now and after restarts', async () => {
    const { hello, answer } = await recordHello()
    expect(isSignedAnswer(answer, hello, FAKE_TLS.key)).toBe(true)
    expect(stage.mask.tap.saw(hello)).toBe(false)

    const replay = async () => {
      const replayed = await firstBytes(stage.program.port, hello, ANSWER_BYTES)
      expect(isSignedAnswer(replayed, hello, FAKE_TLS.key)).toBe(false)
      expect(stage.mask.tap.saw(hello)).toBe(true)
      stage.mask.tap.recordings.length = 0
    }
    await replay()
    await stage.restart('SIGTERM')
    await replay()
    await stage.restart('SIGKILL')
    await replay()
  })

  it('a recorded hello with one byte changed goes to the mask site', async () => {
    const { hello } = await recordHello()
    hello[hello.length - 1] ^= 1
    const answer = await firstBytes(stage.program.port, hello, ANSWER_BYTES)
    expect(isSignedAnswer(answer, hello, FAKE_TLS.key)).toBe(false)
    expect(stage.mask.tap.saw(hello)).toBe(true)
  })
})
