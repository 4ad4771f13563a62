import { describe, expect, it } from 'vitest'
import { fc, test } from '@fast-check/vitest'
import { cidrContains, parseCidr, parseIp } from '../../../../src/core/address.ts'
import type { ProxyEvent } from '../../../../src/core/events.ts'
import { AccessRules } from '../../../../src/core/guard/access/access.ts'
import { ACCESS_LEVELS, lower, rankOf, type AccessLevel } from '../../../../src/core/guard/access/levels.ts'
import { TimerWheel } from '../../../../src/core/memory/wheel.ts'
import { OPEN_ACCESS, type AccessListSettings, type AccessSettings } from '../../../../src/core/settings.ts'
import { VirtualStore } from '../../../../sim/world/store.ts'
import { World } from '../../../../sim/world/world.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const bytes = (text: string) => new TextEncoder().encode(text)
const listed = (source: string, more: Partial<AccessListSettings> = {}): AccessListSettings => ({
  source,
  level: 'none',
  refreshMs: HOUR,
  ...more,
})

/** Sources are what `files` says at the time they are asked. */
function scene(settings: Partial<AccessSettings>, world = new World(1), store = new VirtualStore(world)) {
  const wheel = new TimerWheel(world.now)
  const files = new Map<string, string | Uint8Array>()
  const asked: { readonly source: string; readonly at: number }[] = []
  const events: (ProxyEvent & { kind: 'access-list' })[] = []
  const rules = new AccessRules(
    {
      ...{ clock: world.clock, random: world.random('access'), wheel, store },
      fetcher: {
        fetch(source, _maxBytes, reply) {
          asked.push({ source, at: world.now })
          const file = files.get(source)
          world.after(20, () =>
            reply(file === undefined ? { why: 'away' } : { bytes: typeof file === 'string' ? bytes(file) : file }),
          )
        },
      },
      emit: (event) => event.kind === 'access-list' && events.push(event),
    },
    { ...OPEN_ACCESS, ...settings },
  )
  world.addTicker({ everyMs: 50, tick: () => wheel.advance(world.now), nextAt: () => wheel.nextAt() })
  const why = (ip: string) => {
    const { level, by, source } = rules.explain(parseIp(ip)!)
    return [level, by, ...(source === undefined ? [] : [source])].join(' ')
  }
  const results = () => events.map(({ result }) => result)
  return {
    world,
    store,
    rules,
    files,
    asked,
    events,
    results,
    why,
    apply: (next: Partial<AccessSettings>) => rules.apply({ ...OPEN_ACCESS, ...next }),
  }
}

const manyLines = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => `20.${(from + i) >> 8}.${(from + i) & 255}.1\n`).join('')

describe('levels', () => {
  it('are in order', () => {
    for (const a of ACCESS_LEVELS)
      for (const b of ACCESS_LEVELS) expect(rankOf(lower(a, b))).toBe(Math.min(rankOf(a), rankOf(b)))
  })
})

describe('rules of access', () => {
  it('let the longest range decide, and at equal length deny, rules, allow, lists in this order', () => {
    const { why, rules } = scene({
      default: 'limited',
      deny: ['192.0.2.0/24', '2001:db8::/32'],
      rules: [
        { cidr: '192.0.2.0/24', level: 'full' },
        { cidr: '192.0.2.8/29', level: 'full' },
        { cidr: '198.51.100.0/24', level: 'full' },
        { cidr: '198.51.100.0/24', level: 'limited' },
        { cidr: '2001:db8:1::/48', level: 'standard' },
      ],
    })
    expect(why('192.0.2.7')).toBe('none deny')
    expect(why('192.0.2.9')).toBe('full rule')
    expect(why('198.51.100.1')).toBe('limited rule')
    expect(why('203.0.113.1')).toBe('limited default')
    expect(why('2001:db8:2::')).toBe('none deny')
    expect(why('2001:db8:1::')).toBe('standard rule')
    expect([rules.levelOf('192.0.2.9'), rules.levelOf('::ffff:192.0.2.7'), rules.levelOf('nonsense')]).toEqual([
      'full',
      'none',
      'limited',
    ])
  })

  it('shut out all that nothing names once somebody is allowed', () => {
    const { why } = scene({
      default: 'full',
      allow: ['192.0.2.0/24'],
      rules: [{ cidr: '10.0.0.0/8', level: 'limited' }],
    })
    expect([why('192.0.2.1'), why('10.1.1.1'), why('192.0.3.1'), why('::1')]).toEqual([
      'standard allow',
      'limited rule',
      'none default',
      'none default',
    ])
  })

  // Public ones: private ranges have no say in a list.
  const arbCidr = fc.constantFrom(
    ...['11.0.0.0/8', '11.0.0.0/9', '11.128.0.0/9', '11.0.0.0/16', '11.0.0.1/32', '2a00::/16', '2a00::/64'],
  )
  const arbLevel = fc.constantFrom(...ACCESS_LEVELS)
  test.prop([
    fc.record({
      default: arbLevel,
      allow: fc.array(arbCidr),
      deny: fc.array(arbCidr),
      rules: fc.array(fc.record({ cidr: arbCidr, level: arbLevel })),
    }),
    fc.array(fc.record({ cidr: arbCidr, level: arbLevel }), { maxLength: 3 }),
  ])('say what the sentence in the configuration says', (settings, lists) => {
    const files = lists.map(({ cidr, level }, i) => ({ ...listed(`list ${i}`, { level }), text: `${cidr}\n` }))
    const { world, rules, files: sources } = scene({ ...settings, lists: files })
    for (const { source, text } of files) sources.set(source, text)
    rules.start()
    world.runFor(10_000)
    const order: { readonly cidr: string; readonly level: AccessLevel; readonly rank: number }[] = [
      ...lists.map((list) => ({ ...list, rank: 0 })),
      ...settings.allow.map((cidr) => ({ cidr, level: 'standard' as const, rank: 1 })),
      ...settings.rules.map((rule) => ({ ...rule, rank: 2 })),
      ...settings.deny.map((cidr) => ({ cidr, level: 'none' as const, rank: 3 })),
    ]
    for (const ip of ['11.0.0.1', '11.0.1.0', '11.130.0.0', '12.0.0.0', '2a00::1', '2a00:1::', '2a01::']) {
      const holding = order
        .filter(({ cidr }) => cidrContains(parseCidr(cidr)!, parseIp(ip)!))
        .sort(
          (a, b) =>
            parseCidr(b.cidr)!.bits - parseCidr(a.cidr)!.bits || b.rank - a.rank || rankOf(a.level) - rankOf(b.level),
        )
      const otherwise = settings.allow.length > 0 ? 'none' : settings.default
      expect(rules.levelOf(ip), ip).toBe(holding[0]?.level ?? otherwise)
    }
  })
})

describe('lists of addresses', () => {
  it('are fetched at the start and again after `refresh`, a little later each time', () => {
    const { world, rules, files, asked, events, why } = scene({
      lists: [listed('a'), listed('b', { level: 'limited' })],
    })
    files.set('a', '20.0.0.0/16\n10.0.0.0/8\n')
    files.set('b', '20.0.0.0/16\n21.0.0.0/16\n')
    rules.start()
    world.runFor(5_000)
    expect([why('20.0.1.1'), why('21.0.1.1'), why('10.1.1.1')]).toEqual([
      'none list a',
      'limited list b',
      'standard default',
    ])
    expect(events).toEqual([
      {
        kind: 'access-list',
        source: 'a',
        result: 'taken',
        entries: 1,
        ignored: 1,
        why: 'ignored: 1 private or reserved',
      },
      { kind: 'access-list', source: 'b', result: 'taken', entries: 2, ignored: 0, why: '' },
    ])
    files.set('a', '22.0.0.0/16\n')
    world.runFor(HOUR * 1.2)
    expect([why('20.0.1.1'), why('22.0.1.1')]).toEqual(['limited list b', 'none list a'])
    expect(
      events
        .slice(2)
        .map(({ source, result }) => `${source} ${result}`)
        .sort(),
    ).toEqual(['a taken', 'b unchanged'])
    const [first, second] = asked.filter(({ source }) => source === 'a').map(({ at }) => at)
    expect(second - first).toBeGreaterThan(HOUR)
    expect(rules.listed).toBe(3)
  })

  it('stay as they were when what comes cannot be had, read or believed, and say so', () => {
    const { world, rules, files, events, why } = scene({ lists: [listed('a')] })
    files.set('a', manyLines(1_000))
    rules.start()
    world.runFor(5_000)
    const next = (file: string | undefined) => {
      if (file === undefined) files.delete('a')
      else files.set('a', file)
      rules.apply({ ...OPEN_ACCESS, lists: [listed('a')] })
      world.runFor(5_000)
      expect(why('20.0.7.1')).toBe('none list a')
      const { result, entries, why: reason } = events.at(-1)!
      return `${result} ${entries} ${reason}`
    }
    expect(next(undefined)).toBe('failed 1000 away')
    expect(next('<html>')).toBe('refused 1000 1 of 1 lines; line 1: "<html>" is no address, CIDR or range')
    expect(next('')).toBe('refused 1000 it names no address that counts')
    expect(next(manyLines(99))).toBe('refused 1000 99 prefixes, where there were 1000')
    expect(next(manyLines(100))).toBe('taken 100 ')
  })

  it('are tried again soon after a failure, then less and less often', () => {
    const { world, rules, asked, results } = scene({ lists: [listed('a')] })
    rules.start()
    world.runFor(10 * HOUR)
    const gaps = asked.slice(1).map(({ at }, i) => at - asked[i].at)
    for (const [i, gap] of gaps.entries()) {
      const least = Math.min(MINUTE << i, HOUR)
      expect(gap).toBeGreaterThanOrEqual(least)
      expect(gap).toBeLessThan(least * 1.1 + 200)
    }
    expect(gaps.length).toBeGreaterThan(10)
    expect(new Set(results())).toEqual(new Set(['failed']))
  })

  it('are there after a start without their source, parts and all', () => {
    const first = scene({ lists: [listed('a')] })
    // More than two values of the store.
    const file = `# ${'x'.repeat(2_500_000)}\n20.0.0.0/16\n`
    first.files.set('a', file)
    first.rules.start()
    first.world.runFor(5_000)
    first.rules.close()
    const second = scene({ lists: [listed('a')] }, first.world, first.store)
    second.rules.start()
    first.world.runFor(1_000)
    expect(second.why('20.0.1.1')).toBe('none list a')
    expect(second.asked).toEqual([])
    first.world.runFor(20_000)
    expect(second.results()).toEqual(['restored', 'failed'])
    expect(second.why('20.0.1.1')).toBe('none list a')
  })

  it('have a whole copy whenever the machine goes down', () => {
    const outcomes = new Set<string>()
    for (let afterMs = 0; afterMs < 12; afterMs++) {
      const world = new World(2)
      const first = scene({ lists: [listed('a')] }, world)
      const pad = `# ${'x'.repeat(1_500_000)}\n`
      first.files.set('a', `${pad}20.0.0.0/16\n`)
      first.rules.start()
      world.runFor(5_000)
      first.files.set('a', `${pad}21.0.0.0/16\n`)
      first.apply({ lists: [listed('a')] })
      world.until(() => first.why('21.0.0.1') === 'none list a', 5_000)
      world.runFor(afterMs)
      first.store.losePower()
      first.rules.close()
      const second = scene({ lists: [listed('a')] }, world, first.store)
      second.rules.start()
      world.runFor(1_000)
      outcomes.add([second.why('20.0.0.1'), second.why('21.0.0.1')].join())
    }
    expect([...outcomes].sort()).toEqual(['none list a,standard default', 'standard default,none list a'])
  })

  it('that are taken out are forgotten, so that a small one may come in their place', () => {
    const { world, rules, files, apply, why, events } = scene({ lists: [listed('a')] })
    files.set('a', manyLines(1_000))
    rules.start()
    world.runFor(5_000)
    apply({})
    expect([why('20.0.7.1'), rules.listed]).toEqual(['standard default', 0])
    world.runFor(5_000)
    files.set('a', manyLines(1))
    apply({ lists: [listed('a')] })
    world.runFor(5_000)
    expect(events.map(({ result, entries }) => `${result} ${entries}`)).toEqual(['taken 1000', 'taken 1'])
  })

  it('keep what they have read when only their level changes, from the same moment on', () => {
    const { world, rules, files, apply, why } = scene({ lists: [listed('a')] })
    files.set('a', '20.0.0.0/16\n')
    rules.start()
    world.runFor(5_000)
    apply({ lists: [listed('b'), listed('a', { level: 'limited' })], deny: ['20.0.9.0/24'] })
    expect([why('20.0.1.1'), why('20.0.9.1')]).toEqual(['limited list a', 'none deny'])
  })

  it('that are long hold nobody up, and the rules before them hold meanwhile', () => {
    const { world, rules, files, why, apply } = scene({ lists: [listed('a')], deny: ['21.0.0.0/16'] })
    const lines = Array.from(
      { length: 60_000 },
      (_, i) => `2a00:${(i >> 8).toString(16)}:${(i & 255).toString(16)}::/48\n`,
    )
    files.set('a', lines.join(''))
    rules.start()
    world.runFor(1_000)
    expect([why('2a00:0:1::'), why('21.0.0.1'), rules.listed]).toEqual(['standard default', 'none deny', 0])
    world.until(() => rules.listed > 0, 10_000)
    expect([why('2a00:0:1::'), why('21.0.0.1')]).toEqual(['standard default', 'none deny'])
    world.runFor(1_000)
    expect([why('2a00:0:1::'), rules.listed]).toEqual(['none list a', 60_000])
    apply({ lists: [listed('a')] })
    expect([why('2a00:0:1::'), why('21.0.0.1')]).toEqual(['none list a', 'none deny'])
    world.runFor(1_000)
    expect([why('2a00:0:1::'), why('21.0.0.1')]).toEqual(['none list a', 'standard default'])
  })

  it('show no token of a URL', () => {
    const { world, rules, events } = scene({ lists: [listed('https://lists.example/a.netset?token=secret')] })
    rules.start()
    world.runFor(1_000)
    expect(events[0].source).toBe('https://lists.example/a.netset?...')
  })

  it('are asked no more once it is closed', () => {
    const { world, rules, asked, files } = scene({ lists: [listed('a')] })
    files.set('a', '20.0.0.0/16\n')
    rules.start()
    world.runFor(10)
    rules.close()
    world.runFor(10 * HOUR)
    expect(asked.length).toBeLessThanOrEqual(1)
  })
})
