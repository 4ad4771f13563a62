import { closeSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { createRuntime } from '../../src/runtime/index.ts'
import { openListenSocket, type ListenSocket } from '../../src/runtime/listen-sockets.ts'
import { Child } from './child.ts'
import { configText, DOMAIN } from './config.ts'
import { knock } from './knocker.ts'
import { environmentFor, Home, PALISADE, RUNTIMES, START_MS } from './program.ts'
import { MaskSite } from './mask-site.ts'

describe.each(RUNTIMES)('sockets of a service manager on %s', (runtime) => {
  const sockets: ListenSocket[] = []
  let home: Home | undefined
  let child: Child | undefined
  let site: MaskSite | undefined
  afterEach(async () => {
    await child?.kill()
    site?.close()
    home?.remove()
    for (const { fd } of sockets.splice(0)) closeSync(fd)
    child = site = home = undefined
  })

  function openSocket(): ListenSocket {
    const socket = openListenSocket(createRuntime().libc(), { ip: '127.0.0.1', port: 0, backlog: 64, isShared: false })
    if ('error' in socket) throw new Error(socket.error.message)
    sockets.push(socket)
    return socket
  }

  /** As systemd does it: the number of the process is known only once it is there. */
  function start(listenPort: number, maskPort: number, workers: number): Child {
    home = new Home(configText({ dcPort: 9, maskPort, listenPort, listen: `workers = ${workers}` }))
    const command = 'LISTEN_PID=$$ exec sh "$0" "$@"'
    child = new Child('sh', ['-c', command, PALISADE, 'run', '--config', home.configFile, '--runtime', runtime], {
      env: { LISTEN_FDS: String(sockets.length), ...environmentFor(runtime) },
      descriptors: sockets.map(({ fd }) => fd),
    })
    return child
  }

  it.each([1, 2])('are what it accepts on, with %i workers', async (workers) => {
    site = await MaskSite.start(DOMAIN)
    const { port } = openSocket().address
    // It waits in the queue of a socket on which nobody accepts yet.
    const early = knock(port)
    const program = start(port, site.port, workers)
    await program.stderr.next(START_MS, 'the start', (line) => line.includes('"event":"started"'))
    expect(await early).toBeUndefined()
    for (let i = 0; i < 8; i++) expect(await knock(port)).toBeUndefined()
    for (const signal of ['SIGTERM', 'SIGTERM'] as const) program.signal(signal)
    expect((await program.finish(15_000)).code).toBe(0)
  })

  it('that are not those of listen.address are an error in one line', async () => {
    const [{ address }] = [openSocket(), openSocket()]
    const program = start(address.port, 9, 2)
    expect((await program.finish(15_000)).code).toBe(1)
    expect(program.stderr.all).toEqual([
      `palisade: LISTEN_FDS: a socket on 127.0.0.1:${sockets[1].address.port} was handed over, which listen.address lacks`,
    ])
  })
})
