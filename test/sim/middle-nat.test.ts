import { describe, expect, it } from 'vitest'
import type { ProxyEvent } from '../../src/core/events.ts'
import { Log } from '../../src/observe/log.ts'
import { PROXY, scene, STUN, TAG, type Options } from './middle-scene.ts'

const OUTSIDE = '198.51.100.9'
const WRONG = '198.51.100.66'
const HOUR_MS = 3_600_000

/** A proxy behind a NAT, and what it logged. */
function behindNat(options: Options) {
  const opened = scene({ outside: OUTSIDE, ...options })
  const lines: { readonly level: string; readonly event: string; readonly msg: string }[] = []
  const logged = () => {
    const write = (line: string) => lines.push(JSON.parse(line) as (typeof lines)[number])
    // The clock of the log is that of the world at the time of each event: here only how often matters.
    const log = new Log({ level: 'info', format: 'json', addresses: 'none', write, mono: () => 0 })
    for (const event of opened.events) log.emit(event)
    return lines.filter(({ event }) => event === 'link.closed' || event === 'public.address')
  }
  const results = () =>
    opened.events.flatMap((event) => (event.kind === 'public-address' ? [`${event.result} ${event.ip}`.trim()] : []))
  const ends = () => opened.kinds('link-closed') as (ProxyEvent & { readonly kind: 'link-closed' })[]
  const { nat, telegram } = opened
  if (nat === undefined) throw new Error('there is a NAT')
  /** Clients that come all the time, each for a second. */
  const keepComing = (hours: number, everyMs: number) => {
    for (let ms = 0; ms < hours * HOUR_MS; ms += everyMs) {
      opened.connect('padded').requestPq(() => {})
      opened.world.runFor(everyMs)
    }
  }
  const serves = () => {
    const agreed = opened.answer((reply) => opened.connect('padded').exchangeKey(reply))
    return agreed !== undefined
  }
  return { ...opened, nat, telegram, logged, results, ends, keepComing, serves }
}

describe('a proxy behind a NAT', () => {
  it('serves clients by middle proxy with the address that is configured, and asks nobody', () => {
    const { serves, nat, telegram, faults, direct } = behindNat({ adTag: TAG, middle: { nat: OUTSIDE, stun: STUN } })
    expect(serves()).toBe(true)
    expect([telegram.counters.opened, faults, nat.asked, direct.connections]).toEqual([1, [], 0, 0])
  })

  it('finds its address before the first client comes, and serves clients with it', () => {
    const { serves, nat, telegram, faults, results, logged } = behindNat({ adTag: TAG, middle: { stun: STUN } })
    expect([results(), nat.asked]).toEqual([[`found ${OUTSIDE}`], 2])
    expect(serves()).toBe(true)
    expect([telegram.counters.opened, faults, nat.asked]).toEqual([1, [], 2])
    expect(logged()).toMatchObject([{ level: 'info', msg: `Middle proxies see us as ${OUTSIDE}, STUN servers say` }])
  })

  it('asks when the first link needs it where no client depends on it', () => {
    const { serves, nat, telegram, direct } = behindNat({ middle: { stun: STUN, dcs: [2] } })
    expect(nat.asked).toBe(0)
    expect(serves()).toBe(true)
    expect([nat.asked, telegram.counters.opened, direct.connections]).toEqual([2, 1, 0])
  })

  it('makes few attempts for hours with a wrong address, says why, and serves the others the direct way (I25)', () => {
    const HOURS = 3
    const tagged = behindNat({ adTag: TAG, middle: { nat: WRONG, stun: STUN } })
    tagged.keepComing(HOURS, 10_000)
    expect([tagged.telegram.counters.opened, tagged.direct.connections, tagged.nat.asked]).toEqual([0, 0, 0])
    // A pause is a minute at least, once six failures are behind.
    expect(tagged.telegram.counters.links).toBeGreaterThan(HOURS * 30)
    expect(tagged.telegram.counters.links).toBeLessThanOrEqual(6 + HOURS * 60)
    expect(tagged.ends().every(({ mismatch }) => mismatch?.ip === WRONG && mismatch.source === 'nat')).toBe(true)
    expect(tagged.logged()).toMatchObject([
      {
        level: 'warn',
        msg:
          `The middle proxy at 91.108.4.7 port 8888 did not understand our handshake: our public address is probably not ${WRONG} ` +
          `(which telegram.middle.nat says; our interface has ${PROXY.ip}); set telegram.middle.nat to the right one, ` +
          'or the NAT changes ports, and then middle proxies cannot be used',
      },
    ])

    const others = behindNat({ middle: { nat: WRONG, stun: STUN, dcs: [2] } })
    for (let i = 0; i < 5; i++) expect(others.serves()).toBe(true)
    expect([others.direct.connections, others.telegram.counters.opened]).toEqual([5, 0])
  })

  it.each([
    ['nobody is to be asked', [], []],
    ['nobody answers', STUN, STUN],
  ])('makes no handshake, few attempts and few questions where %s', (_what, stun, silent) => {
    const HOURS = 3
    const tagged = behindNat({ adTag: TAG, middle: { stun }, silent })
    tagged.keepComing(HOURS, 10_000)
    const { links, opened } = tagged.telegram.counters
    expect([opened, tagged.direct.connections]).toEqual([0, 0])
    expect(links).toBeLessThanOrEqual(6 + HOURS * 60)
    expect(tagged.nat.asked).toBeLessThanOrEqual(stun.length * (4 + HOURS * 12))
    expect(new Set(tagged.ends().map(({ why, mismatch }) => `${why} ${mismatch?.ip}`))).toEqual(
      new Set(['address-unknown undefined']),
    )
    expect(tagged.logged().filter(({ event }) => event === 'link.closed')).toMatchObject([
      {
        level: 'warn',
        msg:
          'No link to the middle proxy at 91.108.4.7 port 8888: our public address behind the NAT is not known; ' +
          'set telegram.middle.nat to it',
      },
    ])

    const others = behindNat({ middle: { stun, dcs: [2] }, silent })
    for (let i = 0; i < 5; i++) expect(others.serves()).toBe(true)
    expect([others.direct.connections, others.telegram.counters.opened]).toEqual([5, 0])
  })

  it('comes back within minutes when servers answer at last', () => {
    const { nat, keepComing, serves, telegram } = behindNat({ adTag: TAG, middle: { stun: STUN }, silent: STUN })
    keepComing(1, 30_000)
    nat.lies.clear()
    keepComing(0.2, 30_000)
    expect(telegram.counters.opened).toBeGreaterThan(0)
    expect(serves()).toBe(true)
  })

  it('finds its new address when the old one is no longer right', () => {
    const { nat, world, telegram, serves, keepComing, results } = behindNat({ adTag: TAG, middle: { stun: STUN } })
    expect(serves()).toBe(true)
    nat.outside = WRONG
    world.runFor(2 * 60_000)
    for (const link of [...telegram.links]) link.rotate()
    keepComing(0.05, 10_000)
    expect(results()).toEqual([`found ${OUTSIDE}`, `found ${WRONG}`])
    expect(serves()).toBe(true)
    expect(telegram.counters.opened).toBeGreaterThan(1)
  })

  it('believes nobody when servers contradict each other, and keeps what it knew', () => {
    const { nat, world, telegram, serves, results, events } = behindNat({ adTag: TAG, middle: { stun: STUN } })
    expect(serves()).toBe(true)
    nat.lies.set(STUN[1], WRONG)
    world.runFor(HOUR_MS)
    for (const link of [...telegram.links]) link.rotate()
    expect(serves()).toBe(true)
    expect(results()).toEqual([`found ${OUTSIDE}`, `failed ${OUTSIDE}`])
    expect(events.filter(({ kind }) => kind === 'public-address')[1]).toMatchObject({
      why: `they disagree: ${STUN[0]} says ${OUTSIDE}, ${STUN[1]} says ${WRONG}`,
    })
  })
})
