import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import type { ProxyEvent } from '../../src/core/events.ts'
import { TimerWheel } from '../../src/core/memory/wheel.ts'
import { NameCache } from '../../src/core/names.ts'
import type { NameAnswer } from '../../src/core/ports.ts'
import { World } from '../../sim/world/world.ts'

const [SECOND_MS, MINUTE_MS, HOUR_MS] = [1_000, 60_000, 3_600_000]
const TICK_MS = 50
const NAME = 'www.example.com'
const OLD = ['192.0.2.1', '2001:db8::1']
const NEW = ['192.0.2.2']
const FAILED: NameAnswer = { kind: 'failed', why: 'out of reach' }
const NO_ADDRESS: NameAnswer = { kind: 'no-address' }
const good = (ips: readonly string[] = OLD, ttlSec = 300): NameAnswer => ({ kind: 'addresses', ips, ttlSec })

/** A cache over a resolver that says `answer`, after 20 ms; 0: when `release` is called. */
function scene({ answer = good(), takesMs = 20, staleMs = 24 * HOUR_MS } = {}) {
  const world = new World(1)
  const wheel = new TimerWheel(world.now)
  world.addTicker({ everyMs: TICK_MS, tick: () => wheel.advance(world.now), nextAt: () => wheel.nextAt() })
  const resolver = { answer }
  const asked: { host: string; at: number }[] = []
  const held: (() => void)[] = []
  const events: string[] = []
  const known = new Map<string, readonly string[]>()
  const names = new NameCache({
    resolver: {
      query(host, reply) {
        asked.push({ host, at: world.now })
        if (takesMs === 0) held.push(() => reply(resolver.answer))
        else world.after(takesMs, () => reply(resolver.answer))
      },
    },
    clock: world.clock,
    wheel,
    emit: (event: ProxyEvent) => {
      if (event.kind === 'name-state') events.push(`${event.host} ${event.state} ${event.why}`.trim())
    },
    settings: () => ({ dns: { staleMs } }),
  })
  const keep = (...hosts: string[]) => names.keep(hosts, (host, ips) => known.set(host, ips))
  const lookup = (host = NAME) => {
    const heard: (readonly string[])[] = []
    names.lookup(host, (ips) => heard.push(ips))
    return heard
  }
  /** Every pause between two questions, in seconds. */
  const pauses = () => asked.slice(1).map(({ at }, i) => Math.round((at - asked[i].at) / SECOND_MS))
  return { world, wheel, names, resolver, asked, held, events, known, keep, lookup, pauses }
}

describe('a name that is kept', () => {
  it('is asked for again shortly before its time is over', () => {
    const { world, asked, known, keep, resolver } = scene()
    keep(NAME)
    expect(known.has(NAME)).toBe(false)
    world.runFor(MINUTE_MS)
    expect(known.get(NAME)).toEqual(OLD)
    resolver.answer = good(NEW)
    world.runFor(209 * SECOND_MS)
    expect(asked).toHaveLength(1)
    world.runFor(2 * SECOND_MS)
    expect(asked).toHaveLength(2)
    expect(known.get(NAME)).toEqual(NEW)
  })

  it.each([
    [0, 27],
    [1, 27],
    [29, 27],
    [30, 27],
    [31, 28],
    [3_599, 3_239],
    [3_600, 3_240],
    [3_601, 3_240],
    [0x7fff_ffff, 3_240],
  ])('whose answer holds %i s is asked for after %i s', (ttlSec, pauseSec) => {
    const { world, keep, pauses } = scene({ answer: good(OLD, ttlSec) })
    keep(NAME)
    world.runFor(3 * HOUR_MS)
    expect(pauses()[0]).toBe(pauseSec)
  })

  it('is asked for ever more seldom while the resolver fails, and as usual afterwards', () => {
    const { world, keep, pauses, resolver, asked } = scene({ answer: FAILED })
    keep(NAME)
    world.runFor(HOUR_MS)
    expect(pauses().slice(0, 9)).toEqual([5, 10, 20, 40, 80, 160, 300, 300, 300])
    resolver.answer = good()
    world.runFor(5 * MINUTE_MS)
    resolver.answer = FAILED
    world.runFor(5 * MINUTE_MS)
    resolver.answer = good()
    const before = asked.length
    world.runFor(10 * MINUTE_MS)
    expect(pauses().slice(before)).toContain(270)
  })

  it('is asked for once at a time', () => {
    const { world, keep, lookup, asked, held } = scene({ takesMs: 0 })
    keep(NAME)
    keep(NAME)
    const heard = [lookup(), lookup()]
    world.runFor(HOUR_MS)
    keep(NAME)
    expect(asked).toHaveLength(1)
    held[0]()
    expect(heard).toEqual([[OLD], [OLD]])
  })

  it('waits while three others are asked for', () => {
    const { keep, asked, held } = scene({ takesMs: 0 })
    keep('a.example', 'b.example', 'c.example', 'd.example', 'e.example')
    expect(asked.map(({ host }) => host)).toEqual(['a.example', 'b.example', 'c.example'])
    held[1]()
    expect(asked.slice(3).map(({ host }) => host)).toEqual(['d.example'])
    for (let i = 0; i < held.length; i++) if (i !== 1) held[i]()
    expect(asked).toHaveLength(5)
  })

  it('is let go by the next list, and taken up from memory by the one after', () => {
    const { world, keep, known, asked } = scene()
    keep(NAME)
    world.runFor(SECOND_MS)
    keep()
    known.clear()
    world.runFor(HOUR_MS)
    expect([asked.length, known.size]).toEqual([1, 0])
    keep(NAME)
    expect(known.get(NAME)).toEqual(OLD)
    world.runFor(SECOND_MS)
    expect(asked).toHaveLength(2)
  })

  it('is forgotten when it was let go for longer than its answer serves', () => {
    const { world, keep, known } = scene({ staleMs: HOUR_MS })
    keep(NAME)
    world.runFor(SECOND_MS)
    keep()
    world.runFor(2 * HOUR_MS)
    keep()
    known.clear()
    keep(NAME)
    expect(known.size).toBe(0)
  })
})

describe('a resolver that fails', () => {
  it('leaves the old answer for as long as is configured, and that is told once at each end', () => {
    const { world, keep, names, known, events, resolver } = scene({ staleMs: HOUR_MS })
    keep(NAME)
    world.runFor(SECOND_MS)
    resolver.answer = FAILED
    world.runFor(5 * MINUTE_MS - 2 * SECOND_MS)
    expect([events, names.stale]).toEqual([[], 0])
    world.runFor(6 * MINUTE_MS)
    expect([events, names.stale]).toEqual([[`${NAME} stale out of reach`], 1])
    world.runFor(53 * MINUTE_MS)
    expect([known.get(NAME), events.length]).toEqual([OLD, 1])
    world.runFor(MINUTE_MS + 2 * SECOND_MS)
    expect([known.get(NAME), names.stale]).toEqual([[], 0])
    world.runFor(HOUR_MS)
    expect(events).toEqual([`${NAME} stale out of reach`, `${NAME} gone out of reach`])
    resolver.answer = good(NEW)
    world.runFor(5 * MINUTE_MS + SECOND_MS)
    expect([known.get(NAME), events.at(-1)]).toEqual([NEW, `${NAME} fresh`])
  })

  it('from the start on leaves nothing, and that is told once', () => {
    const { world, keep, known, events, lookup } = scene({ answer: FAILED })
    keep(NAME)
    const heard = lookup()
    world.runFor(HOUR_MS)
    expect([heard, known.size, events]).toEqual([[[]], 0, [`${NAME} gone out of reach`]])
  })

  it('and recovers before the answer is old is not worth a word', () => {
    const { world, keep, events, resolver } = scene()
    keep(NAME)
    world.runFor(MINUTE_MS)
    resolver.answer = FAILED
    world.runFor(210 * SECOND_MS)
    resolver.answer = good()
    world.runFor(HOUR_MS)
    expect(events).toEqual([])
  })
})

describe('a resolver that says there is no such name', () => {
  it('is believed after an hour of nothing else', () => {
    const { world, keep, known, events, resolver } = scene()
    keep(NAME)
    world.runFor(SECOND_MS)
    resolver.answer = NO_ADDRESS
    world.runFor(5 * MINUTE_MS)
    expect([known.get(NAME), events]).toEqual([OLD, [`${NAME} stale no such name`]])
    world.runFor(58 * MINUTE_MS)
    expect(known.get(NAME)).toEqual(OLD)
    world.runFor(2 * MINUTE_MS)
    expect([known.get(NAME), events.at(-1)]).toEqual([[], `${NAME} gone no such name`])
  })

  it('is not believed when it changes its mind within the hour', () => {
    const { world, keep, known, resolver } = scene()
    keep(NAME)
    world.runFor(SECOND_MS)
    for (let i = 0; i < 5; i++) {
      resolver.answer = NO_ADDRESS
      world.runFor(50 * MINUTE_MS)
      resolver.answer = good()
      world.runFor(5 * MINUTE_MS + SECOND_MS)
    }
    expect(known.get(NAME)).toEqual(OLD)
  })

  it('of a name that was never known is believed at once', () => {
    const { world, keep, known, events } = scene({ answer: NO_ADDRESS })
    keep(NAME)
    world.runFor(SECOND_MS)
    expect([known.size, events]).toEqual([0, [`${NAME} gone no such name`]])
  })
})

describe('a lookup', () => {
  it('answers from memory within the time of the answer, and asks after it', () => {
    const { world, lookup, asked, resolver } = scene()
    const first = lookup()
    expect(first).toEqual([])
    world.runFor(299 * SECOND_MS)
    expect([first, lookup(), asked.length]).toEqual([[OLD], [OLD], 1])
    world.runFor(2 * SECOND_MS)
    resolver.answer = good(NEW)
    const later = lookup()
    world.runFor(SECOND_MS)
    expect([later, asked.length]).toEqual([[NEW], 2])
  })

  it('gets the old answer when the resolver fails, and nothing once that is too old', () => {
    const { world, lookup, resolver } = scene({ staleMs: HOUR_MS })
    lookup()
    world.runFor(30 * MINUTE_MS)
    resolver.answer = FAILED
    const stale = lookup()
    world.runFor(HOUR_MS)
    const late = lookup()
    world.runFor(SECOND_MS)
    expect([stale, late]).toEqual([[OLD], [[]]])
  })

  it('is turned away where sixty-four wait already', () => {
    const { lookup, held } = scene({ takesMs: 0 })
    const heard = Array.from({ length: 64 }, () => lookup())
    expect(lookup()).toEqual([[]])
    expect(heard.flat()).toEqual([])
    held[0]()
    expect(heard.every(([ips]) => ips === OLD)).toBe(true)
  })

  it('makes no name that is asked for again, and arms no timer', () => {
    const { world, lookup, asked, wheel } = scene()
    lookup()
    world.runFor(HOUR_MS)
    expect([asked.length, wheel.armed]).toEqual([1, 0])
  })
})

describe('names', () => {
  it('are bounded: what nobody keeps makes room, what is kept does not', () => {
    const { world, keep, lookup, asked } = scene()
    const hosts = (count: number, of: string) => Array.from({ length: count }, (_, i) => `${i}.${of}.example`)
    for (const host of hosts(8_192, 'looked-up')) lookup(host)
    world.runFor(SECOND_MS)
    lookup('one-more.example')
    world.runFor(SECOND_MS)
    expect(asked).toHaveLength(8_193)
    expect(lookup('0.looked-up.example')).toEqual([])
    world.runFor(SECOND_MS)
    expect(asked).toHaveLength(8_194)
    keep(...hosts(8_192, 'kept'))
    expect(lookup('another.example')).toEqual([[]])
  })

  it('are left alone once it is closed, and whoever waits is told', () => {
    const { world, names, keep, lookup, asked, held, known, wheel } = scene({ takesMs: 0 })
    keep(NAME)
    const heard = lookup()
    names.close()
    held[0]()
    keep('other.example')
    world.runFor(HOUR_MS)
    expect([heard, lookup(), asked.length, known.size, wheel.armed]).toEqual([[[]], [[]], 1, 0, 0])
  })

  const arbAnswers = fc.array(
    fc.oneof(
      fc.constant(FAILED),
      fc.constant(NO_ADDRESS),
      fc.integer({ min: 0, max: 7_200 }).map((ttl) => good(OLD, ttl)),
    ),
    { minLength: 1, maxLength: 60 },
  )
  test.prop([arbAnswers, fc.integer({ min: 1, max: 120 })])(
    'never serve an answer longer than it may, nor ask more often than twice in five seconds',
    (answers, minutes) => {
      const staleMs = minutes * MINUTE_MS
      const { world, resolver, keep, known, asked } = scene({ staleMs })
      keep(NAME)
      let mayServeUntil = 0
      for (const answer of answers) {
        resolver.answer = answer
        const before = asked.length
        world.until(() => asked.length > before, 2 * HOUR_MS)
        world.runFor(SECOND_MS)
        if (answer.kind === 'addresses')
          mayServeUntil = world.now + Math.min(Math.max(answer.ttlSec, 30), 3_600) * SECOND_MS + staleMs
        const serves = (known.get(NAME) ?? []).length > 0
        if (answer.kind === 'addresses') expect(serves).toBe(true)
        else if (serves) expect(world.now).toBeLessThan(mayServeUntil + 2 * SECOND_MS)
      }
      for (let i = 2; i < asked.length; i++)
        expect(asked[i].at - asked[i - 2].at).toBeGreaterThan(5 * SECOND_MS - TICK_MS)
    },
  )
})
