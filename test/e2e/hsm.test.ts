import { renameSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeToken, newTokens, PIN, removeTokens, SOFTHSM, softhsmEnvironment, TOKEN } from '../contract/softhsm.ts'
import { runToEnd } from './child.ts'
import { Download, pingWithTdlib } from './clients.ts'
import { configText, SECRETS, writtenSecret, type TestSecret } from './config.ts'
import { Home, PALISADE, RUNTIMES, type RuntimeName } from './program.ts'
import { FILE_ID, sha256OfFile, Stage } from './stage.ts'

/** The secrets of other tests; this configuration has their labels alone. */
const labelled = (secrets: readonly TestSecret[]) => secrets.map((one) => ({ ...one, key: `hsm:${one.name}` }))
const LATE: TestSecret = { name: 'late', mode: 'padded', key: '0f1e2d3c4b5a69788796a5b4c3d2e1f0' }
const HSM = `[hsm]
module = "${SOFTHSM}"
token = "${TOKEN}"
pin = "env:HSM_PIN"
sessions = 2`
const DOWNLOAD_BYTES = 8 << 20
const environment = { ...softhsmEnvironment(), HSM_PIN: PIN }

/** Puts the secret into the token as an operator would. */
async function importSecret(runtime: RuntimeName, { name, key }: TestSecret): Promise<void> {
  const home = new Home(configText({ dcPort: 1, maskPort: 1, secrets: labelled(SECRETS), more: HSM }))
  const args = ['hsm', 'import', '--label', name, '--stdin', '--config', home.configFile, '--runtime', runtime]
  const { code, stderr } = await runToEnd('sh', [PALISADE, ...args], { env: environment, input: `${key}\n` })
  home.remove()
  expect(code, stderr).toBe(0)
}

async function answers(stage: Stage, secret: TestSecret): Promise<void> {
  const before = stage.dc.counters.answered
  const answer = await pingWithTdlib(stage.program.port, writtenSecret(secret))
  expect(answer.error).toBeUndefined()
  expect(stage.dc.counters.answered - before).toBe(2)
}

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

  it.each(SECRETS)('let TDLib ping a DC with the $name secret', (secret) => answers(stage, secret))

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
      expect.stringMatching(/secret\.3\.key: .*got "hsm:late" \(there is none of that name\)$/),
    ])
    await importSecret(runtime, LATE)
    program.signal('SIGHUP')
    await program.event('reload.applied')
    await answers(stage, LATE)
  })

  it('serve on while the token cannot be reached, by copies made before', async () => {
    renameSync(tokens, `${tokens}-away`)
    for (const secret of SECRETS) await answers(stage, secret)
    renameSync(`${tokens}-away`, tokens)
  })

  it('are used by every worker process', async () => {
    const more = { secrets: labelled(SECRETS), listen: 'workers = 2', more: HSM }
    const crew = await Stage.open(runtime, more, undefined, () => ({ environment }))
    try {
      for (const secret of SECRETS) for (let i = 0; i < 3; i++) await answers(crew, secret)
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
