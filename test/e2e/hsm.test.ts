import { renameSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeToken, newTokens, PIN, removeTokens, TOKEN } from '../contract/softhsm.ts'
import { runToEnd } from './child.ts'
import { Download, pingWithTdlib } from './clients.ts'
import { configText, SECRETS, writtenSecret, type TestSecret } from './config.ts'
import { expectAnswer, HSM_ENVIRONMENT, hsmTable, importSecret, labelled } from './hsm.ts'
import { Home, PALISADE, RUNTIMES } from './program.ts'
import { FILE_ID, sha256OfFile, Stage } from './stage.ts'

const LATE: TestSecret = { name: 'late', mode: 'padded', key: '0f1e2d3c4b5a69788796a5b4c3d2e1f0' }
const HSM = hsmTable()
const DOWNLOAD_BYTES = 8 << 20
const environment = HSM_ENVIRONMENT

afterAll(removeTokens)

describe.each(RUNTIMES)('secrets that lie in a token alone, on %s', (runtime) => {
  let stage: Stage
  let tokens: string
  beforeAll(async () => {
    tokens = newTokens()
    makeToken()
    for (const secret of SECRETS) await importSecret(runtime, secret)
    stage = await Stage.open(runtime, { secrets: labelled(SECRETS), more: HSM }, undefined, () => ({ environment }))
  })
  afterAll(() => stage.close())

  it('are told of at the start, with the way they are used', async () => {
    expect(await stage.program.event('hsm.ready')).toMatchObject({ token: TOKEN, route: 'digest-key + hmac' })
    expect(stage.program.output).not.toContain(PIN)
  })

  it.each(SECRETS)('let TDLib ping a DC with the $name secret', (secret) => expectAnswer(stage, secret))

  it.each(SECRETS)('let mtcute download 8 MB with the $name secret', async (secret) => {
    const download = new Download({
      ...{ port: stage.program.port, secret: writtenSecret(secret), publicKeyPem: stage.dc.publicKeyPem },
      ...{ fileId: FILE_ID, bytes: DOWNLOAD_BYTES },
    })
    expect(await download.done()).toMatchObject({ sha256: sha256OfFile(DOWNLOAD_BYTES), bytes: DOWNLOAD_BYTES })
  })

  it('let nobody in who knows none of them', async () => {
    const stranger = { ...SECRETS[2], key: '99999999999999999999999999999999' }
    const answer = await pingWithTdlib(stage.program.port, writtenSecret(stranger))
    expect(answer.error).toMatch(/hash mismatch|hello is invalid|too many data/i)
  })

  it('are found by a reload once they are in the token, and refuse it before', async () => {
    const { program } = stage
    stage.configure({ secrets: labelled([...SECRETS, LATE]), more: HSM })
    program.signal('SIGHUP')
    const { problems } = await program.event('reload.refused')
    expect(problems).toEqual([
      expect.stringMatching(
        /secret\.3\.key: .*got "hsm:late" \(there is none of that name; make it with: .*--label late\)$/,
      ),
    ])
    await importSecret(runtime, LATE)
    program.signal('SIGHUP')
    await program.event('reload.applied')
    await expectAnswer(stage, LATE)
  })

  it('serve on while the token cannot be reached, by copies made before', async () => {
    renameSync(tokens, `${tokens}-away`)
    for (const secret of SECRETS) await expectAnswer(stage, secret)
    renameSync(`${tokens}-away`, tokens)
  })

  it('are used by every worker process', async () => {
    const more = { secrets: labelled(SECRETS), listen: 'workers = 2', more: HSM }
    const crew = await Stage.open(runtime, more, undefined, () => ({ environment }))
    try {
      for (const secret of SECRETS) for (let i = 0; i < 3; i++) await expectAnswer(crew, secret)
      const ready = crew.program.log.all.filter(({ event }) => event === 'hsm.ready')
      expect(ready.map(({ worker }) => worker)).toEqual([undefined, 0, 1])
    } finally {
      await crew.close()
    }
  })

  it('stay shut to a wrong PIN, which one process tries once', async () => {
    const settings = { dcPort: 1, maskPort: 1, secrets: labelled(SECRETS), listen: 'workers = 2', more: HSM }
    const home = new Home(configText(settings))
    const args = [PALISADE, 'run', '--config', home.configFile, '--runtime', runtime]
    const { code, stderr } = await runToEnd('sh', args, { env: { ...environment, HSM_PIN: '9999' } })
    home.remove()
    expect(code).toBe(78)
    expect(stderr.trim().split('\n')).toEqual([
      expect.stringMatching(/hsm\.pin: expected the PIN of token "palisade".*CKR_PIN_INCORRECT; it was tried once/),
    ])
  })
})
