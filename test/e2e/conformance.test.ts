import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { runToEnd } from './child.ts'
import { configText, DOMAIN, FAKE_TLS, SECRETS, writtenSecret } from './config.ts'
import { freePort } from './free-port.ts'
import { MaskSite } from './mask-site.ts'
import { Home, PALISADE, Program, RUNTIMES } from './program.ts'

interface Report {
  readonly pass: number
  readonly results: readonly { id: string; title: string; verdict: string; why: string; observed: string }[]
}

/** What these tests do would get them banned. */
const TRUSTED = 'rules = [{ cidr = "127.0.0.1/32", level = "full" }]'
/** Behind a balancer on this host. */
const BALANCED = 'proxy_protocol = "optional"\nproxy_protocol_from = ["127.0.0.1/32"]'
/** Everything but what is for other secrets, and for PROXY headers. */
const PASSED_MIN = 40

const SUBJECTS = [
  ...SECRETS.map((secret) => ({ secret, listen: '', mode: secret.mode, where: 'by itself' })),
  { secret: FAKE_TLS, listen: BALANCED, mode: FAKE_TLS.mode, where: 'behind a balancer' },
]

describe.each(RUNTIMES)('the conformance suite against the program on %s', (runtime) => {
  it.each(SUBJECTS)('passes whole with a $mode secret, $where', async ({ listen, secret }) => {
    const telegramPort = await freePort()
    const mask = await MaskSite.start(DOMAIN)
    const home = new Home(
      configText({ dcPort: telegramPort, maskPort: mask.port, secrets: [secret], access: TRUSTED, listen }),
    )
    const program = await Program.start(home, runtime)
    const page = join(home.folder, 'report.html')
    try {
      const run = await runToEnd(
        'sh',
        [
          ...[PALISADE, 'conformance', '--runtime', runtime, '--json'],
          ...['--target', `127.0.0.1:${program.port}`, '--secret', writtenSecret(secret)],
          ...['--mask', `127.0.0.1:${mask.port}`, '--telegram', `127.0.0.1:${telegramPort}`],
          ...['--report', page],
          ...['--answer', '30s', '--silence', '1s', '--slack', '1m', ...(listen === '' ? [] : ['--proxy-headers'])],
        ],
        { limitMs: 120_000 },
      )
      const report = JSON.parse(run.stdout) as Report
      expect(report.results.filter(({ verdict }) => verdict === 'fail')).toEqual([])
      expect(report.pass).toBeGreaterThan(PASSED_MIN)
      expect(run.code).toBe(0)
      expect(readFileSync(page, 'utf8')).toContain(`Passed: all ${report.pass} cases that could be tried.`)
    } finally {
      await program.stop()
      mask.close()
      home.remove()
    }
  })
})
