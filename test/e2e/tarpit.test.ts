import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Status } from '../../src/admin/commands.ts'
import { askAdminSocket } from '../../src/runtime/admin-socket.ts'
import { FAKE_TLS } from './config.ts'
import { RUNTIMES, type LogLine } from './program.ts'
import { Stage } from './stage.ts'

/** A look every 10 s, jittered, and a loaded machine. */
const LOOK_MS = 40_000

describe.each(RUNTIMES)('with on_refuse = "tarpit", the program on %s', (runtime) => {
  let stage: Stage
  beforeAll(async () => {
    const more = '[guard]\nconnections_per_ip = 1\non_refuse = "tarpit"'
    stage = await Stage.open(runtime, { secrets: [FAKE_TLS], more })
  })
  afterAll(() => stage.close())

  async function visit(): Promise<Socket> {
    const socket = connect({ host: '127.0.0.1', port: stage.program.port, localAddress: '127.0.0.2' })
    socket.on('error', () => {})
    await once(socket, 'connect')
    return socket
  }

  async function open(): Promise<number> {
    const line = await askAdminSocket(join(stage.home.folder, 'palisade.sock'), '{"command":"status"}')
    return (JSON.parse(line) as { result: Status }).result.open
  }

  it('holds who is refused, tells nothing, and notices when it leaves', async () => {
    const first = await visit()
    await stage.program.event('conn.accepted')
    const second = await visit()
    let isTold = false
    second.on('data', () => (isTold = true))
    second.on('end', () => (isTold = true))
    expect(await stage.program.event('conn.rejected')).toMatchObject({ reason: 'connections' })
    expect([await open(), isTold]).toEqual([2, false])
    second.end()
    const isItsEnd = ({ event, reason }: LogLine) => event === 'conn.closed' && reason === 'tarpit'
    expect(await stage.program.log.next(LOOK_MS, 'the end of who was held', isItsEnd)).toMatchObject({
      outcome: 'discarded',
      dc_to_client_bytes: 0,
    })
    expect(await open()).toBe(1)
    first.destroy()
  })
})
