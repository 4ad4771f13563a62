import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readProxySecret } from '../../src/core/protocol/rpc/index.ts'
import { SeededRandom } from '../../sim/world/random.ts'
import { startSimulatedMiddleProxy, type ServedMiddleProxy } from '../../sim/telegram/serve.ts'
import { Download, pingWithTdlib } from './clients.ts'
import { SECRETS, writtenSecret } from './config.ts'
import { RUNTIMES } from './program.ts'
import { FILE_ID, sha256OfFile, Stage } from './stage.ts'

const TAG = '0123456789abcdef0123456789abcdef'
const TAGGED = SECRETS.map((secret) => ({ ...secret, adTag: TAG }))
const DOWNLOAD_BYTES = 32 << 20
/** Several rotations in every download, and some progress between two: what is under way is asked for again. */
const ROTATE_BYTES = 10 << 20

describe.each(RUNTIMES)('clients by middle proxy, through the program on %s', (runtime) => {
  const file = new SeededRandom(1, 'proxy-secret').bytes(128)
  const faults: string[] = []
  let middle: ServedMiddleProxy
  let stage: Stage
  beforeAll(async () => {
    const secret = readProxySecret(file)
    if ('fault' in secret) throw new Error(secret.fault)
    const refuse = ({ tag = [] }: { tag?: ArrayLike<number> }) =>
      Buffer.from(tag).toString('hex') === TAG ? undefined : 'another tag'
    middle = await startSimulatedMiddleProxy({ host: '127.0.0.1', port: 0, dc: 2, secret, refuse })
    middle.middle.behaviour = { pingEveryMs: 1_000, pongWithinMs: 10_000, closeAfterBytes: ROTATE_BYTES }
    middle.middle.onFault = (why) => faults.push(why)
    stage = await Stage.open(
      runtime,
      { secrets: TAGGED, middle: 'secret = "proxy-secret"\nconfig = "proxy-multi.conf"\nconfig_v6 = "none"' },
      (home) => {
        writeFileSync(join(home.folder, 'proxy-secret'), file)
        const target = `127.0.0.1:${middle.address.port}`
        const lines = [1, 2, 3, 4, 5].flatMap((dc) => [`proxy_for ${dc} ${target};`, `proxy_for -${dc} ${target};`])
        writeFileSync(join(home.folder, 'proxy-multi.conf'), `default 2;\n${lines.join('\n')}\n`)
      },
    )
  })
  afterAll(async () => {
    await stage.close()
    middle.close()
  })

  it.each(TAGGED)('TDLib pings a DC with the $name secret', async (secret) => {
    const before = middle.dc.counters.answered
    const answer = await pingWithTdlib(stage.program.port, writtenSecret(secret))
    expect(answer.error).toBeUndefined()
    expect(answer.seconds).toBeGreaterThan(0)
    expect(middle.dc.counters.answered - before).toBe(2)
  })

  it.each(TAGGED)('mtcute downloads 32 MB with the $name secret while links are rotated', async (secret) => {
    const before = middle.middle.counters.rotated
    const download = new Download({
      port: stage.program.port,
      secret: writtenSecret(secret),
      publicKeyPem: middle.dc.key.publicKeyPem,
      fileId: FILE_ID,
      bytes: DOWNLOAD_BYTES,
    })
    expect(await download.done()).toMatchObject({ sha256: sha256OfFile(DOWNLOAD_BYTES), bytes: DOWNLOAD_BYTES })
    expect(middle.middle.counters.rotated - before).toBeGreaterThanOrEqual(3)
  })

  it('sent nothing the direct way, and nothing a middle proxy could take offence at', () => {
    expect([stage.dc.counters.connections, faults]).toEqual([0, []])
  })
})
