import { afterEach, describe, expect, it } from 'vitest'
import { pingWithTdlib } from './clients.ts'
import { FAKE_TLS, SECRETS, writtenSecret } from './config.ts'
import { RUNTIMES } from './program.ts'
import { Stage } from './stage.ts'

describe.each(RUNTIMES)('the life of the program on %s', (runtime) => {
  let stage: Stage | undefined
  afterEach(() => stage?.close())

  it('SIGHUP adds a secret', async () => {
    stage = await Stage.open(runtime, { secrets: [FAKE_TLS] })
    const added = SECRETS[1]
    stage.configure({ secrets: [FAKE_TLS, added] })
    stage.program.signal('SIGHUP')
    await stage.program.event('reload.applied')
    expect(await pingWithTdlib(stage.program.port, writtenSecret(added))).toEqual({
      seconds: expect.any(Number) as number,
    })
  })

  it('SIGHUP with a broken configuration changes nothing and says so', async () => {
    stage = await Stage.open(runtime, { secrets: [FAKE_TLS] })
    stage.home.configure('[listen]\nadress = []\n')
    stage.program.signal('SIGHUP')
    await stage.program.event('reload.refused')
    expect(await pingWithTdlib(stage.program.port, writtenSecret(FAKE_TLS))).toEqual({
      seconds: expect.any(Number) as number,
    })
  })

  it('SIGTERM drains and ends with code 0', async () => {
    stage = await Stage.open(runtime)
    stage.program.signal('SIGTERM')
    await stage.program.event('drain.began')
    expect(await stage.program.finish()).toEqual({ code: 0, signal: null })
  })
})
