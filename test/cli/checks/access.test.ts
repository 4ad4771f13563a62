import { describe, expect, it } from 'vitest'
import { listFinding } from '../../../src/cli/checks/access.ts'

function find(file: string | undefined, source = '/etc/bad.netset') {
  return listFinding(
    {
      fetch: (_source, _maxBytes, reply) =>
        reply(file === undefined ? { why: `${source}: ENOENT` } : { bytes: new TextEncoder().encode(file) }),
    },
    source,
  )
}

describe('the check of lists of addresses', () => {
  it('says how many prefixes a list has', async () => {
    expect(await find('9.9.9.9\n')).toEqual({ level: 'ok', check: 'access', message: '/etc/bad.netset has 1 prefix' })
    expect(await find('9.9.9.0/24\n2a00::/32\n')).toMatchObject({ message: '/etc/bad.netset has 2 prefixes' })
  })

  it('warns of what is ignored', async () => {
    expect(await find('9.9.9.9\n10.0.0.0/8\n8.0.0.0/7\n')).toMatchObject({
      level: 'warn',
      message: '/etc/bad.netset has 1 prefix; ignored: 1 private or reserved, 1 wider than /8 or an IPv6 /16',
    })
  })

  it('fails where it cannot be had, or is no list', async () => {
    expect(await find(undefined)).toMatchObject({
      level: 'fail',
      message: '/etc/bad.netset cannot be had: /etc/bad.netset: ENOENT',
    })
    expect(await find('<html>', 'https://x.test/a?token=1')).toMatchObject({
      level: 'fail',
      message:
        'https://x.test/a?... is no list of addresses: 1 of 1 lines; line 1: "<html>" is no address, CIDR or range',
    })
  })
})
