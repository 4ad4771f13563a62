import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import {
  DOMAIN_MAX,
  formatSecret,
  parseSecret,
  secretBytes,
  type ClientSecret,
} from '../../../src/core/protocol/secret.ts'
import { KEY, arbSecret, hex, toHex, vectors } from './arbitrary.ts'

const KINDS: Record<string, string> = { plain: 'plain', dd: 'padded', ee: 'fake-tls' }
function read(text: string): ClientSecret {
  const secret = parseSecret(text)
  if ('error' in secret) throw new Error(secret.error)
  return secret
}

describe('parseSecret', () => {
  it.each(vectors.secrets.valid)('reads $text', ({ text, kind, key, domain }) => {
    const secret = read(text)
    expect({ ...secret, key: toHex(secret.key) }).toEqual({ mode: KINDS[kind], key, domain: domain ?? '' })
  })

  it.each(vectors.secrets.invalid)('refuses $why', ({ text }) => {
    expect(parseSecret(text)).toHaveProperty('error')
  })

  it('takes digits that are both hex and base64 for hex', () => {
    expect(toHex(read('00112233445566778899AABBCCDDEEFF').key)).toBe(toHex(KEY))
  })

  it('takes digits that are both for base64 where they are too few for hex', () => {
    const text = '001117233445566728889A'
    expect(formatSecret(read(text), 'base64url')).toBe(text)
  })

  it('reads base64 where base64url has other characters', () => {
    const bytes = hex(`ee${'fb'.repeat(16)}6578616d706c652e636f6d`)
    const base64 = Buffer.from(bytes).toString('base64')
    expect(base64).toContain('+')
    expect(toHex(secretBytes(read(base64)))).toBe(toHex(bytes))
  })

  it.each([
    ['one sign of padding too few', '3QARIjNEVWZ3iJmqu8zd7v8='.slice(0, -1) + '=='],
    ['padding where none belongs', `${Buffer.from(new Uint8Array(18)).toString('base64')}=`],
    ['both alphabets at once', '-_'.repeat(10) + '+/'.repeat(10)],
    ['nothing', ''],
    ['more than any secret', 'a'.repeat(10_000)],
    ['spaces around it', ' 00112233445566778899aabbccddeeff '],
  ])('refuses %s', (_, text) => {
    expect(parseSecret(text)).toHaveProperty('error')
  })

  it('takes a domain of 1 and of 182 characters, not of 0 or 183', () => {
    const withDomain = (length: number) => `ee${toHex(KEY)}${'61'.repeat(length)}`
    expect(read(withDomain(1)).domain).toBe('a')
    expect(read(withDomain(DOMAIN_MAX)).domain).toHaveLength(182)
    expect(parseSecret(withDomain(0))).toHaveProperty('error')
    expect(parseSecret(withDomain(DOMAIN_MAX + 1))).toHaveProperty('error')
  })

  it('refuses a domain with a space, a control character or a byte beyond ASCII', () => {
    for (const byte of ['20', '00', '7f', 'c3'])
      expect(parseSecret(`ee${toHex(KEY)}61${byte}62`)).toHaveProperty('error')
  })

  it('says what is wrong without repeating the secret', () => {
    const text = 'cc00112233445566778899aabbccddeeff'
    const result = parseSecret(text)
    expect('error' in result && result.error).toMatch(/17 bytes.*dd or ee/)
    expect(JSON.stringify(result)).not.toContain('00112233')
  })

  test.prop([
    fc.oneof(fc.string({ maxLength: 900 }), fc.string({ unit: 'binary', maxLength: 500 }), fc.base64String()),
  ])('answers for any text, and what it takes has a key of 16 bytes', (text) => {
    const secret = parseSecret(text)
    if (!('error' in secret)) expect(secret.key).toHaveLength(16)
  })
})

describe('formatSecret', () => {
  test.prop([arbSecret, fc.constantFrom('hex' as const, 'base64url' as const)])(
    'is read back as it was',
    (secret, form) => {
      expect(secretBytes(read(formatSecret(secret, form)))).toEqual(secretBytes(secret))
      expect(read(formatSecret(secret, form))).toEqual(secret)
    },
  )

  test.prop([arbSecret])('writes base64url as the platform does', (secret) => {
    expect(formatSecret(secret, 'base64url')).toBe(Buffer.from(secretBytes(secret)).toString('base64url'))
  })

  it('writes lower case hex with the mark of its mode', () => {
    expect(formatSecret({ mode: 'padded', key: KEY, domain: '' }, 'hex')).toBe(`dd${toHex(KEY)}`)
    expect(formatSecret({ mode: 'fake-tls', key: KEY, domain: 'a.b' }, 'hex')).toBe(`ee${toHex(KEY)}612e62`)
  })
})
