import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { formatLink, parseLink, type ProxyLink } from '../../../src/core/protocol/link.ts'
import { KEY, arbSecret, toHex } from './arbitrary.ts'

const SECRET = `dd${toHex(KEY)}`
const LINK: ProxyLink = { host: 'proxy.example.com', port: 443, secret: { mode: 'padded', key: KEY, domain: '' } }

const arbLink: fc.Arbitrary<ProxyLink> = fc.record({
  host: fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6()),
  port: fc.integer({ min: 1, max: 65535 }),
  secret: arbSecret,
})

describe('links', () => {
  it('are written with the secret in hex', () => {
    const query = `?server=proxy.example.com&port=443&secret=${SECRET}`
    expect(formatLink(LINK, 'tg')).toBe(`tg://proxy${query}`)
    expect(formatLink(LINK, 'https')).toBe(`https://t.me/proxy${query}`)
  })

  it.each([
    `tg://proxy?server=proxy.example.com&port=443&secret=${SECRET}`,
    `tg:proxy?server=proxy.example.com&port=443&secret=${SECRET}`,
    `https://t.me/proxy?secret=${SECRET}&port=443&server=proxy.example.com`,
    `http://telegram.me/proxy?server=proxy.example.com&port=443&secret=${SECRET.toUpperCase()}&channel=x`,
    `HTTPS://Telegram.Dog/proxy/?server=proxy%2Eexample.com&port=443&secret=3QARIjNEVWZ3iJmqu8zd7v8#top`,
    `https://t.me/proxy?server=proxy.example.com&port=443&secret=3QARIjNEVWZ3iJmqu8zd7v8%3D`,
  ])('are read in every form: %s', (text) => {
    expect(parseLink(text)).toEqual(LINK)
  })

  it('carry IPv6 without brackets', () => {
    const link = { ...LINK, host: '2001:db8::1' }
    expect(parseLink(formatLink(link, 'tg'))).toEqual(link)
    expect(parseLink(`tg://proxy?server=[2001:db8::1]&port=443&secret=${SECRET}`)).toEqual(link)
  })

  it.each([
    ['another host', `https://example.com/proxy?server=a&port=1&secret=${SECRET}`, 'starts with'],
    ['another kind', `tg://socks?server=a&port=1&secret=${SECRET}`, 'starts with'],
    ['no server', `tg://proxy?port=1&secret=${SECRET}`, 'server'],
    ['an empty server', `tg://proxy?server=&port=1&secret=${SECRET}`, 'server'],
    ['a server of 256 characters', `tg://proxy?server=${'a'.repeat(256)}&port=1&secret=${SECRET}`, 'server'],
    ['a broken escape', `tg://proxy?server=%e&port=1&secret=${SECRET}`, 'server'],
    ['port 0', `tg://proxy?server=a&port=0&secret=${SECRET}`, 'port'],
    ['port 65536', `tg://proxy?server=a&port=65536&secret=${SECRET}`, 'port'],
    ['a port that is no number', `tg://proxy?server=a&port=1e3&secret=${SECRET}`, 'port'],
    ['no secret', 'tg://proxy?server=a&port=1', 'secret'],
    ['a bad secret', 'tg://proxy?server=a&port=1&secret=cc', 'secret'],
    ['more than a link can hold', `tg://proxy?server=a&port=1&secret=${'a'.repeat(5000)}`, 'starts with'],
  ])('are refused with %s', (_, text, word) => {
    expect(parseLink(text)).toEqual({ error: expect.stringContaining(word) as string })
  })

  it('take a server of 255 characters and ports 1 and 65535', () => {
    for (const port of [1, 65535]) {
      const text = `tg://proxy?server=${'a'.repeat(255)}&port=${port}&secret=${SECRET}`
      expect(parseLink(text)).toMatchObject({ port })
    }
  })

  test.prop([arbLink, fc.constantFrom('tg' as const, 'https' as const)])('are read back as they were', (link, form) => {
    expect(parseLink(formatLink(link, form))).toEqual(link)
  })

  test.prop([fc.string({ unit: 'binary', maxLength: 300 }), fc.boolean()])('answer for any text', (text, hasStart) => {
    expect(parseLink(hasStart ? `tg://proxy?${text}` : text)).toBeTypeOf('object')
  })
})
