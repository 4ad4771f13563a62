import { describe, expect, it } from 'vitest'
import type { ProxyEvent } from '../../src/core/events.ts'
import { redact } from '../../src/observe/addresses.ts'
import { LineLimiter } from '../../src/observe/limiter.ts'
import { Log, type LogOptions } from '../../src/observe/log.ts'

const CLIENT = { ip: '203.0.113.77', port: 50_000 }
const CLOSED: ProxyEvent = {
  kind: 'closed',
  connection: 7,
  client: CLIENT,
  reason: 'eof',
  outcome: 'relayed',
  fromClientBytes: 10,
  toClientBytes: 20,
  ageMs: 1234.5,
}

function makeLog(options: Partial<LogOptions> = {}) {
  const lines: string[] = []
  let nowMs = 0
  const log = new Log({
    level: 'debug',
    format: 'json',
    addresses: 'prefix',
    write: (line) => lines.push(line),
    mono: () => nowMs,
    ...options,
  })
  const records = () => lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  return { log, lines, records, pass: (ms: number) => (nowMs += ms) }
}

describe('a log line', () => {
  it('is one line of JSON with time, level, event and a sentence', () => {
    const { log, lines, records } = makeLog()
    log.write('info', 'listening', 'Listening\nfor clients', { port: 443 })
    expect(lines[0].split('\n')).toHaveLength(2)
    expect(records()[0]).toEqual({
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
      level: 'info',
      event: 'listening',
      msg: 'Listening\nfor clients',
      port: 443,
    })
  })

  it('tells how a connection went', () => {
    const { log, records } = makeLog()
    log.emit(CLOSED)
    expect(records()[0]).toMatchObject({
      level: 'info',
      event: 'conn.closed',
      conn: 7,
      client: '203.0.113.0/24',
      reason: 'eof',
      outcome: 'relayed',
      client_to_dc_bytes: 10,
      dc_to_client_bytes: 20,
      age_ms: 1235,
    })
  })

  it('calls a secret by its name, and never by more', () => {
    const { log, records } = makeLog()
    log.secretNames = new Map([[3, 'family']])
    log.emit({ kind: 'authenticated', connection: 1, mode: 'padded', secret: 3, dc: 2 })
    expect(records()[0]).toMatchObject({ event: 'conn.authenticated', secret: 'family', dc: 2 })
  })

  it('tells of each step of overload, up as a warning', () => {
    const { log, records } = makeLog({ level: 'info' })
    for (const level of [1, 2, 0] as const)
      log.emit({ kind: 'overload', resource: 'descriptors', level, reading: 0.87654 })
    expect(records().map(({ event, level, reading }) => [event, level, reading])).toEqual([
      ['guard.overload', 'warn', 0.877],
      ['guard.overload', 'warn', 0.877],
      ['guard.overload', 'info', 0.877],
    ])
    expect(records()[1]).toMatchObject({ resource: 'descriptors', overload_level: 2, msg: 'Overload: no newcomers' })
  })

  it('tells of a name once at each end of its trouble', () => {
    const { log, records } = makeLog({ level: 'info' })
    const host = 'www.example.com'
    log.emit({ kind: 'name-asked', host, result: 'failed' })
    log.emit({ kind: 'name-state', host, state: 'stale', why: '192.0.2.53:53 took longer than 5000 ms' })
    log.emit({ kind: 'name-state', host, state: 'fresh', why: '' })
    expect(records()).toMatchObject([
      { level: 'warn', event: 'dns.name', host, state: 'stale', why: '192.0.2.53:53 took longer than 5000 ms' },
      { level: 'info', event: 'dns.name', host, state: 'fresh' },
    ])
  })

  it('can be written for people', () => {
    const { log, lines } = makeLog({ format: 'pretty' })
    log.write('warn', 'reload.cold', 'Changed keys', { keys: ['listen.backlog'] })
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d WARN {2}reload\.cold {5} Changed keys keys=\["listen\.backlog"\]\n$/)
  })
})

describe('levels', () => {
  const rejected: ProxyEvent = { kind: 'rejected', connection: 1, client: CLIENT, reason: 'bad-digest', trials: 1 }

  it('keep what strangers cause at will out of an ordinary log', () => {
    const { log, lines } = makeLog({ level: 'info' })
    log.emit({ kind: 'accepted', connection: 1, client: CLIENT })
    log.emit(rejected)
    log.emit({ ...CLOSED, outcome: 'masked', reason: 'masked' })
    expect(lines).toEqual([])
  })

  it('change while it runs', () => {
    const { log, records } = makeLog({ level: 'info' })
    log.level = 'debug'
    log.emit(rejected)
    log.level = 'error'
    log.emit(CLOSED)
    expect(records().map(({ event }) => event)).toEqual(['conn.rejected'])
  })
})

describe('client addresses', () => {
  it.each([
    ['203.0.113.77', 'full', '203.0.113.77:50000'],
    ['203.0.113.77', 'prefix', '203.0.113.0/24'],
    ['2001:db8:1:2:3:4:5:6', 'full', '[2001:db8:1:2:3:4:5:6]:50000'],
    ['2001:db8:1:2:3:4:5:6', 'prefix', '2001:db8:1::/48'],
    ['203.0.113.77', 'none', undefined],
    ['not an address', 'full', undefined],
  ] as const)('%s is written in mode %s as %s', (ip, privacy, text) =>
    expect(redact({ ip, port: 50_000 }, privacy)).toBe(text),
  )

  const withClient: ProxyEvent[] = [
    { kind: 'accepted', connection: 1, client: CLIENT },
    { kind: 'rejected', connection: 1, client: CLIENT, reason: 'replay', trials: 0 },
    CLOSED,
  ]
  it.each(['prefix', 'none'] as const)('appear in no line whole in mode %s', (addresses) => {
    const { log, lines } = makeLog({ addresses })
    for (const event of withClient) log.emit(event)
    expect(lines).toHaveLength(3)
    expect(lines.join('')).not.toMatch(/203\.0\.113\.77|50000/)
  })
})

describe('repeated lines', () => {
  const failed: ProxyEvent = {
    kind: 'dial-failed',
    target: 'dc',
    address: { ip: '192.0.2.1', port: 443 },
    why: 'refused',
  }

  it('are thinned out, and the next one tells how many were left out', () => {
    const { log, records, pass } = makeLog()
    for (let i = 0; i < 100; i++) log.emit(failed)
    expect(records()).toHaveLength(5)
    pass(10_000)
    log.emit(failed)
    expect(records()[5]).toMatchObject({ event: 'dial.failed', suppressed: 95 })
  })

  it('do not hide those of another kind', () => {
    const { log, records } = makeLog()
    for (let i = 0; i < 100; i++) log.emit(failed)
    log.emit({ ...failed, target: 'mask' })
    expect(records().at(-1)).toMatchObject({ target: 'mask' })
  })

  it('count anew in every window', () => {
    const limiter = new LineLimiter()
    const written = Array.from({ length: 30 }, (_, second) => limiter.take('x', second * 1000))
    expect(written.filter((left) => left !== undefined)).toHaveLength(15)
  })
})

describe('a link to a middle proxy that never opens', () => {
  const ENDED: ProxyEvent & { kind: 'link-closed' } = {
    kind: 'link-closed',
    dc: 2,
    address: { ip: '149.154.175.50', port: 8888 },
    why: 'end',
    wasOpen: false,
    mismatch: { ip: '203.0.113.9', source: 'stun', local: '10.0.0.5' },
    ageMs: 80,
  }

  it('is explained once in ten minutes, however often it is tried', () => {
    const { log, records, pass } = makeLog()
    for (let i = 0; i < 100; i++) {
      log.emit(ENDED)
      pass(10_000)
    }
    expect(records()).toHaveLength(2)
    expect(records()[0]).toMatchObject({
      level: 'warn',
      own_address: '203.0.113.9',
      own_address_from: 'stun',
      local_address: '10.0.0.5',
    })
    expect(records()[1]).toMatchObject({ suppressed: 59 })
  })

  it.each([
    ['end', 'closed before it said anything'],
    ['clock-skew', 'the clock of this machine is off'],
    ['other-secret', 'ours is old'],
    ['address-unknown', 'set telegram.middle.nat'],
  ] as const)('is not laid on our address when it ended by %s before there were keys', (why, words) => {
    const { log, records } = makeLog()
    log.emit({ ...ENDED, why, mismatch: undefined })
    expect(records()[0].msg).toContain(words)
    expect(records()[0].msg).not.toContain('did not understand')
  })
})
