import { afterEach, describe, expect, it } from 'vitest'
import { pingWithTdlib } from './clients.ts'
import { FAKE_TLS, SECRETS, writtenSecret } from './config.ts'
import { probe } from './probe.ts'
import { RUNTIMES } from './program.ts'
import { Socks5Server } from './socks5-server.ts'
import { Stage } from './stage.ts'

const PING = { seconds: expect.any(Number) as number }
const HTTP = 'GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n'

describe.each(RUNTIMES)('ways in and out of the program on %s', (runtime) => {
  let stage: Stage | undefined
  let socks: Socks5Server | undefined
  afterEach(async () => {
    await stage?.close()
    socks?.close()
  })

  it('reaches the DCs through a SOCKS5 server', async () => {
    socks = await Socks5Server.start('user', 'pass word')
    stage = await Stage.open(runtime, { telegram: `socks5 = "socks5://user:pass%20word@127.0.0.1:${socks.port}"` })
    for (const secret of SECRETS) expect(await pingWithTdlib(stage.program.port, writtenSecret(secret))).toEqual(PING)
    expect(new Set(socks.connected)).toEqual(new Set([`127.0.0.1:${stage.dc.address.port}`]))
  })

  it('lets nobody in, and says why, when the SOCKS5 server refuses the password', async () => {
    socks = await Socks5Server.start('user', 'right')
    stage = await Stage.open(runtime, { telegram: `socks5 = "socks5://user:wrong@127.0.0.1:${socks.port}"` })
    const ping = await pingWithTdlib(stage.program.port, writtenSecret(FAKE_TLS)).catch((error: unknown) => error)
    expect(ping).not.toEqual(PING)
    expect(await stage.program.event('dial.failed')).toMatchObject({ target: 'dc' })
    expect(socks.connected).toEqual([])
  })

  it('believes the PROXY header of a trusted balancer, and of nobody else', async () => {
    const header = 'PROXY TCP4 203.0.113.77 127.0.0.1 5000 443\r\n'
    stage = await Stage.open(runtime, {
      listen: 'proxy_protocol = "optional"\nproxy_protocol_from = ["127.0.0.1"]',
      log: 'addresses = "full"',
    })
    const site = await probe(stage.mask.port, Buffer.from(HTTP))
    expect(await probe(stage.program.port, Buffer.from(header + HTTP))).toEqual(site)
    const named = await stage.program.event('conn.rejected')
    expect(JSON.stringify(named)).toContain('203.0.113.77')
    expect(await pingWithTdlib(stage.program.port, writtenSecret(FAKE_TLS))).toEqual(PING)

    stage.configure({ listen: 'proxy_protocol = "optional"\nproxy_protocol_from = ["198.51.100.1"]' })
    await stage.restart('SIGTERM')
    const untrusted = await probe(stage.program.port, Buffer.from(header + HTTP))
    expect(untrusted).toEqual(await probe(stage.mask.port, Buffer.from(header + HTTP)))
    expect(JSON.stringify(await stage.program.event('conn.rejected'))).not.toContain('203.0.113.77')
  })

  it('turns a balancer away that sends no header where one is required', async () => {
    stage = await Stage.open(runtime, {
      listen: 'proxy_protocol = "required"\nproxy_protocol_from = ["127.0.0.1"]',
    })
    expect((await probe(stage.program.port, Buffer.from(HTTP))).bytes).toHaveLength(0)
    expect(await stage.program.event('conn.closed')).toMatchObject({ reason: 'bad-proxy-header' })
  })
})
