import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { askAdminSocket } from '../../src/runtime/admin-socket.ts'
import { makeToken, newTokens, removeTokens } from '../contract/softhsm.ts'
import { Download, pingWithTdlib } from './clients.ts'
import { FAKE_TLS, SECRETS, writtenSecret, type TestSecret } from './config.ts'
import { FaultyModule } from './faulty-module.ts'
import { expectAnswer, HSM_ENVIRONMENT, hsmTable, importSecret, labelled } from './hsm.ts'
import { RUNTIMES } from './program.ts'
import { FILE_ID, sha256OfFile, Stage } from './stage.ts'

const DOWNLOAD_BYTES = 8 << 20
/** A token that works is tested every ten seconds. */
const TEST_MS = 20_000

afterAll(removeTokens)

describe.each(RUNTIMES)('while the HSM is away, on %s', (runtime) => {
  let module: FaultyModule
  let stage: Stage
  beforeAll(async () => {
    newTokens()
    makeToken()
    for (const secret of SECRETS) await importSecret(runtime, secret)
  })
  beforeEach(async () => {
    module = new FaultyModule()
    const settings = { secrets: labelled(SECRETS), more: hsmTable(module.path) }
    const environment = { ...HSM_ENVIRONMENT, ...module.environment }
    stage = await Stage.open(runtime, settings, undefined, () => ({ environment }))
  })
  afterEach(async () => {
    await stage.close()
    module.remove()
  })

  /** Whoever knows the secret is led to the mask host, and nothing of it reaches the DC. */
  async function expectRefusal(secret: TestSecret): Promise<void> {
    const before = stage.dc.counters.answered
    const visits = stage.mask.tap.recordings.length
    const { error } = await pingWithTdlib(stage.program.port, writtenSecret(secret))
    expect(error).toBeDefined()
    expect(stage.dc.counters.answered).toBe(before)
    expect(stage.mask.tap.recordings.length).toBeGreaterThan(visits)
  }
  const reasons = () =>
    stage.program.log.all.flatMap(({ event, reason }) => (event === 'conn.rejected' ? [reason] : []))

  it('newcomers go to the mask host, live relays go on, and all is well when it is back', async () => {
    const { program } = stage
    const download = new Download({
      ...{ port: program.port, secret: writtenSecret(FAKE_TLS), publicKeyPem: stage.dc.publicKeyPem },
      ...{ fileId: FILE_ID, bytes: DOWNLOAD_BYTES, pauseAtBytes: 1 << 20 },
    })
    await download.paused()
    module.mode = 'away'
    for (const secret of SECRETS) await expectRefusal(secret)
    await program.event('hsm.gone')
    expect(new Set(reasons())).toEqual(new Set(['vault-failed']))
    download.resume()
    expect(await download.done()).toMatchObject({ sha256: sha256OfFile(DOWNLOAD_BYTES), bytes: DOWNLOAD_BYTES })
    await expectRefusal(FAKE_TLS)
    module.mode = 'works'
    await program.event('hsm.back')
    for (const secret of SECRETS) await expectAnswer(stage, secret)
  })

  it('wrong answers are as good as none', async () => {
    const { program } = stage
    module.mode = 'garbage'
    expect(await program.event('hsm.gone', 0, TEST_MS)).toMatchObject({ why: 'it gives wrong answers' })
    await expectRefusal(FAKE_TLS)
    expect(reasons()).toEqual(['vault-failed'])
    module.mode = 'works'
    await program.event('hsm.back')
    await expectAnswer(stage, FAKE_TLS)
  })

  it('a PIN that it refuses now is not tried again', async () => {
    const { program } = stage
    expect(module.logins).toBe(1)
    module.mode = 'pin'
    await expectRefusal(FAKE_TLS)
    await expectRefusal(FAKE_TLS)
    await program.event('hsm.pin-refused')
    module.mode = 'works'
    await expectRefusal(FAKE_TLS)
    expect(module.logins).toBe(2)
  })

  it('a PIN that it refuses one process is not tried by the others', async () => {
    await stage.close()
    const before = module.logins
    module.mode = 'works'
    const settings = { secrets: labelled(SECRETS), listen: 'workers = 2', more: hsmTable(module.path) }
    const environment = { ...HSM_ENVIRONMENT, ...module.environment }
    stage = await Stage.open(runtime, settings, undefined, () => ({ environment }))
    const { log } = stage.program
    // The supervisor, and two workers.
    expect(module.logins - before).toBe(3)
    module.mode = 'pin'
    const told = () => log.all.filter(({ event }) => event === 'hsm.pin-refused').length
    await log.next(TEST_MS, 'all three to be told', () => told() === 3)
    expect(module.logins - before).toBe(4)
  })

  it('newcomers wait for its return where they are to, and all can be seen from outside', async () => {
    await stage.close()
    module.mode = 'works'
    const settings = { secrets: labelled(SECRETS), more: `${hsmTable(module.path)}\noutage = "wait"` }
    const environment = { ...HSM_ENVIRONMENT, ...module.environment }
    stage = await Stage.open(runtime, settings, undefined, () => ({ environment }))
    const { program } = stage
    const ask = async (command: string, args: object = {}) => {
      const path = join(stage.home.folder, 'palisade.sock')
      return JSON.parse(await askAdminSocket(path, JSON.stringify({ command, args }))) as { result: object }
    }
    expect(await ask('status')).toMatchObject({ result: { vault: 'answers' } })
    module.mode = 'away'
    const answers = SECRETS.map((secret) => pingWithTdlib(program.port, writtenSecret(secret)))
    await program.event('hsm.gone')
    expect(await ask('status')).toMatchObject({ result: { vault: 'gone' } })
    expect(await stage.program.metrics()).toContain('palisade_vault_up 0')
    module.mode = 'works'
    for (const { error } of await Promise.all(answers)) expect(error).toBeUndefined()
    expect(reasons()).toEqual([])
    const { result } = (await ask('events', { last: 100 })) as { result: { rows: { code: string }[] } }
    expect(result.rows.map(({ code }) => code)).toEqual(expect.arrayContaining(['vault.gone', 'vault.back']))
    const metrics = await stage.program.metrics()
    expect(metrics).toContain('palisade_vault_up 1')
    expect(metrics).toMatch(/palisade_vault_operations_total\{operation="match",result="failed"\} [1-9]/)
    expect(metrics).toMatch(/palisade_vault_errors_total\{code="CKR_\w+"\} [1-9]/)
  })
})
