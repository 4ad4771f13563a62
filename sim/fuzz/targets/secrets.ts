import { fromAscii, toAscii } from '../../../src/core/protocol/bytes.ts'
import { formatLink, parseLink } from '../../../src/core/protocol/link.ts'
import {
  DOMAIN_MAX,
  formatSecret,
  parseSecret,
  secretBytes,
  type ClientSecret,
} from '../../../src/core/protocol/secret.ts'
import { must, mustBeSame, type Target } from '../target.ts'
import { vectors } from './vectors.ts'

const KEY = '00112233445566778899aabbccddeeff'

/** What users paste: secrets in any form, and links. */
export const target: Target = {
  bytesMax: 640,
  seeds: () => [
    ...vectors.secrets.valid.map(({ text }) => fromAscii(text)),
    fromAscii(`dd${KEY}`),
    fromAscii(`ee${KEY}7777772e6578616d706c652e636f6d`),
    fromAscii('7gARIjNEVWaInaq7zN3u/3d3dy5leGFtcGxlLmNvbQ=='),
    fromAscii(`tg://proxy?server=192.0.2.1&port=443&secret=${KEY}`),
    fromAscii(`https://t.me/proxy?secret=dd${KEY}&port=1&server=%5B2001:db8::1%5D#x`),
    fromAscii(`HTTP://WWW.telegram.dog/proxy/?server=a%20b&port=65535&secret=${KEY}`),
  ],
  tokens: ['%5B', '%5D', '%25', '&server=', '&port=', '&secret=', '==', '=', '-_', '+/'],
  run(input) {
    const text = toAscii(input)
    const secret = parseSecret(text)
    if ('error' in secret) mustBeLine(secret.error)
    else mustBeSecret(secret)
    const link = parseLink(text)
    if ('error' in link) mustBeLine(link.error)
    else {
      mustBeSecret(link.secret)
      must(link.port >= 1 && link.port <= 65_535 && link.host !== '' && link.host.length <= 255, 'a place that is none')
      for (const form of ['tg', 'https'] as const) mustReadBack(link, form)
    }
    return [secret, link]
  },
}

function mustReadBack(link: Parameters<typeof formatLink>[0], form: 'tg' | 'https'): void {
  // Brackets around a host are taken off: a host that has some of its own has lost one pair.
  const again = parseLink(formatLink(link, form))
  const host = link.host.replace(/^\[(.*)\]$/, '$1')
  mustBeSame(again, host === '' ? again : { ...link, host }, 'a link printed and read again')
}

function mustBeSecret(secret: ClientSecret): void {
  must(secret.key.length === 16 && secret.domain.length <= DOMAIN_MAX, 'a key or a domain of another length')
  must((secret.mode === 'fake-tls') === secret.domain.length > 0, 'a domain of a mode that has none')
  for (const form of ['hex', 'base64url'] as const)
    mustBeSame(parseSecret(formatSecret(secret, form)), secret, 'a secret printed and read again')
  mustBeSame(formatSecret(secret, 'base64url'), Buffer.from(secretBytes(secret)).toString('base64url'), 'its base64url')
}

function mustBeLine(error: string): void {
  must(/^[\x20-\x7e]{1,200}$/.test(error), 'an error that is no line')
}
