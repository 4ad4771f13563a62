import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Download, pingWithTdlib } from './clients.ts'
import { SECRETS, writtenSecret } from './config.ts'
import { RUNTIMES } from './program.ts'
import { FILE_ID, sha256OfFile, Stage } from './stage.ts'

const DOWNLOAD_BYTES = 32 << 20

describe.each(RUNTIMES)('clients through the program on %s', (runtime) => {
  let stage: Stage
  beforeAll(async () => {
    stage = await Stage.open(runtime)
  })
  afterAll(() => stage.close())

  it.each(SECRETS)('TDLib pings a DC with the $name secret', async (secret) => {
    const before = stage.dc.counters.answered
    const answer = await pingWithTdlib(stage.program.port, writtenSecret(secret))
    expect(answer.error).toBeUndefined()
    expect(answer.seconds).toBeGreaterThan(0)
    // A ping is two requests for pq, and each must have reached the DC.
    expect(stage.dc.counters.answered - before).toBe(2)
  })

  it.each(SECRETS)('mtcute agrees on a key and downloads 32 MB with the $name secret', async (secret) => {
    const download = new Download({
      port: stage.program.port,
      secret: writtenSecret(secret),
      publicKeyPem: stage.dc.publicKeyPem,
      fileId: FILE_ID,
      bytes: DOWNLOAD_BYTES,
    })
    expect(await download.done()).toMatchObject({ sha256: sha256OfFile(DOWNLOAD_BYTES), bytes: DOWNLOAD_BYTES })
  })

  it('TDLib is refused with a secret that nobody configured', async () => {
    const stranger = { ...SECRETS[2], key: '99999999999999999999999999999999' }
    const answer = await pingWithTdlib(stage.program.port, writtenSecret(stranger))
    expect(answer.error).toMatch(/hash mismatch|hello is invalid|too many data/i)
  })
})
