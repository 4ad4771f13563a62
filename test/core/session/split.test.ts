import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { concat, fromAscii } from '../../../src/core/protocol/bytes.ts'
import { makeClientHello } from '../../../src/core/protocol/faketls/make-hello.ts'
import { makeInit } from '../../../src/core/protocol/obfuscated2.ts'
import { arbCuts, split } from '../protocol/arbitrary.ts'
import { BALANCER_IP, DOMAIN, helloOf, initOf, insideTls, KEY, scene, type Scene } from './scene.ts'

const KINDS: Record<string, (it: Scene) => Uint8Array> = {
  init: (it) => concat(initOf(it).wire, it.random.bytes(500)),
  'init of an unknown DC': (it) => initOf(it, 77).wire,
  'init without our secret': ({ random }) =>
    makeInit({ random, framing: 'padded', dc: 2, secret: random.bytes(16) }).wire,
  hello: helloOf,
  'hello and init': (it) => concat(helloOf(it), insideTls(concat(initOf(it, 2, true).wire, it.random.bytes(700)))),
  'hello and no init': (it) => concat(helloOf(it), insideTls(it.random.bytes(64))),
  'hello and no record': (it) => concat(helloOf(it), fromAscii('no record at all')),
  'hello of another host': (it) => helloOf(it, 'elsewhere.example'),
  'hello with a wrong digest': ({ random }) => makeClientHello({ random, domain: DOMAIN }).record,
  'hello of an old clock': ({ random, world }) =>
    makeClientHello({ random, domain: DOMAIN, secret: KEY, stamp: world.clock.wall() - 1_000 }).record,
  http: () => fromAscii('GET / HTTP/1.1\r\nHost: www.example.com\r\nAccept: text/html, */*;q=0.1\r\n\r\n'),
  'an http word too short': () => fromAscii('GET'),
  'tls that is no hello': ({ random }) => concat(Uint8Array.of(0x16, 3, 1, 2, 0), random.bytes(512)),
  'a short hello': ({ random }) => concat(Uint8Array.of(0x16, 3, 1, 0, 60, 1, 0, 0, 56), random.bytes(56)),
  'endless records': ({ random }) => concat(Uint8Array.of(0x16, 3, 1, 0x40, 0, 1, 0, 0x7f, 0xff), random.bytes(17_000)),
  garbage: ({ random }) => concat(Uint8Array.of(3), random.bytes(300)),
}

const HEADERS = ['', 'PROXY TCP4 192.0.2.44 10.0.0.1 1000 443\r\n', 'PROXY NONSENSE\r\n', 'PROXY UNKNOWN\r\n']

/** Everything the proxy decided, without when. */
function decisions(
  kind: string,
  cuts: readonly number[] | undefined,
  vaultTakesMs: number | undefined,
  header?: string,
) {
  const listen = { proxyProtocol: header === undefined ? 'off' : 'optional' } as const
  const its = scene({ listen, ...(vaultTakesMs === undefined ? {} : { vaultTakesMs }) })
  const bytes = concat(fromAscii(header ?? ''), KINDS[kind](its))
  const client = its.dial(
    cuts === undefined ? [bytes] : split(bytes, cuts),
    header === undefined ? '10.0.0.2' : BALANCER_IP,
  )
  its.world.runFor(100_000)
  const said = its.events.flatMap((event) => {
    if (event.kind === 'rejected') return [`rejected ${event.reason} ${event.client.ip} ${event.trials}`]
    if (event.kind === 'authenticated') return [`authenticated ${event.mode} ${event.dc}`]
    return event.kind === 'relaying' || event.kind === 'fault' ? [event.kind] : []
  })
  const ends = its.reasons('closed')
  return { said, ends, heard: [client.receivedBytes, client.events], masked: its.sites.map(({ received }) => received) }
}

describe('any split of the same first bytes gives the same decisions (I1)', () => {
  // Pieces come ten milliseconds apart, and all of them must come within the handshake's time.
  const arbSplit = arbCuts.filter((cuts) => cuts.reduce((sum, cut) => sum + cut, 0) / cuts.length >= 30)

  test.prop([fc.constantFrom(...Object.keys(KINDS)), arbSplit, fc.constantFrom(undefined, 4)], { numRuns: 30 })(
    'without a header',
    (kind, cuts, vaultTakesMs) => {
      expect(decisions(kind, cuts, vaultTakesMs)).toEqual(decisions(kind, undefined, vaultTakesMs))
    },
  )

  test.prop([fc.constantFrom(...HEADERS), fc.constantFrom(...Object.keys(KINDS)), arbSplit], { numRuns: 25 })(
    'behind a PROXY header',
    (header, kind, cuts) => {
      expect(decisions(kind, cuts, undefined, header)).toEqual(decisions(kind, undefined, undefined, header))
    },
  )

  it.each(['init', 'hello', 'http', 'a short hello'])('few bytes by few: %s', (kind) => {
    expect(decisions(kind, [3], undefined)).toEqual(decisions(kind, undefined, undefined))
  })
})
