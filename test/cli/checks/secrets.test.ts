import { describe, expect, it } from 'vitest'
import { secretFindings } from '../../../src/cli/checks/secrets.ts'
import type { Mode } from '../../../src/core/events.ts'

function many(count: number, domain: string, modes: Mode[] = ['fake-tls']) {
  return Array.from({ length: count }, () => ({ domain, modes }))
}

describe('the check of secrets', () => {
  it('is content while one hello can be tried on all that may answer it', () => {
    const secrets = [...many(256, 'a.test'), ...many(256, 'b.test'), ...many(256, '', ['plain', 'padded'])]
    expect(secretFindings(secrets)).toEqual([{ level: 'ok', check: 'secrets', message: '768 in all' }])
  })

  it('names the domain that has too many, and the modes that have none', () => {
    const found = secretFindings([...many(257, 'a.test'), ...many(3, 'b.test'), ...many(300, '', ['padded'])])
    expect(found.map(({ level, message }) => `${level} ${message}`)).toEqual([
      'warn 257 for a.test: 256 are tried for a newcomer in 10 s, so who is new may have to come again',
      'warn 300 without TLS: 256 are tried for a newcomer in 10 s, so who is new may have to come again',
    ])
  })
})
