import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startSimulatedMiddleProxy, type ServedMiddleProxy } from '../../sim/telegram/serve.ts'
import { SeededRandom } from '../../sim/world/random.ts'
import type { Finding } from '../../src/cli/checks/finding.ts'
import { checkMiddle } from '../../src/cli/checks/middle.ts'
import { loadFile } from '../../src/config/load.ts'
import { readProxySecret } from '../../src/core/protocol/rpc/index.ts'
import { systemResolver } from '../../src/runtime/dns/system.ts'
import { PinPolicy, toPinSettings } from '../../src/trust/policy.ts'
import { createRuntime } from '../../src/runtime/index.ts'
import type { Case } from './contract.ts'
import { naming, serveStun } from './stun.server.ts'

/** `palisade check` of middle proxies, towards a simulated one on the loopback. */

const PALISADE = join(import.meta.dirname, '../../bin/palisade')
const SECRET = new SeededRandom(1, 'proxy-secret').bytes(128)
/** As the middle proxy sees us, where it does not see the loopback. */
const OUTSIDE = '198.51.100.9'
const WRONG = '198.51.100.66'

interface Settings {
  readonly secret?: Uint8Array
  readonly config?: (port: number) => string
  /** Lines of `[telegram.middle]`. */
  readonly middle?: string
  readonly telegram?: string
  readonly hasTag?: boolean
  readonly isBehindNat?: boolean
  readonly isDown?: boolean
  readonly pinning?: string
}

const listing = (port: number) => `default 2;\nproxy_for 2 127.0.0.1:${port};\nproxy_for 203 127.0.0.1:${port};\n`

function configText({ hasTag = true, telegram = '', middle = '', pinning = '' }: Settings): string {
  const files = ['secret = "proxy-secret"', 'config = "proxy-multi.conf"', 'config_v6 = "none"']
  const own = files.filter((line) => !middle.includes(`${line.split(' ')[0]} =`))
  return `[listen]
address = ["127.0.0.1:0"]
[[secret]]
name = "a"
key = "00112233445566778899aabbccddeeff"
modes = ["padded"]
${hasTag ? 'ad_tag = "0123456789abcdef0123456789abcdef"' : ''}
[mask]
host = "127.0.0.1"
port = 9
[telegram]
${telegram}
[telegram.dc]
${[1, 2, 3, 4, 5].map((dc) => `${dc} = ["127.0.0.1:9"]`).join('\n')}
[telegram.middle]
${own.join('\n')}
${middle.includes('stun') ? '' : 'stun = []'}
${middle}
${pinning}
[metrics]
listen = "127.0.0.1:0"
`
}

/** Runs with the files in place and the middle proxy up. */
async function onStage<T>(
  settings: Settings,
  run: (file: string, served: ServedMiddleProxy) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'palisade-check-'))
  const secret = readProxySecret(SECRET)
  if ('fault' in secret) throw new Error(secret.fault)
  const seen = { proxy: ({ port }: { readonly port: number }) => ({ ip: OUTSIDE, port }) }
  const served = await startSimulatedMiddleProxy({
    ...{ host: '127.0.0.1', port: 0, dc: 2, secret },
    ...(settings.isBehindNat === true ? { seen } : {}),
  })
  try {
    if (settings.isDown === true) served.close()
    writeFileSync(join(folder, 'proxy-secret'), settings.secret ?? SECRET)
    writeFileSync(join(folder, 'proxy-multi.conf'), (settings.config ?? listing)(served.address.port))
    writeFileSync(join(folder, 'palisade.toml'), configText(settings), { mode: 0o600 })
    return await run(join(folder, 'palisade.toml'), served)
  } finally {
    served.close()
    rmSync(folder, { recursive: true })
  }
}

/** The lines, with what changes from run to run taken out. */
function check(settings: Settings): Promise<string[]> {
  return onStage(settings, async (file, served) => {
    const loaded = loadFile(file, [])
    assert.ok(!('problems' in loaded), JSON.stringify(loaded))
    const { network, clock, random } = createRuntime()
    const policy = new PinPolicy(toPinSettings(loaded.config.pinning), () => {})
    const trust = { policy, wall: () => clock.wall() }
    const findings = await checkMiddle({
      loaded,
      network,
      clock,
      random,
      resolver: systemResolver,
      trust,
      wallSec: clock.wall(),
    })
    const port = new RegExp(`\\b${served.address.port}\\b`, 'g')
    return findings.map(({ level, message }) =>
      `${level} ${message}`
        .replaceAll(port, 'PORT')
        .replace(/\d+ ms/, 'N ms')
        .replaceAll(join(file, '..'), 'HOME'),
    )
  })
}

const FILES = [
  'ok proxy secret: 128 bytes',
  'ok list of middle proxies: 2 DCs and 1 proxy, default DC 2',
  'warn no list of IPv6 middle proxies: HOME/none: ENOENT',
]
const NOT_UNDERSTOOD = 'fail the middle proxy at 127.0.0.1 port PORT did not understand our handshake'

export const checkMiddleCases: readonly Case<void>[] = [
  {
    name: 'tells of the files, of our address, and of a handshake that worked',
    async run() {
      assert.deepEqual(await check({}), [
        ...FILES,
        'ok our address towards middle proxies: 127.0.0.1, that of our interface',
        'ok the middle proxy 127.0.0.1:PORT took our handshake, after N ms',
      ])
    },
  },
  {
    name: 'is content with the right address behind a NAT',
    async run() {
      const lines = await check({ isBehindNat: true, middle: `nat = "${OUTSIDE}"` })
      assert.deepEqual(lines.slice(3), [
        `ok our address towards middle proxies: ${OUTSIDE}, as telegram.middle.nat says (our interface has 127.0.0.1)`,
        'ok the middle proxy 127.0.0.1:PORT took our handshake, after N ms',
      ])
    },
  },
  {
    name: 'explains a wrong address, and says what STUN servers see',
    async run() {
      const stun = await serveStun((request, { port, address }, server) =>
        server.send(naming(request, OUTSIDE, port), port, address),
      )
      const middle = `nat = "${WRONG}"\nstun = ["127.0.0.1:${stun.port}"]`
      const lines = await check({ isBehindNat: true, middle })
      stun.close()
      assert.deepEqual(lines.slice(3), [
        `warn our address towards middle proxies: ${WRONG}, as telegram.middle.nat says (our interface has 127.0.0.1)`,
        `${NOT_UNDERSTOOD}: our public address is probably not ${WRONG} (which telegram.middle.nat says; our interface has 127.0.0.1); ` +
          'set telegram.middle.nat to the right one, or the NAT changes ports, and then middle proxies cannot be used; ' +
          `STUN servers see us as ${OUTSIDE}: nat = "${OUTSIDE}"`,
      ])
    },
  },
  {
    name: 'explains an address of the interface that the middle proxy does not see',
    async run() {
      const [, , , own, link] = await check({ isBehindNat: true })
      assert.equal(own, 'warn our address towards middle proxies: 127.0.0.1, that of our interface')
      assert.equal(
        link,
        `${NOT_UNDERSTOOD}: our public address is probably not 127.0.0.1 (the address of our interface); ` +
          'set telegram.middle.nat to the right one',
      )
    },
  },
  {
    name: 'explains half a secret, by its length and by the handshake',
    async run() {
      const lines = await check({ secret: SECRET.subarray(0, 64) })
      assert.equal(lines[0], "warn proxy secret: 64 bytes, where Telegram's has 128: perhaps a part of the file")
      assert.ok(lines[4].startsWith(NOT_UNDERSTOOD), lines[4])
      assert.ok(lines[4].endsWith('; or the proxy secret is not whole'), lines[4])
      const [short] = await check({ secret: SECRET.subarray(0, 16) })
      assert.match(short, /^fail no proxy secret: HOME\/proxy-secret: /)
    },
  },
  {
    name: 'tells a secret that is another one from a wrong address',
    async run() {
      const lines = await check({ secret: new SeededRandom(2, 'proxy-secret').bytes(128) })
      assert.match(lines[4], /^fail the middle proxy at .* closed before it said anything: an old proxy secret/)
    },
  },
  {
    name: 'says what is wrong with a list: garbage, a part, none',
    async run() {
      const garbage = await check({ config: () => '<html><body>Bad gateway</body></html>' })
      assert.match(garbage[1], /^fail no list of middle proxies: HOME\/proxy-multi\.conf: line 1: .+/)
      assert.equal(garbage.length, 3)
      const part = await check({ config: (port) => listing(port).slice(0, -4) })
      assert.match(part[1], /^fail no list of middle proxies: HOME\/proxy-multi\.conf: line 3: .+/)
      const none = await check({ middle: 'config = "nowhere"' })
      assert.equal(none[1], 'fail no list of middle proxies: HOME/nowhere: ENOENT')
    },
  },
  {
    name: 'says that a middle proxy is down, and is milder when another one works',
    async run() {
      const down = await check({ isDown: true })
      assert.deepEqual(down.slice(3), ['fail the middle proxy 127.0.0.1:PORT cannot be reached: refused'])
      const config = (port: number) => `default 2;\nproxy_for 2 127.0.0.1:${port};\nproxy_for 2 127.0.0.1:1;\n`
      const oneOfTwo = await check({ config })
      assert.deepEqual(oneOfTwo.slice(4), [
        'ok the middle proxy 127.0.0.1:PORT took our handshake, after N ms',
        'warn the middle proxy 127.0.0.1:1 cannot be reached: refused',
      ])
    },
  },
  {
    name: 'contacts no host that strict pinning does not allow',
    async run() {
      const lines = await check({ middle: 'secret = "https://127.0.0.1:1/x"', pinning: '[pinning]\nmode = "strict"' })
      assert.match(lines[0], /^fail no proxy secret: .*pin/)
      const refused = await check({ middle: 'secret = "https://127.0.0.1:1/x"', pinning: '[pinning]\nmode = "off"' })
      assert.match(refused[0], /^fail no proxy secret: 127\.0\.0\.1 .*ECONNREFUSED/)
    },
  },
  {
    name: 'says little where no client depends on it, and that there is nothing to check',
    async run() {
      assert.deepEqual(await check({ hasTag: false }), ['ok DC 203: 1 middle proxy known; no secret has an ad tag'])
      assert.deepEqual(await check({ hasTag: false, middle: 'secret = "nowhere"' }), [
        "warn DC 203 would be tried the direct way, since Telegram's files cannot be had: HOME/nowhere: ENOENT",
      ])
      assert.deepEqual(await check({ hasTag: false, middle: 'dcs = []' }), [
        'ok not used: no secret has an ad tag, and telegram.middle.dcs is empty',
      ])
      assert.deepEqual(await check({ hasTag: false, telegram: 'mode = "direct"' }), [
        'ok not used: telegram.mode is "direct"',
      ])
      const always = await check({ hasTag: false, telegram: 'mode = "middle"' })
      assert.equal(always[4], 'ok the middle proxy 127.0.0.1:PORT took our handshake, after N ms')
    },
  },
  {
    name: 'is part of `palisade check --json`',
    run: () =>
      onStage({ isBehindNat: true, middle: `nat = "${WRONG}"` }, async (file) => {
        const runtime = typeof Bun === 'undefined' ? 'node' : 'bun'
        const output = await new Promise<{ readonly code: unknown; readonly stdout: string }>((resolve) => {
          const env = { PATH: process.env.PATH, PALISADE_RUNTIME: runtime }
          execFile(PALISADE, ['check', '--config', file, '--json'], { env, timeout: 60_000 }, (error, stdout) =>
            resolve({ code: error?.code ?? 0, stdout }),
          )
        })
        const findings = (JSON.parse(output.stdout) as Finding[]).filter(({ check: of }) => of === 'middle')
        assert.deepEqual(
          findings.map(({ level }) => level),
          ['ok', 'ok', 'warn', 'warn', 'fail'],
        )
        assert.equal(output.code, 1)
      }),
  },
]
