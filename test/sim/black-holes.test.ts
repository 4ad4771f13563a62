import { describe, expect, it } from 'vitest'
import type { Handler } from '../../src/core/ports.ts'
import { DC_IP, MIDDLE, scene, TAG, type Options } from './middle-scene.ts'

/** Middle proxies and DCs that never answer: who is served by another way, who is closed, and how soon. */

const CONNECT_MS = 5_000
/** The official client's patience is longer than this: a dial, a handshake on a link, and some for the round trips. */
const LIMIT_MS = 2 * CONNECT_MS + 1_000
const CLIENTS = 40
/** Within that time: pauses of 1, 2, 4, 8, 16 and 32 s. */
const ATTEMPTS_MAX = 8
/** The longest one, with its jitter. */
const PAUSE_MAX_MS = 90_000
const DEAF: Handler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} }

type Scene = ReturnType<typeof scene>

/** One client after the other, each with its own wait: how it ended, and how long the longest waited. */
function come(of: Scene): { readonly ends: ReadonlySet<string>; readonly longestMs: number } {
  const ends = new Set<string>()
  let longestMs = 0
  for (let i = 0; i < CLIENTS; i++) {
    const closed = of.closed().length
    const from = of.world.now
    let isServed = false
    of.connect('padded').requestPq(() => (isServed = true))
    of.world.until(() => isServed || of.closed().length > closed, 60_000)
    ends.add(isServed ? 'served' : (of.closed()[closed] ?? 'nothing'))
    longestMs = Math.max(longestMs, of.world.now - from)
    of.world.runFor(1_000)
  }
  expect(of.kinds('fault')).toEqual([])
  return { ends, longestMs }
}

function expectFew(attempts: number): void {
  expect(attempts).toBeGreaterThan(2)
  expect(attempts).toBeLessThanOrEqual(ATTEMPTS_MAX)
}

function attemptsAt(of: Scene, ip: string): () => number {
  let attempts = 0
  of.network.onDial = (_from, to) => void (to.ip === ip && attempts++)
  return () => attempts
}

describe('a middle proxy', () => {
  describe.each(['never takes a connection', 'takes connections and says nothing'] as const)('that %s', (how) => {
    const takesNone = how === 'never takes a connection'
    let isBack = false
    const open = (options: Options) => {
      isBack = false
      const of = scene({ ...options, between: (link, accept) => (takesNone || isBack ? accept(link) : DEAF) })
      if (takesNone) of.network.setReachability(MIDDLE.ip, 'black-hole')
      return of
    }

    it('costs untagged clients some waiting, and then they go direct', () => {
      const of = open({ middle: { dcs: [2] } })
      const attempts = attemptsAt(of, MIDDLE.ip)
      const { ends, longestMs } = come(of)
      expect(ends).toEqual(new Set(['served']))
      expect(longestMs).toBeLessThan(LIMIT_MS)
      expect(of.direct.connections).toBe(CLIENTS)
      expectFew(attempts())
    })

    it('has tagged clients closed in time, tells of it, and serves once it is back', () => {
      const of = open({ adTag: TAG })
      const attempts = attemptsAt(of, MIDDLE.ip)
      const { ends, longestMs } = come(of)
      expect(ends).toEqual(new Set(['dial-failed']))
      expect(longestMs).toBeLessThan(LIMIT_MS)
      expectFew(attempts())
      const failed = of.events.flatMap((event) => {
        if (event.kind === 'dial-failed') return [`${event.target} ${event.why}`]
        return event.kind === 'link-closed' ? [event.why] : []
      })
      expect(new Set(failed)).toEqual(new Set([takesNone ? 'middle timeout' : 'handshake-timeout']))
      expect(failed.length).toBe(attempts())
      isBack = true
      of.network.setReachability(MIDDLE.ip, 'open')
      of.world.runFor(PAUSE_MAX_MS)
      expect(come(of).ends).toEqual(new Set(['served']))
    })
  })
})

describe('a DC', () => {
  it('that never takes a connection has its clients closed in time, and few attempts', () => {
    const of = scene()
    of.network.setReachability(DC_IP, 'black-hole')
    of.network.setReachability('95.161.76.100', 'black-hole')
    const attempts = attemptsAt(of, DC_IP)
    const { ends, longestMs } = come(of)
    expect(ends).toEqual(new Set(['dial-failed']))
    expect(longestMs).toBeLessThan(LIMIT_MS)
    expectFew(attempts())
    expect(of.kinds('dial-failed').length).toBeGreaterThan(2)
    of.network.setReachability(DC_IP, 'open')
    of.world.runFor(PAUSE_MAX_MS)
    expect(come(of).ends).toEqual(new Set(['served']))
  })
  it('that takes connections and says nothing keeps its clients until they have been idle for long', () => {
    const of = scene()
    const dc = of.network.host(DC_IP)
    dc.unlisten(443)
    dc.listen(443, () => DEAF)
    of.connect('padded').requestPq(() => {})
    of.world.runFor(890_000)
    expect(of.closed()).toEqual([])
    of.world.runFor(20_000)
    expect([of.closed(), of.proxy.open, of.proxy.pool.leases]).toEqual([['idle'], 0, 0])
  })
})
