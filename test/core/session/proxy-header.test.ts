import { describe, expect, it } from 'vitest'
import { concat, fromAscii } from '../../../src/core/protocol/bytes.ts'
import { BALANCER_IP, initOf, scene, type Scene } from './scene.ts'

const SOURCE = { ip: '192.0.2.44', port: 1000 }
const V1 = fromAscii('PROXY TCP4 192.0.2.44 10.0.0.1 1000 443\r\n')
const SIGNATURE = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a)
const V2 = concat(
  SIGNATURE,
  Uint8Array.of(0x21, 0x11, 0, 12, 192, 0, 2, 44, 10, 0, 0, 1, 1000 >> 8, 1000 & 255, 1, 187),
)
const V2_LOCAL = concat(SIGNATURE, Uint8Array.of(0x20, 0, 0, 0))
const HTTP = fromAscii('GET / HTTP/1.1\r\n\r\n')
type Header = 'off' | 'optional' | 'required'

/** What came of these bytes: whom the proxy took for the client, or why it closed; and what the mask host got. */
function outcome(proxyProtocol: Header, from: string, ...pieces: readonly Uint8Array[]) {
  const it = scene({ listen: { proxyProtocol } })
  const client = it.dial(pieces, from)
  it.world.runFor(20_000)
  const who = it.events.flatMap((event) => (event.kind === 'rejected' ? [`${event.client.ip} ${event.reason}`] : []))
  return { who, closed: it.reasons('closed'), site: it.sites[0]?.received, heard: client.events }
}

describe('the PROXY header', () => {
  it.each([
    ['v1', V1],
    ['v2', V2],
  ])('%s of a trusted balancer names the client, and is cut off', (_name, header) => {
    for (const mode of ['optional', 'required'] as const) {
      for (const pieces of [
        [concat(header, HTTP)],
        [header, HTTP],
        [header.slice(0, 9), concat(header.slice(9), HTTP)],
      ])
        expect(outcome(mode, BALANCER_IP, ...pieces)).toMatchObject({
          who: [`${SOURCE.ip} not-a-client`],
          closed: [],
          site: HTTP,
        })
    }
  })

  it('that names nobody leaves the balancer as the client', () => {
    for (const header of [V2_LOCAL, fromAscii('PROXY UNKNOWN\r\n')])
      expect(outcome('required', BALANCER_IP, header, HTTP)).toMatchObject({
        who: [`${BALANCER_IP} not-a-client`],
        site: HTTP,
      })
  })

  it('is nothing but garbage from anybody else, or when it is off', () => {
    for (const header of [V1, V2]) {
      const bytes = concat(header, HTTP, new Uint8Array(64))
      for (const [mode, from] of [
        ['optional', '10.0.0.2'],
        ['required', '10.0.0.2'],
        ['off', BALANCER_IP],
      ] as const)
        expect(outcome(mode, from, bytes)).toMatchObject({ who: [`${from} not-a-client`], closed: [], site: bytes })
    }
  })

  it('may be missing only where it is optional', () => {
    expect(outcome('optional', BALANCER_IP, HTTP)).toMatchObject({
      who: [`${BALANCER_IP} not-a-client`],
      site: HTTP,
    })
    expect(outcome('required', BALANCER_IP, HTTP)).toMatchObject({
      who: [],
      closed: ['bad-proxy-header'],
      site: undefined,
      heard: ['end'],
    })
  })

  it.each([
    ['v1 without sense', fromAscii('PROXY NONSENSE\r\n')],
    ['v1 without an end', fromAscii(`PROXY TCP4 ${'1'.repeat(120)}`)],
    ['v2 of another version', concat(SIGNATURE, Uint8Array.of(0x31, 0x11, 0, 12), new Uint8Array(12))],
    ['v2 too long', concat(SIGNATURE, Uint8Array.of(0x21, 0x11, 2, 9))],
  ])('%s ends the connection in order, whatever follows', (_name, header) => {
    for (const mode of ['optional', 'required'] as const)
      expect(outcome(mode, BALANCER_IP, header, HTTP, new Uint8Array(100_000))).toMatchObject({
        who: [],
        closed: ['bad-proxy-header'],
        site: undefined,
        heard: ['end'],
      })
  })

  it('that never ends, ends with its time, or with the FIN behind half of it', () => {
    const it = scene({ listen: { proxyProtocol: 'required' } })
    it.dial(V1.slice(0, 10), BALANCER_IP)
    const second = it.dial(V1.slice(0, 10), BALANCER_IP)
    it.world.runFor(100)
    second.end()
    it.world.runFor(100)
    expect(it.reasons('closed')).toEqual(['bad-proxy-header'])
    it.world.runFor(100_000)
    expect([it.reasons('closed'), it.proxy.pool.leases]).toEqual([['bad-proxy-header', 'first-byte-timeout'], 0])
  })

  it('comes before everything else: a client behind it is relayed', () => {
    const say = (it: Scene) => concat(V2, initOf(it).wire, new Uint8Array(100))
    const it = scene({ listen: { proxyProtocol: 'required' } })
    it.dial(say(it), BALANCER_IP)
    it.world.runFor(1_000)
    expect(it.dcs[0].receivedBytes).toBe(164)
    it.dcs[0].connection.reset()
    it.world.runFor(100)
    expect(it.events.at(-1)).toMatchObject({ kind: 'closed', client: SOURCE, fromClientBytes: V2.length + 164 })
  })
})
