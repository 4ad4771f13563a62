import { describe, expect, it } from 'vitest'
import { fromAscii } from '../../src/core/protocol/bytes.ts'
import { SeededRandom } from '../../sim/world/random.ts'
import { scene, TAG, type Options } from './middle-scene.ts'

/** What the place that serves the files may do instead, and what the proxy then says and does. */

const HOUR_MS = 3_600_000
const OUT_OF_REACH = 'core.telegram.org cannot be reached (ECONNREFUSED)'
const DOWN = { secret: OUT_OF_REACH, config: OUT_OF_REACH }
const PORTAL = fromAscii('<html>please log in</html>\n'.repeat(5))
const HALF = fromAscii('default 2;\nproxy_for 2 10.0.0.7:')
const RANDOM = new SeededRandom(1, 'another secret').bytes(257)
/** One cluster of four. */
const OLD = fromAscii('default 2;\nproxy_for 2 10.0.0.7:8888;\n')

type Files = NonNullable<Options['files']>
interface Row {
  readonly name: string
  readonly bad: Files
  /** Among what is told of the files while they are bad: what they were, and why. */
  readonly told: readonly RegExp[]
}

const ROWS: readonly Row[] = [
  {
    name: 'the server is down',
    bad: DOWN,
    told: [/^secret failed core\.telegram\.org cannot be reached/, /^config failed core\.telegram\.org/],
  },
  {
    name: 'it serves a captive portal',
    bad: { secret: PORTAL, config: PORTAL },
    told: [/^secret refused text/, /^config refused line 1: .+/],
  },
  { name: 'half a list comes', bad: { config: HALF }, told: [/^config refused line 2: .+/] },
  { name: 'the list is empty', bad: { config: fromAscii('') }, told: [/^config refused .+/] },
  {
    name: 'a secret that is too short comes',
    bad: { secret: RANDOM.subarray(0, 31) },
    told: [/^secret refused too-short/],
  },
  { name: 'a secret that is too long comes', bad: { secret: RANDOM }, told: [/^secret refused too-long/] },
]

const open = (options: Options, hasTag: boolean) =>
  scene({ ...options, middle: { dcs: [2] }, ...(hasTag ? { adTag: TAG } : {}) })
type Scene = ReturnType<typeof open>

/** How the next client is served, or why it is closed. */
function wayOf(of: Scene): string {
  const [direct, middle, closed] = [of.direct.connections, of.telegram.counters.answers, of.closed().length]
  let isServed = false
  of.connect('padded').requestPq(() => (isServed = true))
  of.world.until(() => isServed || of.closed().length > closed, 30_000)
  if (!isServed) return of.closed()[closed] ?? 'nothing'
  return of.direct.connections > direct ? 'direct' : of.telegram.counters.answers > middle ? 'middle' : 'nothing'
}

const told = (of: Scene, from = 0) =>
  of.events.slice(from).flatMap((event) => {
    return event.kind === 'middle-config' ? [`${event.what} ${event.result} ${event.why}`] : []
  })

function expectTold(lines: readonly string[], patterns: readonly RegExp[]): void {
  for (const pattern of patterns) expect(lines).toContainEqual(expect.stringMatching(pattern))
}

describe.each(ROWS)('when $name', ({ bad, told: patterns }) => {
  const good = (of: Scene): Files => ({ secret: of.secretFile, config: of.config })

  it('at the first start, clients go direct, tagged ones are closed, and a good file changes that', () => {
    for (const hasTag of [false, true]) {
      const of = open({ files: bad }, hasTag)
      expectTold(told(of), patterns)
      expect(wayOf(of)).toBe(hasTag ? 'dial-failed' : 'direct')
      of.world.runFor(HOUR_MS)
      const asked = told(of).filter((line) => /failed|refused/.test(line)).length
      // At once, then after 1, 2, 4, 8, 16 and 32 minutes; every file that is bad, each time.
      expect(asked).toBe(6 * Object.keys(bad).length)
      Object.assign(of.served, good(of))
      of.world.runFor(HOUR_MS)
      expect(wayOf(of)).toBe('middle')
      expect(of.kinds('fault')).toEqual([])
    }
  })

  it('later, the last good copy serves on', () => {
    const of = open({}, true)
    expect(wayOf(of)).toBe('middle')
    Object.assign(of.served, bad)
    const from = of.events.length
    of.world.runFor(HOUR_MS + 1_000)
    expectTold(told(of, from), patterns)
    expect([wayOf(of), of.faults]).toEqual(['middle', []])
  })

  it('after a restart, the stored copy serves', () => {
    const of = open({}, true)
    Object.assign(of.served, bad)
    const from = of.events.length
    of.restart()
    expectTold(told(of, from), [/^secret restored/, /^config restored/, ...patterns])
    expect([wayOf(of), of.faults]).toEqual(['middle', []])
  })
})

describe('a list that is older', () => {
  it('is not believed when it knows less than half of the DCs, also after a restart', () => {
    const of = open({}, true)
    of.served.config = OLD
    const from = of.events.length
    of.world.runFor(HOUR_MS + 1_000)
    expectTold(told(of, from), [/^config refused 1 DCs, where there were 4$/])
    of.restart()
    expectTold(told(of).slice(-3), [/^config refused 1 DCs/])
    expect(wayOf(of)).toBe('middle')
  })

  it('is not believed when it comes faster than the stored copy', () => {
    const of = open({ fetchMs: 0 }, true)
    of.served.config = OLD
    of.restart()
    expectTold(told(of).slice(-4), [/^config restored/, /^config refused 1 DCs, where there were 4$/])
  })

  it('is taken when it still knows half of them', () => {
    const of = open({}, true)
    of.served.config = fromAscii('default 2;\nproxy_for 2 10.0.0.7:8888;\nproxy_for -2 10.0.0.7:8888;\n')
    const from = of.events.length
    of.world.runFor(HOUR_MS + 1_000)
    expectTold(told(of, from), [/^config taken/])
    expect(wayOf(of)).toBe('middle')
  })
})

describe('a secret that middle proxies take no more', () => {
  it.each([false, true])(
    'costs few attempts, and clients with a tag (%s) alone their way; a new one is used at once',
    (hasTag) => {
      const of = open({ files: { secret: RANDOM.subarray(0, 128) } }, hasTag)
      for (let i = 0; i < 60; i++) {
        expect(wayOf(of)).toBe(hasTag ? 'dial-failed' : 'direct')
        of.world.runFor(1_000)
      }
      expect(of.telegram.counters.links).toBeGreaterThan(2)
      expect(of.telegram.counters.links).toBeLessThanOrEqual(8)
      expect(of.kinds('link-closed')).toHaveLength(of.telegram.counters.links)
      of.served.secret = of.secretFile
      of.world.runFor(HOUR_MS)
      expect(wayOf(of)).toBe('middle')
    },
  )
})

describe('a stored copy that is no file', () => {
  it('is passed over', () => {
    const of = open({ files: DOWN }, false)
    of.store.put('middle-secret', new Uint8Array(3))
    of.store.put('middle-config', HALF)
    of.world.runFor(10)
    of.restart()
    expect(told(of).some((line) => line.includes('restored'))).toBe(false)
    expect(wayOf(of)).toBe('direct')
  })
})
