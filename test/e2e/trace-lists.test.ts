import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeClientHello } from '../../src/core/protocol/faketls/make-hello.ts'
import { SystemRandom } from '../../src/runtime/random.ts'
import { runToEnd } from './child.ts'
import { DOMAIN, FAKE_TLS } from './config.ts'
import { firstBytes, isSignedAnswer } from './probe.ts'
import { environmentFor, PALISADE, RUNTIMES } from './program.ts'
import { Stage } from './stage.ts'
import { until } from './wait.ts'

const LISTED = '9.9.9.9'
const OTHERS = ['8.8.8.8', '1.1.1.1']
const HEADERS = 'proxy_protocol = "required"\nproxy_protocol_from = ["127.0.0.1"]'
const LIST = 'lists = [{ source = "bad.netset", level = "none" }]'
const ANSWER_BYTES = 256
const random = new SystemRandom()

/** What `palisade sim replay --json` prints, as far as it is looked at. */
interface Printed {
  readonly connections: number
  readonly newly_refused: readonly { readonly reason: string; readonly connections: number }[]
  readonly newly_admitted: readonly { readonly reason: string; readonly connections: number }[]
  readonly differing: readonly { readonly address: string; readonly reasons: readonly string[] }[]
  readonly notes: readonly string[]
}

describe.each(RUNTIMES)('lists of addresses, replayed while the program on %s runs', (runtime) => {
  let stage: Stage
  const at = (name: string) => join(stage.home.folder, name)
  const configured = { listen: HEADERS, access: LIST, more: '[trace]\npath = "trace"' }

  beforeAll(async () => {
    stage = await Stage.open(runtime, configured, ({ folder }) =>
      writeFileSync(join(folder, 'bad.netset'), '9.9.9.0/24\n'),
    )
    await stage.program.event('access.list')
    expect(await isServed(LISTED)).toBe(false)
    for (const other of OTHERS) expect(await isServed(other)).toBe(true)
    const isThere = async () => (await replay([])).connections === 1 + OTHERS.length
    await until('what was recorded', isThere)
  })
  afterAll(() => stage.close())

  /** Whether it is the proxy that answers a hello with the right secret, by a balancer that names this address. */
  async function isServed(from: string): Promise<boolean> {
    const stamp = Math.floor(Date.now() / 1000)
    const { record } = makeClientHello({ random, domain: DOMAIN, secret: Buffer.from(FAKE_TLS.key, 'hex'), stamp })
    const header = Buffer.from(`PROXY TCP4 ${from} 127.0.0.1 4711 443\r\n`)
    const answer = await firstBytes(stage.program.port, Buffer.concat([header, record]), ANSWER_BYTES)
    return isSignedAnswer(answer, Buffer.from(record), FAKE_TLS.key)
  }

  async function replay(options: readonly string[]): Promise<Printed> {
    const args = ['sim', 'replay', at('trace'), '--json', '--config', stage.home.configFile, ...options]
    const { code, stdout, stderr } = await runToEnd('sh', [PALISADE, ...args, '--runtime', runtime], {
      ...{ env: environmentFor(runtime), limitMs: 60_000 },
    })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    return JSON.parse(stdout) as Printed
  }

  it('differ in nothing by the same configuration, whatever the file says by now', async () => {
    writeFileSync(at('bad.netset'), '9.9.9.0/24\n8.8.8.0/24\n')
    expect(await replay([])).toMatchObject({ newly_refused: [], newly_admitted: [], differing: [], notes: [] })
  })

  it('shut out whom a new one names, and let in whom only one names that is no more', async () => {
    writeFileSync(at('new.netset'), '8.8.8.0/24\n')
    const { newly_refused, newly_admitted, differing, notes } = await replay([
      ...['--set', 'access.lists=[{ source = "new.netset", level = "none" }]'],
    ])
    expect(newly_refused).toMatchObject([{ reason: 'access', connections: 1 }])
    expect(newly_admitted).toMatchObject([{ reason: 'access', connections: 1 }])
    expect(differing.map(({ address, reasons }) => [address, reasons])).toEqual([
      [OTHERS[0], ['access']],
      [LISTED, ['was access']],
    ])
    expect(notes).toEqual([])
  })

  it('are asked by the copy that the program keeps where the file is gone', async () => {
    rmSync(at('bad.netset'))
    const printed = await replay(['--set', 'access.lists=[{ source = "bad.netset", level = "limited" }]'])
    expect(printed.newly_admitted).toMatchObject([{ reason: 'access', connections: 1 }])
    expect(printed.notes).toEqual([])
  })

  it('are named where they cannot be had', async () => {
    const { differing, notes } = await replay([
      ...[
        '--set',
        'access.lists=[{ source = "bad.netset", level = "none" }, { source = "none.netset", level = "none" }]',
      ],
    ])
    expect(differing).toEqual([])
    expect(notes).toEqual([
      `access.lists: ${at('none.netset')} is not evaluated, since it does not exist, and there is no copy of it in ` +
        `${at('state')}: what it said of an address when it came still holds`,
    ])
  })
})
