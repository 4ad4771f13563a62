import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { write32le } from '../../../../src/core/protocol/bytes.ts'
import {
  endpointOf,
  handshakeFault,
  isSamePid,
  nonceFault,
  pidOf,
  readPacket,
  type RpcPacket,
} from '../../../../src/core/protocol/rpc/index.ts'
import { packetLength, writePacket } from '../../../../src/core/protocol/rpc/packet.ts'
import { arbBytes, hex, toHex } from '../arbitrary.ts'
import { ANSWER, CONNECTION, MIDDLE_PID, NONCES, payloadOf, PROXY_PID, REQUEST, vector, WALL_SEC } from './vectors.ts'

function write(packet: RpcPacket): Uint8Array {
  const payload = new Uint8Array(packetLength(packet))
  writePacket(packet, payload)
  return payload
}

const WITHOUT_TAG = { ...REQUEST, tag: undefined }
const HANDSHAKE = { kind: 'handshake', flags: 0 } as const
const GOLDEN: readonly [string, string, RpcPacket][] = [
  ['nonce', toHex(payloadOf(vector.nonce_frame_client)), NONCES.proxy],
  ['answered nonce', toHex(payloadOf(vector.nonce_frame_server)), NONCES.middle],
  [
    'handshake',
    vector.handshake_payload_client,
    { ...HANDSHAKE, sender: PROXY_PID, peer: { ...MIDDLE_PID, pid: 0, startedSec: 0 } },
  ],
  ['answered handshake', vector.handshake_payload_server, { ...HANDSHAKE, sender: MIDDLE_PID, peer: PROXY_PID }],
  ['request', vector.proxy_req_payload, REQUEST],
  ['request without a tag', vector.proxy_req_payload_without_tag, WITHOUT_TAG],
  [
    'request of an abridged client over IPv6',
    vector.proxy_req_payload_v6_client_abridged,
    { ...REQUEST, framing: 'abridged', client: endpointOf({ ip: '2001:db8::23', port: 49650 }) },
  ],
  ['answer', vector.proxy_ans_payload, ANSWER],
  ['quick ack', vector.simple_ack_payload, { kind: 'simple-ack', connection: CONNECTION, token: 0x84030201 }],
  ['close-conn', vector.close_conn_payload, { kind: 'close-conn', connection: CONNECTION }],
  ['close-ext', vector.close_ext_payload, { kind: 'close-ext', connection: CONNECTION }],
  ['ping', vector.ping_payload, { kind: 'ping', id: 0x474e4950474e4950n }],
  ['pong', vector.pong_payload, { kind: 'pong', id: 0x474e4950474e4950n }],
]

/** Byte arrays of any make compare by their content. */
const plain = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_key, part: unknown) => {
      if (part instanceof Uint8Array) return toHex(Uint8Array.from(part))
      return typeof part === 'bigint' ? String(part) : part
    }),
  )

describe('the vectors', () => {
  it.each(GOLDEN)('%s', (_name, payload, packet) => {
    expect(toHex(write(packet))).toBe(payload)
    expect(plain(readPacket(hex(payload)))).toEqual(plain(packet))
  })

  it('flags of requests', () => {
    const flags = (change: Partial<typeof REQUEST>) =>
      toHex(
        write({ ...REQUEST, ...change })
          .subarray(4, 8)
          .reverse(),
      )
    const message = new Uint8Array(64).fill(1)
    expect(flags({})).toBe('2002100a')
    expect(flags({ framing: 'padded' })).toBe('2802100a')
    expect(flags({ message })).toBe('20021008')
    expect(flags({ message, framing: 'abridged', quickAck: true })).toBe('c0021008')
    expect(flags({ message, quickAck: true })).toBe('a0021008')
  })
})

const arbId = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n })
const arbWord = fc.integer({ min: 0, max: 0xffffffff })
const arbBytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const arbMessage = fc.integer({ min: 1, max: 60 }).chain((words) => arbBytesOf(4 * words))
const arbPort = fc.integer({ min: 0, max: 0xffff })
const arbEndpoint = fc.record({ ip: arbBytesOf(16), port: arbPort })
const arbPid = fc.record({ ip: arbWord, port: arbPort, pid: arbPort, startedSec: arbWord })
const kind = <K extends string>(name: K) => fc.constant(name)
const arbPacket: fc.Arbitrary<RpcPacket> = fc.oneof(
  fc.record({
    ...{ kind: kind('nonce'), selector: arbWord, schema: arbWord, wallSec: arbWord },
    nonce: arbBytesOf(16),
  }),
  fc.record({ kind: kind('handshake'), flags: arbWord, sender: arbPid, peer: arbPid }),
  fc.record({ kind: kind('handshake-error'), code: fc.integer({ min: -10, max: 10 }), sender: arbPid }),
  fc.record(
    {
      ...{ kind: kind('proxy-req'), connection: arbId, client: arbEndpoint, own: arbEndpoint },
      framing: fc.constantFrom('abridged', 'intermediate', 'padded'),
      quickAck: fc.boolean(),
      tag: arbBytesOf(16),
      message: arbMessage,
    },
    { requiredKeys: ['kind', 'connection', 'client', 'own', 'framing', 'quickAck', 'message'] },
  ),
  fc.record({ kind: kind('proxy-ans'), flags: arbWord, connection: arbId, message: arbMessage }),
  fc.record({ kind: kind('simple-ack'), connection: arbId, token: arbWord }),
  fc.record({ kind: fc.constantFrom('close-conn', 'close-ext'), connection: arbId }),
  fc.record({ kind: fc.constantFrom('ping', 'pong'), id: arbId }),
)

describe('packets', () => {
  test.prop([arbPacket])('are read as they were written', (packet) => {
    expect(plain(readPacket(write(packet)))).toEqual(plain(packet))
  })

  test.prop([arbPacket, fc.nat(300)])('cut anywhere are never another size of the same', (packet, keep) => {
    const payload = write(packet)
    fc.pre(keep < payload.length)
    const read = readPacket(payload.subarray(0, keep))
    // Messages go to the end of their packet, so a shorter one is a shorter message.
    if (read.kind === 'proxy-req' || read.kind === 'proxy-ans') expect(read.message.length).toBeGreaterThan(0)
    else expect(read).toEqual({ kind: 'bad' })
  })

  test.prop([fc.constantFrom(...GOLDEN), arbBytes(120), fc.boolean()])(
    'of any bytes behind a known name give a packet or none',
    ([, golden], rest, keepsHead) => {
      const payload = new Uint8Array(4 + rest.length)
      payload.set(rest, 4)
      payload.set(
        hex(golden)
          .subarray(0, keepsHead ? 8 : 4)
          .subarray(0, payload.length),
      )
      const read = readPacket(payload)
      if (read.kind !== 'bad' && read.kind !== 'unknown') expect(toHex(write(read))).toBe(toHex(payload))
    },
  )

  test.prop([arbBytes(80)])('of any bytes at all never throw', (payload) => {
    readPacket(payload)
  })

  it('of kinds without a name here are told apart from broken ones', () => {
    expect(readPacket(hex('0102030405060708'))).toEqual({ kind: 'unknown' })
    expect(readPacket(hex('010203'))).toEqual({ kind: 'bad' })
    expect(readPacket(hex(vector.ping_payload + '00000000'))).toEqual({ kind: 'bad' })
  })

  it.each([
    ['an unknown bit', 4, 0x2002101a],
    ['HTTP', 4, 0x2002100e],
    ['no TCP', 4, 0x2002000a],
    ['a key, where there is none', 4, 0x20021008],
    ['two framings', 4, 0x6002100a],
    ['no framing', 4, 0x0002100a],
    ['padded abridged', 4, 0x4802100a],
    ['a long port', 32, 0x10000],
    ['a long port of ours', 52, 0x10000],
    ['other extra data', 60, 0xdb1e26af],
    ['longer extra data', 56, 28],
    ['a longer tag', 64, 0x00000011],
    ['a filled-up tag', 80, 0x01efcdab],
  ])('requests with %s are refused', (_name, at, word) => {
    const payload = hex(vector.proxy_req_payload)
    write32le(payload, at, word)
    expect(readPacket(payload)).toEqual({ kind: 'bad' })
  })
})

it.each([
  ['request', vector.proxy_req_payload, 84],
  ['request without a tag', vector.proxy_req_payload_without_tag, 56],
  ['answer', vector.proxy_ans_payload, 16],
])('a %s has a message', (_name, payload, head) => {
  expect(readPacket(hex(payload).subarray(0, head))).toEqual({ kind: 'bad' })
  const keyed = hex(payload).subarray(0, head)
  keyed[4] &= ~2
  expect(readPacket(keyed)).toEqual({ kind: 'bad' })
})

describe('nonceFault', () => {
  const ours = { selector: NONCES.proxy.selector, wallSec: WALL_SEC }

  it.each([
    [0, undefined],
    [30, undefined],
    [-30, undefined],
    [31, 'clock-skew'],
    [-31, 'clock-skew'],
    [2 ** 31, 'clock-skew'],
  ])('%d seconds away: %s', (by, fault) => {
    expect(nonceFault({ ...NONCES.middle, wallSec: WALL_SEC + by }, ours)).toBe(fault)
  })

  it('counts over the end of 32 bits, and refuses other secrets and schemas', () => {
    expect(nonceFault({ ...NONCES.middle, wallSec: 3 }, { ...ours, wallSec: 2 ** 32 - 5 })).toBeUndefined()
    expect(nonceFault({ ...NONCES.middle, selector: 1 }, ours)).toBe('other-secret')
    expect(nonceFault({ ...NONCES.middle, schema: 2 }, ours)).toBe('other-schema')
  })
})

describe('handshakeFault', () => {
  const answer = { ...HANDSHAKE, sender: MIDDLE_PID, peer: PROXY_PID }

  it('wants our own name back, where it says one', () => {
    expect(handshakeFault(answer, PROXY_PID)).toBeUndefined()
    expect(handshakeFault({ ...answer, peer: { ip: 0, port: 0, pid: 0, startedSec: 0 } }, PROXY_PID)).toBeUndefined()
    for (const field of ['ip', 'port', 'pid', 'startedSec'] as const)
      expect(handshakeFault({ ...answer, peer: { ...PROXY_PID, [field]: 1 } }, PROXY_PID)).toBe('other-peer')
  })

  it('refuses flags that nobody asked for', () => {
    expect(handshakeFault({ ...answer, flags: 0x800 }, PROXY_PID)).toBe('unknown-flags')
    expect(handshakeFault({ ...answer, flags: 1 }, PROXY_PID)).toBe('unknown-flags')
    expect(handshakeFault({ ...answer, flags: 0x1000 }, PROXY_PID)).toBeUndefined()
  })
})

it('names a process by its IPv4 address and the lower half of its id', () => {
  const run = { pid: 0x101_04d2, startedSec: 1760000000 }
  expect(pidOf({ ip: '203.0.113.7', port: 54321 }, run)).toEqual(PROXY_PID)
  expect(pidOf({ ip: '2001:db8::7', port: 54321 }, run)).toEqual({ ...PROXY_PID, ip: 0 })
  expect(isSamePid(PROXY_PID, MIDDLE_PID)).toBe(false)
})
