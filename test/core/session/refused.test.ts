import { describe, expect, it } from 'vitest'
import type { GaugeReadings } from '../../../src/core/ports.ts'
import { concat, fromAscii } from '../../../src/core/protocol/bytes.ts'
import { makeClientHello } from '../../../src/core/protocol/faketls/make-hello.ts'
import { BALANCER_IP, DOMAIN, helloOf, initOf, scene, type Peer, type Scene, type SceneOptions } from './scene.ts'

const BANNED = '203.0.113.7'
const OTHER = '198.51.100.7'
const GARBAGE = fromAscii('SSH-2.0-nobody\r\n'.repeat(8))
const CALM: GaugeReadings = { loopLagMs: 0, memoryBytes: 0, descriptors: 0, buffers: 0 }

/** One bad handshake is enough for a ban. */
const STRICT = { isEnabled: true, blockScore: 1 }

/** A machine with `socketsMax` sockets whose descriptors run out when the test says so. */
function machine(options: SceneOptions = {}, socketsMax = 80) {
  let readings = CALM
  const of = scene({ ...options, gauges: { socketsMax, read: () => readings } })
  of.proxy.start([])
  const use = (descriptors: number) => {
    readings = { ...CALM, descriptors }
    of.world.runFor(300)
  }
  /** How many are at the mask site, which keeps them. */
  const masked = () => [...of.proxy.inspect()].filter(({ stage }) => stage === 'mask').length
  return { ...of, use, masked }
}

function ban(of: Scene, ip = BANNED): void {
  of.dial(GARBAGE, ip)
  of.world.runFor(1_000)
  expect(of.events).toContainEqual(expect.objectContaining({ kind: 'banned', prefix: ip }))
}

/** What a peer was told, how that ended, and how long it took. */
function story(peer: Peer, startedAt: number) {
  return { received: [...peer.received], ended: peer.events, tookMs: peer.endedAt - startedAt }
}

describe('a banned source that is masked', () => {
  const wrong = ({ random, world }: Scene) =>
    makeClientHello({ random, domain: DOMAIN, secret: new Uint8Array(16), stamp: world.clock.wall() }).record
  const probes: readonly [name: string, make: (of: Scene) => Uint8Array, reason: string][] = [
    ['garbage', () => GARBAGE, 'not-a-client'],
    ['a request', () => fromAscii('GET / HTTP/1.1\r\n\r\n'), 'not-a-client'],
    ['a hello that nobody signed', wrong, 'bad-digest'],
    ['a hello for another host', (of) => helloOf(of, 'other.example'), 'sni-mismatch'],
    ['half a hello', (of) => helloOf(of).subarray(0, 100), 'handshake-timeout'],
    ['nothing', () => new Uint8Array(0), 'first-byte-timeout'],
  ]
  const endings: readonly [name: string, onSite: (site: Peer, world: Scene['world']) => void][] = [
    ['ends in order', (site, world) => void world.after(500, () => site.end())],
    ['is reset', (site, world) => void world.after(500, () => site.connection.reset())],
  ]

  it.each(probes.flatMap((probe) => endings.map((ending) => [...probe, ...ending] as const)))(
    'sees of %s what anybody else sees, where the site %4$s (I15)',
    (_name, make, reason, _ending, onSite) => {
      const seenFrom = (ip: string) => {
        const of: Scene = scene({
          guard: STRICT,
          onSite: (site) => {
            site.send(Uint8Array.of(1, 2, 3))
            onSite(site, of.world)
          },
        })
        ban(of)
        const [startedAt, before] = [of.world.now, of.events.length]
        const peer = of.dial(make(of), ip)
        of.world.runFor(120_000)
        const rejected = of.events.slice(before).flatMap((event) => (event.kind === 'rejected' ? [event.reason] : []))
        return { ...story(peer, startedAt), rejected }
      }
      const { rejected, ...banned } = seenFrom(BANNED)
      const { rejected: rejectedOther, ...other } = seenFrom(OTHER)
      expect(banned).toEqual(other)
      expect(banned.received).toEqual([1, 2, 3])
      expect([rejectedOther, rejected]).toEqual([[reason], ['banned']])
    },
  )
})

describe('a source that is refused with on_refuse = "tarpit"', () => {
  const TARPIT = { ...STRICT, onRefuse: 'tarpit' as const }

  function held(options: SceneOptions = {}, socketsMax = 80) {
    const of = machine({ ...options, guard: { ...TARPIT, ...options.guard } }, socketsMax)
    ban(of)
    return of
  }
  const stages = (of: Scene) => [...of.proxy.inspect()].map(({ stage }) => stage).filter((stage) => stage === 'tarpit')

  it('is held, told nothing and hardly read, until a jittered end', () => {
    const of = held()
    const startedAt = of.world.now
    const peer = of.dial(helloOf(of), BANNED)
    of.world.runFor(99_000)
    expect([peer.receivedBytes, peer.events, stages(of)]).toEqual([0, [], ['tarpit']])
    of.until('closed')
    of.world.runFor(1_000)
    expect(peer.events[0]).toBe('end')
    expect(peer.endedAt - startedAt).toBeGreaterThan(100_000)
    expect(peer.endedAt - startedAt).toBeLessThan(131_000)
    expect(of.events.at(-1)).toMatchObject({ kind: 'closed', reason: 'tarpit', outcome: 'discarded' })
    expect(of.masked()).toBe(1)
  })

  it('is read once in a while: who has left makes room', () => {
    const of = held()
    const peer = of.dial(GARBAGE, BANNED)
    of.world.runFor(1_000)
    peer.end()
    // One look brings its bytes, the next one its end.
    of.world.runFor(28_000)
    expect([stages(of), of.reasons('closed').at(-1)]).toEqual([[], 'tarpit'])
  })

  it('is let go when it has sent too much', () => {
    const of = held({ plan: { windowBytes: 20_000 } })
    const peer = of.dial(new Uint8Array(200_000), BANNED)
    of.world.runFor(30_000)
    expect(stages(of)).toEqual(['tarpit'])
    of.world.runFor(65_000)
    expect(stages(of)).toEqual([])
    expect(peer.receivedBytes).toBe(0)
  })

  it('is held while there is a place: one in eight of the sockets, and never more than 1024', () => {
    const of = held({}, 32)
    for (let i = 0; i < 9; i++) of.dial(GARBAGE, BANNED)
    of.world.runFor(1_000)
    expect(stages(of)).toHaveLength(4)
    expect(of.reasons('closed').filter((reason) => reason === 'refused')).toHaveLength(5)
    of.world.runFor(131_000)
    expect(stages(of)).toEqual([])
    of.dial(GARBAGE, BANNED)
    of.world.runFor(1_000)
    expect(stages(of)).toHaveLength(1)
  })

  it('has no place while anything is short', () => {
    const of = held()
    of.use(0.9)
    const peer = of.dial(GARBAGE, BANNED)
    of.world.runFor(100)
    expect([stages(of), peer.events[0]]).toEqual([[], 'end'])
  })

  it('is held behind a load balancer too', () => {
    const from = (ip: string) => concat(fromAscii(`PROXY TCP4 ${ip} 10.0.0.1 1000 443\r\n`), GARBAGE)
    const of = machine({ guard: TARPIT, listen: { proxyProtocol: 'required' } })
    of.dial(from(BANNED), BALANCER_IP)
    of.world.runFor(1_000)
    of.dial(from(BANNED), BALANCER_IP)
    of.dial(from(OTHER), BALANCER_IP)
    of.world.runFor(1_000)
    expect([...of.proxy.inspect()].map(({ stage }) => stage)).toEqual(['mask', 'tarpit', 'mask'])
  })

  it('is held as well when it has too many handshakes under way, told by then or not', () => {
    const of = machine({ guard: { isEnabled: true, onRefuse: 'tarpit', handshakesPerIp: 1 } })
    of.dial(helloOf(of).subarray(0, 50), OTHER)
    of.dial(helloOf(of), OTHER)
    of.world.runFor(1_000)
    expect([stages(of), of.reasons('rejected')]).toEqual([['tarpit'], ['handshakes']])
  })
})

it('a source that is refused with on_refuse = "drop" ends at once, wherever it is refused', () => {
  const of = machine({ guard: { isEnabled: true, onRefuse: 'drop', handshakesPerIp: 1, connectionsPerIp: 2 } })
  of.dial(helloOf(of).subarray(0, 50), OTHER)
  const second = of.dial(helloOf(of), OTHER)
  const third = of.dial(helloOf(of), OTHER)
  of.world.runFor(1_000)
  expect([second, third].map((peer) => [peer.receivedBytes, peer.events[0]])).toEqual([
    [0, 'end'],
    [0, 'end'],
  ])
  expect(of.reasons('rejected').sort()).toEqual(['connections', 'handshakes'])
  expect(of.masked()).toBe(0)
})

describe('overload', () => {
  const GUARD = { isEnabled: true }

  it('lets live relays go on, turns away who comes, and lets newcomers in again when it is over', () => {
    const of = machine({ guard: GUARD })
    const open = (ip: string) => {
      const init = initOf(of)
      const before = of.dcs.length
      const peer = of.dial(init.wire, ip)
      of.world.runFor(1_000)
      return { peer, init, isRelayed: of.dcs.length > before }
    }
    const live = open(BANNED)
    of.use(1)
    const late = open(OTHER)
    expect([live.isRelayed, late.isRelayed, late.peer.events[0]]).toEqual([true, false, 'end'])
    expect(of.masked()).toBe(0)
    const before = of.dcs[0].receivedBytes
    live.peer.send(live.init.seal(new Uint8Array(100)))
    of.world.runFor(30_000)
    expect([of.dcs[0].receivedBytes - before, live.peer.events]).toEqual([100, []])

    // Descriptors at the first level: who was let in before may come again, nobody else.
    of.use(0.87)
    of.world.runFor(6_000)
    expect([open(BANNED).isRelayed, open(OTHER).isRelayed]).toEqual([true, false])
    expect(of.masked()).toBe(1)
    of.use(0)
    of.world.runFor(6_000)
    expect(open(OTHER).isRelayed).toBe(true)
    expect(of.events.flatMap((event) => (event.kind === 'overload' ? [event.level] : []))).toEqual([2, 1, 0])
    expect(of.reasons('rejected')).toEqual(['overload', 'overload'])
  })

  it('keeps nobody waiting for the header of a load balancer, and with dry_run turns nobody away', () => {
    const options = { listen: { proxyProtocol: 'required' as const } }
    const of = machine({ ...options, guard: GUARD })
    of.use(1)
    const peer = of.dial([], BALANCER_IP)
    of.world.runFor(100)
    expect([peer.events[0], of.reasons('rejected'), of.reasons('closed')]).toEqual(['end', ['overload'], ['refused']])
    const dry = machine({ ...options, guard: { ...GUARD, isDryRun: true } })
    dry.use(1)
    dry.dial(concat(fromAscii(`PROXY TCP4 ${OTHER} 10.0.0.1 1000 443\r\n`), initOf(dry).wire), BALANCER_IP)
    dry.world.runFor(1_000)
    expect([dry.dcs.length, dry.reasons('rejected')]).toEqual([1, []])
    expect(dry.events).toContainEqual(expect.objectContaining({ kind: 'would-refuse', reason: 'overload' }))
  })
})
