import { once } from 'node:events'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { Status } from '../../src/admin/commands.ts'
import { askAdminSocket } from '../../src/runtime/admin-socket.ts'
import { runToEnd } from './child.ts'
import { Download, pingWithTdlib } from './clients.ts'
import { configText, FAKE_TLS, SECRETS, writtenSecret, type TestSecret } from './config.ts'
import { knock, Knocker } from './knocker.ts'
import { Home, PALISADE, Program, RUNTIMES } from './program.ts'
import { FILE_ID, Stage, sha256OfFile } from './stage.ts'
import { until } from './wait.ts'

const BYTES = 8 << 20
const LISTEN = 'drain_timeout = "40s"\n'

describe.each(RUNTIMES)('several workers on %s', (runtime) => {
  let stage: Stage | undefined
  let download: Download | undefined
  let knocker: Knocker | undefined
  const held: Socket[] = []
  /** Processes that are nobody's children any more. */
  const strays: number[] = []
  afterEach(async () => {
    for (const socket of held.splice(0)) socket.destroy()
    await knocker?.end()
    await download?.kill()
    for (const pid of strays.splice(0)) kill(pid, 'SIGKILL')
    await stage?.close()
    stage = download = knocker = undefined
  })

  async function open(workers = 2, secrets: readonly TestSecret[] = SECRETS): Promise<Stage> {
    stage = await Stage.open(runtime, { listen: `${LISTEN}workers = ${workers}`, secrets })
    return stage
  }

  async function halfway(): Promise<void> {
    const { program, dc } = stage!
    const order = { secret: writtenSecret(FAKE_TLS), publicKeyPem: dc.publicKeyPem, fileId: FILE_ID, bytes: BYTES }
    download = new Download({ port: program.port, ...order, pauseAtBytes: BYTES / 2 })
    await download.paused()
  }

  async function finishDownload(): Promise<void> {
    download!.resume()
    expect(await download!.done()).toMatchObject({ sha256: sha256OfFile(BYTES), connections: 1 })
  }

  async function ask(command: string): Promise<unknown> {
    const line = await askAdminSocket(join(stage!.home.folder, 'palisade.sock'), JSON.stringify({ command }))
    return (JSON.parse(line) as { result: unknown }).result
  }
  const status = async () => (await ask('status')) as Status

  /** Connections that say nothing, and which of them have been closed. */
  async function hold(count: number): Promise<{ closed: () => number }> {
    let closed = 0
    for (let i = 0; i < count; i++) {
      const socket = connect(stage!.program.port, '127.0.0.1')
      socket.on('error', () => {})
      socket.on('close', () => closed++)
      held.push(socket)
      await once(socket, 'connect')
    }
    return { closed: () => closed }
  }

  it('deal connections out among them, and tell of them as one program', async () => {
    await open()
    knocker = new Knocker(stage!.program.port)
    await knocker.more(60)
    await knocker.end()
    expect(knocker.failures).toEqual([])
    const { workers, accepted } = await status()
    expect(workers.map(({ column, state }) => [column, state])).toEqual([
      [0, 'running'],
      [1, 'running'],
    ])
    for (const worker of workers) expect(worker.accepted).toBeGreaterThan(0)
    expect(accepted).toBe(knocker.served)
    expect(workers[0].accepted + workers[1].accepted).toBe(accepted)
    const at = stage!.program.log.all.find(({ event }) => event === 'metrics.listening')!.address as string
    const text = await (await fetch(`http://${at}/metrics`)).text()
    expect(text).toContain(`palisade_connections_accepted_total ${accepted}`)
    expect(text).toContain('palisade_workers 2')
  })

  it('a worker that is killed costs only its own connections, and is replaced', async () => {
    const { program } = await open()
    const { closed } = await hold(40)
    await until('all are accepted', async () => (await status()).open === 40)
    const [victim, other] = (await status()).workers
    expect(victim.open + other.open).toBe(40)
    knocker = new Knocker(program.port)
    await knocker.more(20)
    const seen = program.log.all.length
    kill(victim.pid, 'SIGKILL')
    expect(await program.event('worker.died', seen)).toMatchObject({ pid: victim.pid, signal: 'SIGKILL', worker: 0 })
    await program.event('worker.ready', seen)
    await knocker.more(60)
    await knocker.end()
    // What stood or waited in that process went with it; nobody was refused, and the others noticed nothing.
    expect(knocker.failures.filter(({ when }) => when === 'connecting')).toEqual([])
    expect(knocker.failures.length).toBeLessThanOrEqual(8)
    expect(closed()).toBe(victim.open)
    await until('the others alone are left', async () => (await status()).open === other.open)
    const after = await status()
    expect(after.workers.map(({ pid }) => pid)).not.toContain(victim.pid)
    expect(after.workers).toHaveLength(2)
    expect(after.accepted).toBeGreaterThanOrEqual(40)
  })

  it('a planned restart replaces all of them and loses no connection', async () => {
    const { program } = await open()
    await halfway()
    const before = (await status()).workers.map(({ pid }) => pid)
    knocker = new Knocker(program.port)
    await knocker.more(20)
    expect(await ask('restart')).toEqual({ workers: 2 })
    await program.event('restart.done', 0, 30_000)
    await knocker.more(40)
    await knocker.end()
    expect(knocker.failures).toEqual([])
    const { workers } = await status()
    expect(workers.filter(({ state }) => state === 'running').map(({ pid }) => before.includes(pid))).toEqual([
      false,
      false,
    ])
    await finishDownload()
    await until('the old ones are gone', async () => (await status()).workers.length === 2)
  })

  it.each([1, 2])('SIGUSR2 starts the program anew with %i workers, and loses no connection', async (workers) => {
    const { program } = await open(workers)
    await halfway()
    knocker = new Knocker(program.port)
    await knocker.more(20)
    const old = (await status()).pid
    program.signal('SIGUSR2')
    const { pid } = (await program.event('upgrade.done', 0, 30_000)) as unknown as { pid: number }
    strays.push(pid)
    await knocker.more(40)
    await knocker.end()
    expect(knocker.failures).toEqual([])
    expect(await status()).toMatchObject({ pid, state: 'running', listening: [`127.0.0.1:${program.port}`] })
    await finishDownload()
    await until('the old one is gone', () => Promise.resolve(!isAlive(old)))
    expect(await pingWithTdlib(program.port, writtenSecret(FAKE_TLS))).toEqual({
      seconds: expect.any(Number) as number,
    })
    kill(pid, 'SIGTERM')
    await until('the new one is gone', () => Promise.resolve(!isAlive(pid)))
  })

  it('a new version that does not start leaves the old one as it was', async () => {
    const { program, home } = await open()
    home.configure('[listen]\nadress = []\n')
    program.signal('SIGUSR2')
    expect(await program.event('upgrade.failed', 0, 30_000)).toMatchObject({ code: 78 })
    // One that fails later, when it has the store already: its admin socket cannot be made.
    stage!.configure({ listen: `${LISTEN}workers = 2`, metrics: `127.0.0.1:${stage!.mask.port}` })
    const seen = program.log.all.length
    program.signal('SIGUSR2')
    expect(await program.event('upgrade.failed', seen, 30_000)).toMatchObject({ code: 1 })
    await until('it answers again', () => status().then(Boolean, () => false))
    expect(await status()).toMatchObject({ state: 'running', pid: program.pid })
    expect(await pingWithTdlib(program.port, writtenSecret(FAKE_TLS))).toEqual({
      seconds: expect.any(Number) as number,
    })
  })

  it('a start that fails is one line of the first worker, and leaves nothing behind', async () => {
    const home = new Home(
      configText({ dcPort: 9, maskPort: 9, listen: 'workers = 2', log: '', metrics: '127.0.0.1:0' }),
    )
    mkdirSync(join(home.folder, 'state'))
    writeFileSync(join(home.folder, 'state', 'shared'), 'in the way')
    const run = await runToEnd('sh', [PALISADE, 'run', '--config', home.configFile, '--runtime', runtime])
    expect(run.code).toBe(1)
    expect(run.stderr.split('\n').at(-1)).toMatch(/^palisade: cannot keep state in .*shared/)
    expect(existsSync(join(home.folder, 'palisade.sock'))).toBe(false)
    home.remove()
  })

  it('SIGHUP reaches all of them, and drops no live download', async () => {
    const { program } = await open(2, [FAKE_TLS])
    await halfway()
    stage!.configure({ listen: `${LISTEN}workers = 2`, secrets: [FAKE_TLS, SECRETS[1]] })
    program.signal('SIGHUP')
    await program.log.next(
      10_000,
      'the reload',
      ({ event, worker }) => event === 'reload.applied' && worker === undefined,
    )
    const told = program.log.all.filter(({ event, worker }) => event === 'reload.applied' && worker !== undefined)
    expect(told.map(({ worker }) => worker).sort()).toEqual([0, 1])
    expect(await pingWithTdlib(program.port, writtenSecret(SECRETS[1]))).toEqual({
      seconds: expect.any(Number) as number,
    })
    await finishDownload()
  })

  it('SIGTERM lets a download finish, refuses newcomers, and ends with all workers', async () => {
    const { program } = await open()
    await halfway()
    const pids = (await status()).workers.map(({ pid }) => pid)
    program.signal('SIGTERM')
    await program.log.next(10_000, 'two drains', () => drainsOf(program) === 2)
    expect(await knock(program.port)).toMatchObject({
      when: 'connecting',
      why: expect.stringContaining('ECONNREFUSED') as string,
    })
    await finishDownload()
    expect(await program.finish()).toEqual({ code: 0, signal: null })
    expect(pids.filter(isAlive)).toEqual([])
    expect(existsSync(join(stage!.home.folder, 'palisade.sock'))).toBe(false)
  })

  it('workers outlive their supervisor only as long as their connections, and keep their numbers', async () => {
    const { program } = await open()
    await halfway()
    const { workers } = await status()
    strays.push(...workers.map(({ pid }) => pid))
    const busy = workers.find(({ open }) => open > 0)!
    program.signal('SIGKILL')
    await until('the idle one is gone', () =>
      Promise.resolve(workers.every((worker) => worker === busy || !isAlive(worker.pid))),
    )
    stage!.program = await Program.start(stage!.home, runtime)
    expect((await status()).workers.map(({ column }) => column)).not.toContain(busy.column)
    await finishDownload()
    await until('the busy one is gone', () => Promise.resolve(!isAlive(busy.pid)))
  })
})

function drainsOf(program: Program): number {
  return program.log.all.filter(({ event, worker }) => event === 'drain.began' && worker !== undefined).length
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // Gone already.
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
