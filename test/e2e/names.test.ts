import { execFileSync } from 'node:child_process'
import { networkInterfaces } from 'node:os'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serveDns, writeAnswer, type LocalDns } from '../contract/dns.server.ts'
import { DOMAIN, FAKE_TLS } from './config.ts'
import { MaskSite } from './mask-site.ts'
import { certificateSeenByOpenssl, pageSeenByCurl } from './probe.ts'
import { RUNTIMES } from './program.ts'
import { Recorder } from './recorder.ts'
import { Stage } from './stage.ts'

/** A name must not lead to a private address, so the site needs another one; nothing outside has it (RFC 5737). */
const PUBLIC_IP = '203.0.113.1'
const SITE = 'site.example'
const FILES = 'files.example'

describe.each(RUNTIMES)('names, by the server of the configuration, on %s', (runtime) => {
  let dns: LocalDns
  let stage: Stage
  let site: Recorder
  beforeAll(async () => {
    if (Object.keys(networkInterfaces()).some((name) => name !== 'lo')) throw new Error('run by scripts/offline.sh')
    ip('add')
    const leads: Readonly<Record<string, string>> = { [SITE]: PUBLIC_IP, [FILES]: '127.0.0.1' }
    dns = await serveDns((asked) => [writeAnswer(asked, { a: [leads[asked.host]].filter(Boolean) })])
    stage = await Stage.open(runtime, {
      secrets: [FAKE_TLS],
      maskHost: SITE,
      dns: `servers = ["127.0.0.1:${dns.address.port}"]`,
      middle: `secret = "https://${FILES}:1/secret"\nconfig = "none"\nconfig_v6 = "none"`,
    })
    site = await Recorder.start(stage.mask.port, { host: PUBLIC_IP, port: stage.mask.port })
  })
  afterAll(async () => {
    await stage.close()
    site.close()
    dns.close()
    ip('del')
  })

  it('lead strangers to the mask site', async () => {
    expect(await certificateSeenByOpenssl(stage.program.port, DOMAIN)).toBe(stage.mask.fingerprint)
    expect(await pageSeenByCurl(stage.program.port, DOMAIN)).toBe(MaskSite.page)
    expect(site.recordings.length).toBeGreaterThanOrEqual(2)
  })

  it('lead to what is fetched', async () => {
    const line = await stage.program.log.next(
      10_000,
      'a fetch',
      ({ event, what }) => event === 'middle.file' && what === 'secret',
    )
    expect(line.why).toBe(`${FILES} cannot be reached (ECONNREFUSED)`)
  })

  it('are asked of that server, once each', () => {
    const asked = dns.asked.map(({ host, type }) => `${host} ${type}`).sort()
    expect(asked).toEqual([`${FILES} A`, `${FILES} AAAA`, `${SITE} A`, `${SITE} AAAA`])
  })

  it('lead there still when the server is gone', async () => {
    dns.close()
    expect(await pageSeenByCurl(stage.program.port, DOMAIN)).toBe(MaskSite.page)
  })
})

function ip(change: 'add' | 'del'): void {
  execFileSync('ip', ['address', change, `${PUBLIC_IP}/32`, 'dev', 'lo'])
}
