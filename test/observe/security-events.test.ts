import { describe, expect, it } from 'vitest'
import { ACCESS_LIST_RESULTS, REFUSALS, REJECT_REASONS, type ProxyEvent } from '../../src/core/events.ts'
import type { AddressPrivacy } from '../../src/observe/addresses.ts'
import { SECURITY_EVENTS_MAX, SecurityEvents } from '../../src/observe/security-events.ts'
import { securityNoteOf } from '../../src/observe/security-kinds.ts'

const rejected = (ip: string, reason: (typeof REJECT_REASONS)[number] = 'bad-digest'): ProxyEvent => ({
  kind: 'rejected',
  ...{ connection: 1, client: { ip, port: 5 }, reason, trials: 0 },
})
const banned = (prefix: string, times = 1): ProxyEvent => ({
  kind: 'banned',
  ...{ prefix, reason: 'failures', forMs: 600_000, times, score: 104.4 },
})

function scene(addresses: AddressPrivacy = 'full') {
  const now = { ms: 5_000 }
  const events = new SecurityEvents({ mono: () => now.ms, wall: () => 1_800_000_000 + now.ms / 1000, addresses })
  const shown = () => events.last(SECURITY_EVENTS_MAX).map(({ code, source, count }) => `${code} ${source} ${count}`)
  return { events, now, shown }
}

describe('SecurityEvents', () => {
  it('gives every refusal, ban, unban and list refresh a code of its own, and nothing else', () => {
    const codes = [
      ...REJECT_REASONS.map((reason) => securityNoteOf(rejected('192.0.2.1', reason))?.code),
      ...REFUSALS.map(
        (reason) => securityNoteOf({ kind: 'would-refuse', client: { ip: '192.0.2.1', port: 1 }, reason })?.code,
      ),
      ...ACCESS_LIST_RESULTS.map(
        (result) => securityNoteOf({ kind: 'access-list', source: 'x', result, entries: 1, ignored: 0, why: '' })?.code,
      ),
      securityNoteOf(banned('192.0.2.1'))?.code,
      securityNoteOf({ kind: 'unbanned', prefix: '192.0.2.1' })?.code,
      ...(['gone', 'back', 'pin-refused'] as const).map(
        (state) => securityNoteOf({ kind: 'vault', state, why: '' })?.code,
      ),
    ]
    expect(codes).not.toContain(undefined)
    expect(new Set(codes).size).toBe(codes.length)
    expect(securityNoteOf({ kind: 'accepted', connection: 1, client: { ip: '192.0.2.1', port: 1 } })).toBeUndefined()
  })

  it('counts what comes again from one network within a minute, and begins anew after it', () => {
    const { events, now, shown } = scene()
    events.emit(rejected('192.0.2.1'))
    events.emit(rejected('192.0.2.1'))
    expect(shown()).toEqual(['refused.bad-digest 192.0.2.1 2'])
    now.ms += 30_000
    events.emit(rejected('192.0.2.9'))
    events.emit(rejected('2001:db8::1', 'replay'))
    expect(shown()).toEqual(['refused.bad-digest 192.0.2.0/24 3', 'refused.replay 2001:db8::1 1'])
    expect(events.last(2)[0]).toMatchObject({ time_sec: 1_800_000_005, last_sec: 1_800_000_035, severity: 'notice' })
    now.ms += 31_000
    events.emit(rejected('192.0.2.1'))
    expect(shown().at(-1)).toBe('refused.bad-digest 192.0.2.1 1')
  })

  it('a flood from two hundred thousand addresses leaves what was done about it in sight', () => {
    const { events, now, shown } = scene()
    events.emit(banned('192.0.2.1'))
    for (let i = 0; i < 200_000; i++) {
      if (i % 400 === 0) now.ms += 1_000
      const ip = `${1 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}.7`
      events.emit(rejected(ip, i % 3 === 0 ? 'rate' : 'bad-digest'))
    }
    const all = shown()
    expect(all[0]).toBe('banned.failures 192.0.2.1 1')
    // 500 seconds begin nine windows at most, of two reasons, with eight networks and all others each.
    expect(all.length).toBeLessThanOrEqual(1 + 9 * 2 * 9)
    const counted = events.last(SECURITY_EVENTS_MAX).reduce((sum, { count }) => sum + count, 0)
    expect(counted).toBe(200_001)
  })

  it('never holds more than its rings, the last ones', () => {
    const { events, now } = scene()
    for (let i = 0; i < 5_000; i++) {
      now.ms += 60_000
      events.emit(rejected('192.0.2.1'))
      events.emit(banned('192.0.2.1', (i % 200) + 1))
    }
    const all = events.last(10_000)
    expect(all).toHaveLength(SECURITY_EVENTS_MAX)
    expect(all.at(-1)?.time_sec).toBe(1_800_000_005 + 5_000 * 60)
    expect(events.last(3)).toEqual(all.slice(-3))
    const order = all.map(({ at_ms }) => at_ms)
    expect(order).toEqual([...order].sort((a, b) => a - b))
  })

  it.each([
    ['full', ['192.0.2.77', '192.0.2.77', null]],
    ['prefix', ['192.0.2.0/24', '192.0.2.0/24', null]],
    ['none', [null, null, null]],
  ] as const)('with log.addresses = %s it writes them so (I24)', (addresses, sources) => {
    const { events } = scene(addresses)
    events.emit(banned('192.0.2.77'))
    events.emit(rejected('192.0.2.77'))
    events.emit({ kind: 'fault', where: 'relay', message: 'x'.repeat(5_000) })
    const all = events.last(9)
    expect(all.map(({ source }) => source)).toEqual(sources)
    const text = JSON.stringify(all)
    expect(text.includes('192.0.2.77')).toBe(addresses === 'full')
    expect(text.length).toBeLessThan(1_000)
  })

  it('says of a ban what the last one said', () => {
    const { events } = scene()
    events.emit(banned('192.0.2.1', 1))
    events.emit(banned('192.0.2.1', 2))
    expect(events.last(9)).toMatchObject([{ count: 2, details: { for_sec: 600, times: 2, score: 104 } }])
  })
})
