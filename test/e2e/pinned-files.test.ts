import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readProxySecret } from '../../src/core/protocol/rpc/index.ts'
import { startSimulatedMiddleProxy, type ServedMiddleProxy } from '../../sim/telegram/serve.ts'
import { SeededRandom } from '../../sim/world/random.ts'
import { LOCAL, makeCa } from '../contract/pinning.ca.ts'
import { serveSite, type Site } from '../contract/pinning.site.ts'
import { pingWithTdlib } from './clients.ts'
import { SECRETS, writtenSecret } from './config.ts'
import { RUNTIMES } from './program.ts'
import { Stage } from './stage.ts'

/** The files of the middle proxies by https from a site whose CA only this test knows, with pins that are right or wrong. */

const DD = SECRETS[1]
const PIN_LINES = (spki: string, backup: string) => `
[pinning]
mode = "strict"
[[pinning.pins]]
host = "${LOCAL}"
spki_sha256 = ["sha256/${spki}"]
[[pinning.pins]]
host = "${LOCAL}"
spki_sha256 = ["sha256/${backup}"]
backup = true
`

describe.each(RUNTIMES)('the program on %s, which fetches by https', (runtime) => {
  const ca = makeCa()
  const secretFile = new SeededRandom(2, 'proxy-secret').bytes(128)
  let site: Site
  let middle: ServedMiddleProxy

  beforeAll(async () => {
    const secret = readProxySecret(secretFile)
    if ('fault' in secret) throw new Error(secret.fault)
    middle = await startSimulatedMiddleProxy({ host: '127.0.0.1', port: 0, dc: 2, secret })
  })
  afterAll(() => middle.close())

  /** What each path leads to. */
  const files = (): Readonly<Record<string, Uint8Array>> => {
    const target = `127.0.0.1:${middle.address.port}`
    const lines = [1, 2, 3, 4, 5].flatMap((dc) => [`proxy_for ${dc} ${target};`, `proxy_for -${dc} ${target};`])
    return { '/proxy-secret': secretFile, '/proxy-multi.conf': Buffer.from(`default 2;\n${lines.join('\n')}\n`) }
  }
  const answer = (socket: TLSSocket, request: string) => {
    const file = files()[/^GET (\S+) /.exec(request)?.[1] ?? ''] ?? new Uint8Array(0)
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${file.length}\r\n\r\n`)
    socket.write(file)
  }

  async function open(pinned: string): Promise<Stage> {
    site = await serveSite({ identity: ca.localLeaf, version: 'TLSv1.3', answer })
    const url = `https://${LOCAL}:${site.port}`
    return Stage.open(
      runtime,
      {
        middle: `secret = "${url}/proxy-secret"\nconfig = "${url}/proxy-multi.conf"\nconfig_v6 = "none"\ndcs = [1, 2, 3, 4, 5]`,
        more: PIN_LINES(pinned, ca.otherRoot.pins.spki),
      },
      (home) => writeFileSync(join(home.folder, 'ca.pem'), ca.root.certificate),
      (home) => ({ environment: { NODE_EXTRA_CA_CERTS: join(home.folder, 'ca.pem') } }),
    )
  }

  it('with the right pins, and serves by middle proxy', async () => {
    const stage = await open(ca.intermediate.pins.spki)
    try {
      for (const what of ['secret', 'config'])
        expect(await stage.program.log.next(10_000, what, (line) => line.what === what)).toMatchObject({
          result: 'taken',
        })
      const before = middle.dc.counters.answered
      const ping = await pingWithTdlib(stage.program.port, writtenSecret(DD))
      expect(ping.error).toBeUndefined()
      expect([middle.dc.counters.answered > before, stage.dc.counters.connections]).toEqual([true, 0])
      expect(site.visits.map(({ text }) => text.split(' ')[1]).sort()).toEqual(['/proxy-multi.conf', '/proxy-secret'])
    } finally {
      await stage.close()
      site.close()
    }
  })

  it('with wrong pins sends no request, says why, and serves the direct way', async () => {
    const stage = await open(ca.nextLeaf.pins.spki)
    try {
      for (const what of ['secret', 'config']) {
        const line = await stage.program.log.next(10_000, what, (each) => each.what === what)
        expect(line).toMatchObject({ result: 'failed' })
        expect(line.why).toMatch(/^localhost shows a chain with none of its pins/)
      }
      const ping = await pingWithTdlib(stage.program.port, writtenSecret(DD))
      expect(ping.error).toBeUndefined()
      expect(stage.dc.counters.connections).toBeGreaterThan(0)
      expect(site.connections).toBeGreaterThanOrEqual(2)
      expect(site.visits.map(({ text }) => text).join('')).toBe('')
    } finally {
      await stage.close()
      site.close()
    }
  })
})
