import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { bandwidth, quota, readSize } from '../../src/config/values/amount.ts'
import { dnsServer, formatDnsServer } from '../../src/config/values/dns-server.ts'
import { formatAddress, hostPort, readAddress, socks5, splitHostPort } from '../../src/config/values/net.ts'
import { formatDuration, readDuration, readInstant } from '../../src/config/values/time.ts'
import { editDistance, nearest } from '../../src/config/suggest.ts'

describe('durations', () => {
  it.each([
    ['500ms', 500],
    ['10s', 10_000],
    ['2m', 120_000],
    ['1h', 3_600_000],
    ['1d', 86_400_000],
    ['0s', 0],
  ])('reads %s', (text, ms) => expect(readDuration(text)).toBe(ms))

  it.each(['', '10', 's', '-1s', '1.5s', '10 s', '10S', '1h30m', '9999999999s'])('refuses %j', (text) =>
    expect(readDuration(text)).toBeUndefined(),
  )

  test.prop([fc.nat(100_000_000)])('what is written is read back', (ms) => {
    expect(readDuration(formatDuration(ms))).toBe(ms)
  })
})

describe('sizes', () => {
  it.each([
    ['64 MB', 64 * 1024 ** 2],
    ['64MiB', 64 * 1024 ** 2],
    ['256 KB', 262_144],
    ['1.5 GB', 1.5 * 1024 ** 3],
    ['10 B', 10],
    ['8191 TB', 8191 * 1024 ** 4],
  ])('reads %s', (text, bytes) => expect(readSize(text)).toBe(bytes))

  it.each(['', '64', '64 mb', '64 iB', '64  MB', '-1 MB', 'MB', '8192 TB'])('refuses %j', (text) =>
    expect(readSize(text)).toBeUndefined(),
  )
})

describe('points in time', () => {
  it.each(['2027-02-29', '2027-13-01', '2027-01-01T24:00:00Z', '1969-01-01', 'tomorrow', '2027-01-01T00:00:00'])(
    'refuses %j',
    (text) => expect(readInstant(text)).toBeUndefined(),
  )

  it('takes a date alone as its first second', () => expect(readInstant('2027-01-01')).toBe(1_798_761_600))

  it('goes by the offset', () =>
    expect(readInstant('2027-01-01T02:30:00+02:30')).toBe(readInstant('2027-01-01T00:00:00Z')))

  const arbTime = fc.date({ min: new Date('1970-01-02'), max: new Date('2999-12-31'), noInvalidDate: true })
  test.prop([arbTime])('agrees with the platform', (time) => {
    expect(readInstant(time.toISOString())).toBe(Math.floor(time.getTime() / 1000))
  })
})

describe('addresses', () => {
  it.each(['0.0.0.0:443', '[::]:443', '[2001:67c:4e8:f002::a]:1', '1.2.3.4:65535'])('reads and writes %s', (text) => {
    const address = readAddress(text)
    expect(address === undefined ? undefined : formatAddress(address)).toBe(text)
  })

  it.each([
    ':443',
    '443',
    '::1:443',
    '[1.2.3.4]:443',
    '1.2.3.4:0',
    '1.2.3.4:65536',
    'localhost:443',
    '1.2.3.4',
    '1.2.3:4',
  ])('refuses %j', (text) => expect(readAddress(text)).toBeUndefined())

  it('reads a SOCKS5 server with and without a user', () => {
    const server = { ip: '192.0.2.1', port: 1080 }
    expect(socks5().parse('socks5://u:p%40ss@192.0.2.1:1080')).toEqual({ server, user: 'u', password: 'p@ss' })
    expect(socks5().parse('socks5://192.0.2.1:1080')).toEqual({ server, user: '', password: '' })
  })

  it.each(['http://192.0.2.1:1080', 'socks5://name:1080', 'socks5://u@192.0.2.1:1080', 'socks5://:p@192.0.2.1:1080'])(
    'refuses %j as a SOCKS5 server',
    (text) => expect(socks5().safeParse(text).success).toBe(false),
  )
})

describe('DNS servers', () => {
  it.each([
    ['192.0.2.53', '192.0.2.53:53'],
    ['192.0.2.53:5353', '192.0.2.53:5353'],
    ['2001:db8::53', '[2001:db8::53]:53'],
    ['[2001:db8::53]', '[2001:db8::53]:53'],
    ['[2001:db8::53]:853', '[2001:db8::53]:853'],
    ['https://dns.example/dns-query', 'https://dns.example/dns-query'],
    ['https://dns.example', 'https://dns.example/'],
    ['https://[2001:db8::53]:8443/q?ct=1', 'https://[2001:db8::53]:8443/q?ct=1'],
    ['https://dns.example/dns-query{?dns}', 'https://dns.example/dns-query'],
  ])('reads %s', (text, meant) => expect(formatDnsServer(dnsServer().parse(text))).toBe(meant))

  it.each([
    '',
    'dns.example',
    '192.0.2.53:0',
    '[192.0.2.53]:53x',
    'http://dns.example/',
    'tls://192.0.2.53',
    'https://',
    'https://user:word@dns.example/',
    'https://dns.example/q?dns=x',
    'https://dns.example/#x',
    `https://dns.example/${'x'.repeat(500)}`,
  ])('refuses %j', (text) => expect(dnsServer().safeParse(text).success).toBe(false))
})

describe('amounts of users', () => {
  it('reads a quota and a bandwidth', () => {
    expect(quota().parse('50 GB / month')).toEqual({ bytes: 50 * 1024 ** 3, period: 'month' })
    expect(quota().parse('1 B/day')).toEqual({ bytes: 1, period: 'day' })
    expect(bandwidth().parse('20 Mbit/s')).toBe(2_500_000)
    expect(bandwidth().parse('64 kbit/s')).toBe(8_000)
  })

  it.each(['0 GB / month', '50 GB / year', '50 GB', '/ day'])('refuses the quota %j', (text) =>
    expect(quota().safeParse(text).success).toBe(false),
  )

  it.each(['63.9 kbit/s', '0 Mbit/s', '20 MB/s', '20'])('refuses the bandwidth %j', (text) =>
    expect(bandwidth().safeParse(text).success).toBe(false),
  )
})

describe('suggestions', () => {
  it('counts edits, and a swap as one', () => {
    expect(editDistance('kitten', 'sitting')).toBe(3)
    expect(editDistance('adress', 'address')).toBe(1)
    expect(editDistance('lgo', 'log')).toBe(1)
    expect(editDistance('', 'abc')).toBe(3)
  })

  it('names what is near and stays silent about what is not', () => {
    expect(nearest('adress', ['backlog', 'address'])).toBe('address')
    expect(nearest('bogus', ['enabled', 'credit'])).toBeUndefined()
  })
})

describe('servers', () => {
  it.each([
    ['STUN.example.com:3478', 'stun.example.com:3478', 'stun.example.com', 3478],
    ['192.0.2.1:1', '192.0.2.1:1', '192.0.2.1', 1],
    ['[2001:DB8::1]:65535', '[2001:db8::1]:65535', '2001:db8::1', 65535],
  ])('reads %s', (text, kept, host, port) => {
    expect(hostPort().parse(text)).toBe(kept)
    expect(splitHostPort(kept)).toEqual({ host, port })
  })

  it.each([
    '',
    'stun.example.com',
    'stun.example.com:0',
    'stun.example.com:65536',
    'stun:x.com:1',
    '2001:db8::1:80',
    'a b:1',
  ])('refuses %j', (text) => expect(hostPort().safeParse(text).success).toBe(false))
})
