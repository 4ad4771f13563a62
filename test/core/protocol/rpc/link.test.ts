import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { concat, write32le } from '../../../../src/core/protocol/bytes.ts'
import { FRAME_MIN, HANDSHAKE_FRAME_MAX } from '../../../../src/core/protocol/rpc/frame.ts'
import { linkKeys, RpcReader, RpcWriter, type RpcPacket } from '../../../../src/core/protocol/rpc/index.ts'
import { writeFrame } from '../../../../src/core/protocol/rpc/frame.ts'
import { arbBytes, arbCuts, hex, split, toHex } from '../arbitrary.ts'
import { ANSWER, MIDDLE_PID, NONCES, payloadOf, PROXY_PID, proxyWire, REQUEST, secretsFor, vector } from './vectors.ts'

const { toMiddle, toProxy } = linkKeys(secretsFor(vector.kdf_v4))
const HANDSHAKES = {
  proxy: { kind: 'handshake', flags: 0, sender: PROXY_PID, peer: { ...MIDDLE_PID, pid: 0, startedSec: 0 } },
  middle: { kind: 'handshake', flags: 0, sender: MIDDLE_PID, peer: PROXY_PID },
} as const
const NONCE = vector.nonce_frame_client
const FILLER = '04000000'

/** Reads as the receiving side does: the chain begins behind the first frame. */
function read(pieces: readonly Uint8Array[], reader = new RpcReader(), key = toMiddle) {
  const payloads: string[] = []
  let verdict = 'ok'
  for (const piece of pieces) {
    verdict = reader.push(piece, (payload) => {
      payloads.push(toHex(payload))
      if (payloads.length === 1) reader.decipherFromHere(key)
    })
    // What was pushed belongs to the caller again.
    piece.fill(0xdb)
  }
  return { payloads, verdict, isBetweenFrames: reader.isBetweenFrames }
}

/** A frame as the wire has it in the clear. */
function frame(sequence: number, payload: Uint8Array): Uint8Array {
  const out = new Uint8Array(payload.length + 12)
  writeFrame(out, 0, { sequence, payloadLength: payload.length }, (place) => place.set(payload))
  return out
}

describe('the vectors', () => {
  it('the stream of a proxy', () => {
    const wire = proxyWire(toMiddle, [HANDSHAKES.proxy, REQUEST])
    expect(toHex(wire)).toBe(NONCE + vector.client_stream.cipher)
    expect(read([wire]).payloads).toEqual([
      toHex(payloadOf(NONCE)),
      vector.handshake_payload_client,
      vector.proxy_req_payload,
    ])
  })

  it('the stream of a middle proxy', () => {
    const writer = new RpcWriter()
    expect(toHex(writer.write(NONCES.middle))).toBe(vector.nonce_frame_server)
    writer.encipherFromHere(toProxy)
    const wire = concat(writer.write(HANDSHAKES.middle), writer.write(ANSWER))
    expect(toHex(wire)).toBe(vector.server_stream.cipher)
    const { payloads } = read([hex(vector.nonce_frame_server), wire], new RpcReader(), toProxy)
    expect(payloads.slice(1)).toEqual([vector.handshake_payload_server, vector.proxy_ans_payload])
  })

  it('a frame', () => {
    expect(toHex(frame(5, hex(vector.ping_payload)))).toBe(vector.frame_seq5_ping_crc32)
  })
})

const arbPackets = fc.array(
  fc.oneof(
    fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }).map((id): RpcPacket => ({ kind: 'ping', id })),
    fc.integer({ min: 1, max: 400 }).map((words): RpcPacket => {
      return { kind: 'proxy-ans', flags: 0, connection: 1n, message: new Uint8Array(4 * words).fill(words) }
    }),
  ),
  { minLength: 1, maxLength: 8 },
)
const linkWire = (packets: readonly RpcPacket[]) => proxyWire(toMiddle, [HANDSHAKES.proxy, ...packets])

describe('a link', () => {
  test.prop([arbPackets, arbCuts])('reads the same at any split', (packets, cuts) => {
    const wire = linkWire(packets)
    const whole = read([Uint8Array.from(wire)])
    expect(read(split(wire, cuts))).toEqual(whole)
    expect(whole).toMatchObject({ verdict: 'ok', isBetweenFrames: true })
    expect(whole.payloads).toHaveLength(packets.length + 2)
  })

  test.prop([arbPackets, fc.nat(), fc.nat(7), arbCuts])('notices a flipped bit, wherever', (packets, at, bit, cuts) => {
    const wire = linkWire(packets)
    const whole = read([Uint8Array.from(wire)]).payloads
    wire[at % wire.length] ^= 1 << bit
    const { payloads, verdict, isBetweenFrames } = read(split(wire, cuts))
    expect(payloads.length).toBeLessThan(whole.length)
    expect(payloads).toEqual(whole.slice(0, payloads.length))
    // A length that was made longer, or a filler word made a length, waits for what never comes.
    expect([verdict !== 'ok', isBetweenFrames]).not.toEqual([false, true])
  })

  test.prop([fc.array(arbBytes(100), { maxLength: 10 })])('of any bytes never throws', (pieces) => {
    read([...pieces])
    read([hex(NONCE), ...pieces])
    read([hex(NONCE), ...pieces, new Uint8Array(64).fill(4)])
  })

  test.prop([arbPackets, fc.boolean()])('carries packets one by one or in one batch', (packets, isBatch) => {
    const writer = new RpcWriter()
    const wire = [writer.write(NONCES.proxy)]
    writer.encipherFromHere(toMiddle)
    wire.push(writer.write(HANDSHAKES.proxy))
    if (isBatch) wire.push(writer.write(...packets))
    else for (const packet of packets) wire.push(writer.write(packet))
    for (const bytes of wire.slice(1)) expect(bytes.length % 16).toBe(0)
    const { payloads } = read([concat(...wire)])
    expect(payloads).toEqual(read([linkWire(packets)]).payloads)
  })

  it.each([0, 1, 3])('passes over filler in the clear behind a nonce: %d words', (words) => {
    const wire = linkWire([ANSWER])
    const filled = concat(wire.subarray(0, 44), hex(FILLER.repeat(words)), wire.subarray(44))
    const expected = read([wire])
    for (const cuts of [[1], [3, 5], [1000], [44, 4, 2]]) expect(read(split(filled, cuts))).toEqual(expected)
  })

  it('tells no more after a fault', () => {
    const reader = new RpcReader()
    const heard: string[] = []
    const push = (text: string) => reader.push(hex(text), (payload) => heard.push(toHex(payload)))
    expect(push('05000000')).toBe('bad-length')
    expect(push(NONCE)).toBe('bad-length')
    expect(heard).toEqual([])
  })
})

describe('frames', () => {
  const inClear = (bytes: Uint8Array, limitBytes?: number) => new RpcReader(limitBytes).push(bytes, () => {})
  const nonce = hex(NONCE)

  it('count from -2 without a gap', () => {
    const payload = hex(vector.ping_payload)
    const sequence = (...numbers: number[]) => inClear(concat(...numbers.map((number) => frame(number, payload))))
    expect(sequence(-2, -1, 0, 1, 2)).toBe('ok')
    for (const wrong of [[-1], [0], [-2, 0], [-2, -2], [-2, -1, 1], [-2, -1, 0, 0], [-2, -1, 0, -1]])
      expect(sequence(...wrong)).toBe('bad-sequence')
  })

  it('may have filler words before and between them', () => {
    const payload = hex(vector.ping_payload)
    const filler = hex(FILLER.repeat(5))
    expect(inClear(concat(filler, frame(-2, payload), filler, frame(-1, payload), filler))).toBe('ok')
  })

  it('with another checksum are refused', () => {
    nonce[nonce.length - 1] ^= 1
    expect(inClear(nonce)).toBe('bad-checksum')
    expect(inClear(hex(vector.frame_seq5_ping_crc32c))).toBe('bad-checksum')
  })

  const withLength = (length: number) => {
    const head = new Uint8Array(4)
    write32le(head, 0, length)
    return head
  }

  it.each([0, 1, 3, 5, 8, 12, FRAME_MIN + 1, HANDSHAKE_FRAME_MAX + 4, 2 ** 24, 2 ** 31, 2 ** 32 - 1, 2 ** 32 - 4])(
    'of length %d are refused before the handshake is over',
    (length) => {
      expect(inClear(withLength(length))).toBe('bad-length')
    },
  )

  it('have limits, and are taken at them', () => {
    expect(inClear(withLength(FRAME_MIN))).toBe('ok')
    expect(inClear(withLength(HANDSHAKE_FRAME_MAX))).toBe('ok')
    const nonceOnly = frame(-2, new Uint8Array(4))
    expect(inClear(concat(nonceOnly, withLength(HANDSHAKE_FRAME_MAX)))).toBe('ok')
    expect(inClear(concat(nonceOnly, withLength(HANDSHAKE_FRAME_MAX + 4)))).toBe('bad-length')
    const begun = concat(frame(-2, new Uint8Array(4)), frame(-1, new Uint8Array(4)))
    for (const [limit, length, verdict] of [
      [undefined, 2 ** 24, 'ok'],
      [undefined, 2 ** 24 + 4, 'bad-length'],
      [1000, 996, 'ok'],
      [1000, 1000, 'ok'],
      [1000, 1004, 'bad-length'],
    ] as const)
      expect(inClear(concat(begun, withLength(length)), limit)).toBe(verdict)
  })

  it('are not written longer than anybody reads them', () => {
    const writer = new RpcWriter()
    writer.write(NONCES.proxy)
    expect(() => writer.write({ ...REQUEST, message: new Uint8Array(256) })).toThrow('a frame is whole words')
    writer.write(HANDSHAKES.proxy)
    expect(() => writer.write({ ...REQUEST, message: new Uint8Array(6) })).toThrow('a frame is whole words')
    expect(() => writer.write({ ...REQUEST, message: new Uint8Array(2 ** 24) })).toThrow('a frame is whole words')
  })
})
