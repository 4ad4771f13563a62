import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { makeToken, newTokens, removeTokens, SOFTHSM } from '../contract/softhsm.ts'
import { Callers, isServed } from './callers.ts'
import { canaryKey } from './canary.child.ts'
import { ROOT, runToEnd } from './child.ts'
import { Download } from './clients.ts'
import { configText, SECRETS as PATTERNS, writtenSecret, type TestSecret } from './config.ts'
import { FaultyModule } from './faulty-module.ts'
import { expectAnswer, HSM_ENVIRONMENT, hsmTable, importSecret, labelled } from './hsm.ts'
import { commandOf, familyOf, formsOf, searchMemory } from './memory-search.ts'
import { Home, PALISADE, RUNTIMES } from './program.ts'
import { FILE_ID, sha256OfFile, Stage } from './stage.ts'
import { until } from './wait.ts'

const BYTES = 8 << 20
const LATE: TestSecret = { name: 'late', mode: 'padded', key: '0f1e2d3c4b5a69788796a5b4c3d2e1f0' }
/** In software, beside those of the token. */
const SOFTWARE: TestSecret = { name: 'soft', mode: 'fake-tls', key: 'a1a2a3a4a5a6a7a8a9aaabacadaeafa0' }
/** Drawn here: those of other tests have patterns that stand in programs anyway, such as the first state of MD5. */
const SECRETS = PATTERNS.map((one) => ({ ...one, key: randomBytes(16).toString('hex') }))
const FAKE_TLS = SECRETS[2]
const NEEDLES = SECRETS.flatMap(({ name, key }) => formsOf(name, Buffer.from(key, 'hex')))
const NO_GUARD = '[guard]\nenabled = false\n'

afterAll(removeTokens)

describe.each(RUNTIMES)('secrets that a helper process uses, on %s', (runtime) => {
  let stage: Stage | undefined
  let module: FaultyModule | undefined
  let callers: Callers | undefined
  let download: Download | undefined
  beforeAll(async () => {
    newTokens()
    makeToken()
    for (const secret of SECRETS) await importSecret(runtime, secret)
  })
  afterEach(async () => {
    await callers?.end()
    await download?.kill()
    await stage?.close()
    module?.remove()
    stage = module = callers = download = undefined
  })

  async function open(
    workers: number,
    secrets = labelled(SECRETS),
    more = hsmTable(SOFTHSM, 'helper'),
  ): Promise<Stage> {
    const settings = { secrets, listen: `workers = ${workers}`, more: `${NO_GUARD}${more}` }
    const environment = { ...HSM_ENVIRONMENT, ...module?.environment }
    stage = await Stage.open(runtime, settings, undefined, () => ({ environment }))
    return stage
  }

  /** Every process of the program, and the helper apart. */
  function processes() {
    const all = familyOf(stage!.program.pid)
    const helper = all.filter((pid) => commandOf(pid).endsWith('vault-helper'))
    expect(helper.length).toBe(1)
    return { helper: helper[0], proxy: all.filter((pid) => pid !== helper[0]) }
  }

  it.each([1, 2])('have its random numbers mixed into those of every process, with %d at work', async (workers) => {
    const { program } = await open(workers, labelled(SECRETS), `${hsmTable(SOFTHSM, 'helper')}\nrandom = true`)
    const { proxy } = processes()
    const told = () => program.log.all.filter(({ event }) => event === 'hsm.random-mixed').map(({ pid }) => Number(pid))
    await until('every process mixes them in', () => Promise.resolve(told().length === proxy.length))
    expect(new Set(told())).toEqual(new Set(proxy))
    expect(program.output).not.toContain('hsm.random-lost')
  })

  it.each([1, 2])('let TDLib in, and are nowhere in the memory of the proxy, with %d at work', async (workers) => {
    const { program } = await open(workers)
    expect(await program.event('hsm.ready')).toMatchObject({ process: 'vault-helper', provider: 'helper' })
    for (const secret of SECRETS) for (let i = 0; i < workers; i++) await expectAnswer(stage!, secret)
    const { proxy } = processes()
    expect(proxy.length).toBe(workers === 1 ? 1 : 1 + workers)
    for (const pid of proxy) {
      const { found, bytes } = searchMemory(pid, NEEDLES)
      expect(found, commandOf(pid)).toEqual([])
      expect(bytes).toBeGreaterThan(10 << 20)
    }
  })

  it('would be found there', async () => {
    const args = [join(ROOT, 'test/e2e/canary.child.ts')]
    const canary = spawn(join(ROOT, 'node_modules/.bin', runtime), args, { stdio: ['pipe', 'pipe', 'inherit'] })
    try {
      await once(canary.stdout, 'data')
      const needles = ['raw', 'hex', 'HEX', 'base64'].map((form) =>
        formsOf(form, canaryKey(form)).find((needle) => needle.form === `${form} ${form}`)!,
      )
      expect(searchMemory(canary.pid!, needles).found).toEqual(expect.arrayContaining(needles.map(({ form }) => form)))
    } finally {
      canary.stdin.end()
      await once(canary, 'exit')
    }
    // The very same program, with the secrets in its configuration.
    await open(1, [...SECRETS])
    for (const secret of SECRETS) await expectAnswer(stage!, secret)
    const { found } = searchMemory(stage!.program.pid, NEEDLES)
    expect(found).toEqual(expect.arrayContaining(SECRETS.flatMap(({ name }) => [`${name} raw`, `${name} hex`])))
  })

  it('are found by a reload once they are in the token, and refuse it before', async () => {
    const { program } = await open(2)
    const more = `${NO_GUARD}${hsmTable(SOFTHSM, 'helper')}`
    stage!.configure({ secrets: labelled([...SECRETS, LATE]), listen: 'workers = 2', more })
    program.signal('SIGHUP')
    const { problems } = await program.event('reload.refused')
    expect(problems).toEqual([expect.stringMatching(/secret\.3\.key: .*there is none of that name; make it with/)])
    await importSecret(runtime, LATE)
    program.signal('SIGHUP')
    await program.log.next(
      20_000,
      'the reload',
      ({ event, worker }) => event === 'reload.applied' && worker === undefined,
    )
    for (let i = 0; i < 4; i++) await expectAnswer(stage!, LATE)
  })

  it('cost newcomers alone when the helper is killed, and only until there is another one', async () => {
    const { program, mask, dc } = await open(2)
    const order = { secret: writtenSecret(FAKE_TLS), publicKeyPem: dc.publicKeyPem, fileId: FILE_ID, bytes: BYTES }
    download = new Download({ port: program.port, ...order, pauseAtBytes: 1 << 20 })
    await download.paused()
    callers = new Callers(program.port, FAKE_TLS)
    await callers.more('proxy', 40)
    expect(callers.counts.site).toBe(0)
    const before = processes()
    const visits = mask.tap.recordings.length
    process.kill(before.helper, 'SIGKILL')
    await callers.more('site', 20)
    expect(mask.tap.recordings.length).toBeGreaterThan(visits)
    download.resume()
    expect(await download.done()).toMatchObject({ sha256: sha256OfFile(BYTES), connections: 1 })
    expect(await program.event('security.hsm.helper-died')).toMatchObject({ pid: before.helper, signal: 'SIGKILL' })
    await program.event('hsm.helper-back', 0, 30_000)
    await callers.more('proxy', 40)
    await callers.end()
    expect(callers.failures).toEqual([])
    for (const secret of SECRETS) await expectAnswer(stage!, secret)
    const after = processes()
    expect(after.proxy).toEqual(before.proxy)
    expect(after.helper).not.toBe(before.helper)
    const reasons = program.log.all.flatMap(({ event, reason }) => (event === 'conn.rejected' ? [reason] : []))
    expect(new Set(reasons)).toEqual(new Set(['vault-failed']))
  })

  it('delay nobody else while the module hangs, and come back when the helper was replaced', async () => {
    module = new FaultyModule()
    // Whoever waited for the module would wait for longer than any client of these tests.
    const more = `${hsmTable(module.path, 'helper')}\noperation_timeout = "20s"`
    const { program } = await open(1, [...labelled(SECRETS), SOFTWARE], more)
    expect(await isServed(program.port, FAKE_TLS)).toBe(true)
    const { helper } = processes()
    module.mode = 'hang'
    const waiting = isServed(program.port, FAKE_TLS).catch(() => 'nothing')
    for (let i = 0; i < 5; i++) expect(await isServed(program.port, SOFTWARE)).toBe(true)
    await expectAnswer(stage!, SOFTWARE)
    expect(await program.event('security.hsm.helper-hung', 0, 60_000)).toMatchObject({ pid: helper })
    expect(await waiting).not.toBe(true)
    module.mode = 'works'
    await program.event('hsm.helper-back', 0, 30_000)
    // Each process reaches the new one by itself.
    await until('an answer', () => isServed(program.port, FAKE_TLS).catch(() => false))
    for (const secret of [...SECRETS, SOFTWARE]) await expectAnswer(stage!, secret)
  })

  it('send their users to the mask host while the token is away, and the helper gets it back by itself', async () => {
    module = new FaultyModule()
    const { program } = await open(2, labelled(SECRETS), hsmTable(module.path, 'helper'))
    callers = new Callers(program.port, FAKE_TLS)
    await callers.more('proxy', 8)
    module.mode = 'away'
    expect(await program.event('hsm.gone')).toMatchObject({ process: 'vault-helper' })
    await callers.more('site', 20)
    const { helper } = processes()
    expect(await program.metrics()).toMatch(/palisade_vault_errors_total\{code="CKR_\w+"\} [1-9]/)
    module.mode = 'works'
    await program.event('hsm.back', 0, 30_000)
    await callers.more('proxy', 20)
    expect([callers.failures, processes().helper]).toEqual([[], helper])
  })

  it('stay shut to a wrong PIN, which the helper tries once', async () => {
    module = new FaultyModule()
    const more = hsmTable(module.path, 'helper')
    const home = new Home(
      configText({ dcPort: 1, maskPort: 1, secrets: labelled(SECRETS), listen: 'workers = 2', more }),
    )
    const args = [PALISADE, 'run', '--config', home.configFile, '--runtime', runtime]
    const env = { ...HSM_ENVIRONMENT, ...module.environment, HSM_PIN: '9999' }
    const { code, stderr } = await runToEnd('sh', args, { env })
    home.remove()
    expect([code, module.logins]).toEqual([78, 1])
    expect(stderr.trim().split('\n')).toEqual([
      expect.stringMatching(/hsm\.pin: expected the PIN of token "palisade".*CKR_PIN_INCORRECT; it was tried once/),
    ])
  })

  it('are not asked for by a PIN that was refused since, by whatever helper', async () => {
    module = new FaultyModule()
    const { program } = await open(2, labelled(SECRETS), hsmTable(module.path, 'helper'))
    expect(module.logins).toBe(1)
    module.mode = 'pin'
    process.kill(processes().helper, 'SIGKILL')
    await program.event('hsm.pin-refused', 0, 30_000)
    module.mode = 'works'
    expect(await isServed(program.port, FAKE_TLS).catch(() => false)).toBe(false)
    expect(module.logins).toBe(2)
  })

  it('leave no process and no socket behind, even when the supervisor is killed', async () => {
    const { program } = await open(2)
    const { helper } = processes()
    const socket = join(stage!.home.folder, 'state', `vault-${program.pid}.sock`)
    expect(existsSync(socket)).toBe(true)
    program.signal('SIGKILL')
    await until('the end of the helper', () => Promise.resolve(!existsSync(`/proc/${helper}`)))
    expect(existsSync(socket)).toBe(false)
  })
})
