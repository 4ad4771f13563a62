import { describe, expect, it } from 'vitest'
import { linksOf, publicAddress, qrCode } from '../../src/cli/links.ts'
import { makeSecret, renderSecret } from '../../src/cli/secret.ts'
import { load, type LoadedConfig } from '../../src/config/load.ts'
import { MODES } from '../../src/core/events.ts'
import { parseLink } from '../../src/core/protocol/link.ts'

describe('the address in a link', () => {
  it.each([
    [['127.0.0.1', '::1', '10.0.0.5', '8.8.4.4', '2001:4860::1'], '8.8.4.4'],
    [['127.0.0.1', 'fe80::1', '2001:4860::1'], '2001:4860::1'],
    [['127.0.0.1', '192.168.1.2', 'fd00::1'], undefined],
    [[], undefined],
  ])('of a machine with %j is %s', (own, ip) => expect(publicAddress(own)).toBe(ip))
})

describe('links', () => {
  it('are one for each secret and mode, and read back to what is configured', () => {
    const text = [
      '[[secret]]\nname = "a"\nkey = "00112233445566778899aabbccddeeff"',
      'modes = ["fake-tls", "padded", "plain"]\ndomain = "www.example.com"',
      '[[secret]]\nname = "b"\nkey = "ffeeddccbbaa99887766554433221100"\nmodes = ["plain"]',
    ].join('\n')
    const links = linksOf(load({ text, file: 'palisade.toml' }) as LoadedConfig, { host: '2001:db8::1', port: 8443 })
    expect(links.map(({ name, mode }) => `${name} ${mode}`)).toEqual(['a fake-tls', 'a padded', 'a plain', 'b plain'])
    for (const { tg, https, mode } of links) {
      const read = parseLink(tg)
      expect(read).toEqual(parseLink(https))
      expect(read).toMatchObject({ host: '2001:db8::1', port: 8443, secret: { mode } })
    }
    expect(links[0].secret).toBe('ee00112233445566778899aabbccddeeff7777772e6578616d706c652e636f6d')
  })

  it('have QR codes with a quiet zone', () => {
    const lines = qrCode('tg://proxy?server=192.0.2.1&port=443&secret=dd00112233445566778899aabbccddeeff').split('\n')
    expect(lines[0]).toMatch(/^█+$/)
    for (const line of lines.slice(0, -1)) expect(line).toMatch(/^██.*██$/)
  })
})

describe('a new secret', () => {
  it.each(MODES)('in mode %s is a snippet that loads', (mode) => {
    const secret = makeSecret('family', mode, 'WWW.example.com')
    const loaded = load({ text: renderSecret(secret), file: 'palisade.toml' }) as LoadedConfig
    expect(loaded.config.secret[0]).toMatchObject({ name: 'family', modes: [mode] })
    expect(loaded.config.secret[0].domain).toBe(mode === 'fake-tls' ? 'www.example.com' : undefined)
    expect(loaded.keys[0]).toEqual(Uint8Array.from(secret.key))
  })

  it('is another one every time', () => {
    const keys = Array.from({ length: 20 }, () => renderSecret(makeSecret('x', 'plain', '')))
    expect(new Set(keys).size).toBe(20)
  })
})
