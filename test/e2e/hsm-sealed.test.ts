import { readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeToken, newTokens, removeTokens, SOFTHSM } from '../contract/softhsm.ts'
import { runToEnd } from './child.ts'
import { pingWithTdlib } from './clients.ts'
import { configText, writtenSecret, type TestSecret } from './config.ts'
import { FaultyModule } from './faulty-module.ts'
import { expectAnswer, HSM_ENVIRONMENT, hsmTable, importSecret, labelled } from './hsm.ts'
import { Home, PALISADE, RUNTIMES } from './program.ts'
import { Stage } from './stage.ts'

const ANN: TestSecret = { name: 'ann', mode: 'padded', key: 'f0e1d2c3b4a5968778695a4b3c2d1e0f' }
const BOB: TestSecret = { name: 'bob', mode: 'fake-tls', key: '1f2e3d4c5b6a79880897a6b5c4d3e2f1' }

afterAll(removeTokens)

describe.each(RUNTIMES)('sealed secrets, on %s', (runtime) => {
  let home: Home
  let module: FaultyModule
  beforeEach(() => {
    newTokens()
    makeToken()
    module = new FaultyModule()
    home = new Home('')
  })
  afterEach(() => {
    home.remove()
    module.remove()
  })

  const environment = () => ({ ...HSM_ENVIRONMENT, ...module.environment })
  /** Every secret by its label, and a state folder that outlives the configuration. */
  const settings = (hsm: string, secrets = [ANN], workers = 1) => ({
    secrets: labelled(secrets),
    listen: `workers = ${workers}`,
    more: `${hsm}\n[state]\npath = "${join(home.folder, 'state')}"`,
  })
  const configure = (hsm: string, secrets = [ANN], workers = 1) =>
    home.configure(configText({ dcPort: 1, maskPort: 1, ...settings(hsm, secrets, workers) }))
  const palisade = (command: string, { input = '', pin = HSM_ENVIRONMENT.HSM_PIN } = {}) =>
    runToEnd('sh', [PALISADE, ...command.split(' '), '--config', home.configFile, '--runtime', runtime], {
      ...{ env: { ...environment(), HSM_PIN: pin }, input },
    })
  /** As the link tells it, which is printed once. */
  async function generate(secret: TestSecret): Promise<TestSecret> {
    const { code, stdout, stderr } = await palisade(`hsm generate --label ${secret.name} --host 192.0.2.1`)
    expect(code, stderr).toBe(0)
    const key = /secret=(?:dd|ee)?([0-9a-f]{32})/.exec(stdout)?.[1]
    return { ...secret, key: String(key) }
  }
  const files = () =>
    readdirSync(join(home.folder, 'state'), { recursive: true, withFileTypes: true })
      .filter((file) => file.isFile())
      .map(({ parentPath, name }) => join(parentPath, name))
  async function refusal(options = {}): Promise<string> {
    const { code, stderr } = await palisade('run', options)
    expect(code, stderr).toBe(78)
    return stderr.trim()
  }

  it.each([1, 2])('let TDLib in with %i at work, and are nowhere on the disk in the clear', async (workers) => {
    configure(hsmTable(SOFTHSM, 'sealed'), [ANN, BOB], workers)
    const ann = await generate(ANN)
    const { stdout } = await palisade('hsm import --label bob --stdin', { input: BOB.key })
    expect(stdout).toContain('key = "hsm:bob"')
    const more = settings(hsmTable(SOFTHSM, 'sealed'), [ann, BOB], workers)
    const stage = await Stage.open(runtime, more, undefined, () => ({ environment: environment() }))
    try {
      expect(await stage.program.event('hsm.sealed')).toMatchObject({ level: 'info', route: 'sealed' })
      for (const secret of [ann, BOB]) for (let i = 0; i < workers; i++) await expectAnswer(stage, secret)
      const stranger = await pingWithTdlib(stage.program.port, writtenSecret({ ...ann, key: '9'.repeat(32) }))
      expect(stranger.error).toBeDefined()
      expect(stage.program.output).not.toContain(ann.key)
      for (const file of files()) {
        const bytes = readFileSync(file)
        const key = Buffer.from(ann.key, 'hex')
        for (const form of [key, ann.key, ann.key.toUpperCase(), key.toString('base64').slice(0, 21)])
          expect(bytes.includes(form), file).toBe(false)
      }
      const sealed = files().filter((file) => file.endsWith('.sealed'))
      expect(sealed.map((file) => statSync(file).mode & 0o777)).toEqual([0o600, 0o600])
    } finally {
      await stage.close()
    }
  })

  it('are taken by a reload once they are there, and in use are good while the token is away', async () => {
    configure(hsmTable(module.path, 'sealed'), [ANN, BOB])
    const ann = await generate(ANN)
    const hsm = hsmTable(module.path, 'sealed')
    const stage = await Stage.open(runtime, settings(hsm), undefined, () => ({ environment: environment() }))
    const { program } = stage
    try {
      stage.configure(settings(hsm, [ANN, BOB]))
      program.signal('SIGHUP')
      const { problems } = await program.event('reload.refused')
      expect(problems).toEqual([
        expect.stringMatching(/got "hsm:bob" \(there is none of that name; make it with: .*--label bob\)$/),
      ])
      const bob = await generate(BOB)
      program.signal('SIGHUP')
      await program.event('reload.applied')
      await expectAnswer(stage, bob)
      module.mode = 'away'
      program.signal('SIGHUP')
      await program.event('hsm.sealed-kept')
      for (const secret of [ann, bob]) await expectAnswer(stage, secret)
    } finally {
      await stage.close()
    }
  })

  it.each(['in a helper', 'softhsm, in process'])(
    'are what "auto" falls to at last (%s), and strict refuses',
    async (name) => {
      module.mode = 'keyless'
      const path = join(module.folder, `${name}.so`)
      symlinkSync(module.path, path)
      const auto = hsmTable(path, 'auto')
      configure(auto)
      const ann = await generate(ANN)
      expect((await palisade('hsm status')).stdout).toMatch(/^route {7}sealed: secrets are in the proxy's memory/m)
      expect((await palisade('check')).stdout).toMatch(/warn {2}hsm +only the sealed route is left: .*C_DigestKey/)
      const stage = await Stage.open(runtime, settings(auto, [ANN], 2), undefined, () => ({
        environment: environment(),
      }))
      try {
        const { level, why } = await stage.program.event('hsm.sealed')
        expect([level, why]).toEqual(['warn', expect.stringMatching(/C_DigestKey.*CKR_FUNCTION_NOT_SUPPORTED/)])
        for (let i = 0; i < 3; i++) await expectAnswer(stage, ann)
      } finally {
        await stage.close()
      }
      configure(`${auto}\nstrict = true`)
      expect(await refusal()).toMatch(/^\S+ hsm\.module: expected .*because hsm\.strict is true.*only the sealed route/)
      configure(hsmTable(path, 'helper'))
      expect(await refusal()).toMatch(/^\S+ hsm\.module: expected .*C_DigestKey.*provider = "sealed" has.*$/)
      configure(`${hsmTable(path, 'sealed')}\nstrict = true`)
      expect(await refusal()).toMatch(/hsm\.strict: expected false, because hsm\.provider is "sealed"/)
    },
  )

  it('are not those that lie in the token as keys, which one line tells', async () => {
    await importSecret(runtime, ANN)
    configure(hsmTable(SOFTHSM, 'sealed'))
    expect(await refusal()).toMatch(
      /^\S+ secret\.0\.key: .*it lies in the token as a key.*hsm import --label ann[^\n]*$/,
    )
  })

  it('do not open with a PIN that is wrong, under another key, or changed', async () => {
    configure(hsmTable(module.path, 'sealed'), [ANN], 2)
    await generate(ANN)
    const before = module.logins
    expect(await refusal({ pin: '9999' })).toMatch(/^\S+ hsm\.pin: .*CKR_PIN_INCORRECT; it was tried once[^\n]*$/)
    expect(module.logins - before).toBe(1)
    newTokens()
    makeToken()
    expect(await refusal()).toMatch(/^\S+ secret\.0\.key: .*the key "palisade-seal".*there is none[^\n]*$/)
    expect((await palisade('hsm seal-key --label palisade-seal')).code).toBe(0)
    expect(await refusal()).toMatch(/^\S+ secret\.0\.key: .*does not open: it was changed[^\n]*$/)
  })

  it('are listed, guarded and destroyed by their labels, and not rotated', async () => {
    configure(hsmTable(SOFTHSM, 'sealed'))
    await generate(ANN)
    const list = async () => JSON.parse((await palisade('hsm list --json')).stdout) as unknown[]
    expect(await list()).toMatchObject([{ label: 'ann', generation: 1, state: 'active', user: 'ann', fault: null }])
    expect((await palisade('hsm generate --label ann')).stderr).toMatch(/there is a sealed secret ann already/)
    expect((await palisade('hsm rotate --label ann')).stderr).toMatch(
      /for secrets that lie in the token, and yours are sealed/,
    )
    expect((await palisade('hsm destroy --label ann')).stderr).toMatch(/the configuration names it/)
    expect((await palisade('hsm destroy --label ann --force')).code).toBe(0)
    expect(await list()).toEqual([])
  })
})
