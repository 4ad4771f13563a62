import { describe, expect, it } from 'vitest'
import { concat, fromAscii } from '../../../src/core/protocol/bytes.ts'
import { helloOf, initOf, insideTls, scene, type Peer, type Scene, type SceneOptions } from './scene.ts'

const EARLY = { mask: { dialsEarly: true } } as const
/** Pieces are sent 10 ms apart, and these are of nothing: time for a line to open. */
const SOME_TIME = Array<Uint8Array>(6).fill(new Uint8Array(0))
/** Of the site, from its accept on: longer than a handshake may take, shorter than we wait for a first byte. */
const PATIENCE_MS = 20_000
/** A link of 5 ms: two dials and two FINs. */
const WAY_MS = 40

/** A site that ends in its way when its patience is over. */
function impatient(ending: (site: Peer) => void, options: SceneOptions = {}): Scene {
  const of: Scene = scene({
    ...EARLY,
    ...options,
    onSite: (site) => void of.world.after(PATIENCE_MS, () => ending(site)),
  })
  return of
}

describe('with a mask host that is dialled early', () => {
  const endings: readonly [name: string, ending: (site: Peer) => void, seen: string][] = [
    ['ends', (site) => site.end(), 'end'],
    ['resets', (site) => site.connection.reset(), 'reset'],
  ]
  const words: readonly [name: string, say: (of: Scene) => Uint8Array][] = [
    ['says nothing', () => new Uint8Array(0)],
    ['says half a hello', (of) => helloOf(of).slice(0, 700)],
  ]
  const cases = words.flatMap(([what, say]) =>
    endings.map(([how, ending, seen]) => [what, how, say, ending, seen] as const),
  )

  it.each(cases)('who %s is sent away when the site %s for want of patience', (_what, _how, say, ending, seen) => {
    const of = impatient(ending)
    const bytes = say(of)
    const startedAt = of.world.now
    const stranger = of.dial(bytes)
    of.world.runFor(2 * PATIENCE_MS)
    expect(stranger.events[0]).toBe(seen)
    expect(stranger.endedAt - startedAt).toBeGreaterThanOrEqual(PATIENCE_MS)
    expect(stranger.endedAt - startedAt).toBeLessThanOrEqual(PATIENCE_MS + WAY_MS)
    expect(of.sites).toHaveLength(1)
  })

  it('who is no client gets the line that is there, with every byte', () => {
    const of = scene(EARLY)
    const request = fromAscii('GET / HTTP/1.1\r\n\r\n')
    const stranger = of.dial([request.subarray(0, 2), request.subarray(2)])
    of.world.runFor(1_000)
    expect(of.sites.map(({ received }) => received)).toEqual([request])
    of.sites[0].send(fromAscii('HTTP/1.1 400'))
    of.sites[0].end()
    of.world.runFor(1_000)
    expect(stranger.received).toEqual(fromAscii('HTTP/1.1 400'))
    expect(stranger.events[0]).toBe('end')
  })

  it('who speaks before the line is open gets it all the same', () => {
    const of = scene({ ...EARLY, plan: { latencyMs: 200 } })
    const stranger = of.dial(fromAscii('GET / HTTP/1.1\r\n\r\n'))
    of.world.runFor(5_000)
    expect(of.sites).toHaveLength(1)
    expect(of.sites[0].received).toEqual(fromAscii('GET / HTTP/1.1\r\n\r\n'))
    expect(stranger.events).toEqual([])
  })

  it('a client leaves no byte at the site, and no connection', () => {
    const of = scene(EARLY)
    const client = of.dial([...SOME_TIME, helloOf(of), insideTls(initOf(of, 2, true).wire)])
    of.world.runFor(1_000)
    expect(client.receivedBytes).toBeGreaterThan(0)
    expect(of.dcs).toHaveLength(1)
    expect(of.sites.map(({ receivedBytes, events }) => [receivedBytes, events])).toEqual([[0, ['end']]])
  })

  it('who used a secret well of late costs the site nothing', () => {
    const of = scene({ ...EARLY, guard: { isEnabled: true } })
    const visit = () => {
      const { wire, seal } = initOf(of)
      const client = of.dial([wire, seal(new Uint8Array(4_000))])
      of.world.runFor(60_000)
      of.dcs.at(-1)?.send(new Uint8Array(4_000))
      of.world.runFor(1_000)
      client.end()
      of.world.runFor(10_000)
    }
    for (let at = 0; at < 40; at++) visit()
    const before = of.sites.length
    expect(before).toBeLessThan(40)
    visit()
    expect(of.sites).toHaveLength(before)
  })

  it('a site that cannot be reached is dialled again when it is needed', () => {
    const of = scene({ ...EARLY, hasSite: false })
    of.dial([new Uint8Array(0), fromAscii('GET / HTTP/1.1\r\n\r\n')])
    of.world.runFor(1_000)
    expect(of.events.filter(({ kind }) => kind === 'dial-failed')).toHaveLength(1)
    expect(of.reasons('rejected')).toEqual(['not-a-client'])
  })

  it('a site that speaks first is dialled anew for whoever gets it', () => {
    const of = scene({ ...EARLY, onSite: (site) => site.send(fromAscii('220 hello')) })
    const stranger = of.dial([...SOME_TIME, fromAscii('GET /')])
    of.world.runFor(1_000)
    expect(of.sites).toHaveLength(2)
    expect(stranger.received).toEqual(fromAscii('220 hello'))
  })

  it('who is turned away without a mask costs the site nothing', () => {
    const of = scene({ ...EARLY, guard: { isEnabled: true, blockScore: 1, onRefuse: 'drop' } })
    const garbage = fromAscii('SSH-2.0-nobody\r\n'.repeat(8))
    of.dial(garbage)
    of.world.runFor(1_000)
    expect(of.sites).toHaveLength(1)
    of.dial(concat(garbage, garbage))
    of.world.runFor(1_000)
    expect(of.sites).toHaveLength(1)
  })

  it('every buffer is back when all is over', () => {
    const of = impatient((site) => site.end())
    const strangers = [of.dial(helloOf(of).slice(0, 700)), of.dial(fromAscii('GET / HTTP/1.1\r\n\r\n'))]
    of.world.runFor(60_000)
    for (const stranger of strangers) stranger.end()
    of.world.runFor(1_000)
    expect([of.proxy.open, of.proxy.pool.inUseBytes]).toEqual([0, 0])
  })
})
