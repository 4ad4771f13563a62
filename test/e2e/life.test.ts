import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { Download, pingWithTdlib } from './clients.ts'
import { FAKE_TLS, SECRETS, writtenSecret, type TestSecret } from './config.ts'
import { RUNTIMES } from './program.ts'
import { FILE_ID, Stage, sha256OfFile } from './stage.ts'

const BYTES = 8 << 20

describe.each(RUNTIMES)('the life of the program on %s', (runtime) => {
  let stage: Stage | undefined
  let download: Download | undefined
  afterEach(async () => {
    await download?.kill()
    await stage?.close()
  })

  /** A client that stands in the middle of a download, its connection open. */
  async function halfway(settings: { listen?: string; secrets?: readonly TestSecret[] } = {}): Promise<Stage> {
    stage = await Stage.open(runtime, settings)
    const order = {
      secret: writtenSecret(FAKE_TLS),
      publicKeyPem: stage.dc.publicKeyPem,
      fileId: FILE_ID,
      bytes: BYTES,
    }
    download = new Download({ port: stage.program.port, ...order, pauseAtBytes: BYTES / 2 })
    await download.paused()
    return stage
  }

  async function finishDownload(): Promise<void> {
    download!.resume()
    expect(await download!.done()).toMatchObject({ sha256: sha256OfFile(BYTES), connections: 1 })
  }

  it('SIGHUP adds a secret and drops no live download', async () => {
    const { program } = await halfway({ secrets: [FAKE_TLS] })
    const added = SECRETS[1]
    stage!.configure({ secrets: [FAKE_TLS, added] })
    program.signal('SIGHUP')
    await program.event('reload.applied')
    expect(await pingWithTdlib(program.port, writtenSecret(added))).toEqual({ seconds: expect.any(Number) as number })
    await finishDownload()
  })

  it('SIGHUP with a broken configuration changes nothing and says so', async () => {
    const { program } = await halfway({ secrets: [FAKE_TLS] })
    stage!.home.configure('[listen]\nadress = []\n')
    program.signal('SIGHUP')
    await program.event('reload.refused')
    expect(await pingWithTdlib(program.port, writtenSecret(FAKE_TLS))).toEqual({
      seconds: expect.any(Number) as number,
    })
    await finishDownload()
  })

  it('SIGTERM refuses newcomers, lets a download finish, and ends', async () => {
    const { program } = await halfway({ listen: 'drain_timeout = "60s"' })
    program.signal('SIGTERM')
    await program.event('drain.began')
    expect(await connects(program.port)).toBe(false)
    await finishDownload()
    expect(await program.finish()).toEqual({ code: 0, signal: null })
  })

  it('SIGTERM ends a download that outlives drain_timeout', async () => {
    const { program } = await halfway({ listen: 'drain_timeout = "500ms"' })
    program.signal('SIGTERM')
    expect(await program.finish()).toEqual({ code: 0, signal: null })
  })

  it('a second SIGTERM does not wait for anybody', async () => {
    const { program } = await halfway({ listen: 'drain_timeout = "60s"' })
    program.signal('SIGTERM')
    await program.event('drain.began')
    program.signal('SIGTERM')
    await program.finish()
    expect(program.isRunning).toBe(false)
  })
})

async function connects(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
