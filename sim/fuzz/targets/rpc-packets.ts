import { packetLength, readPacket, writePacket, type RpcPacket } from '../../../src/core/protocol/rpc/packet.ts'
import { must, type Target } from '../target.ts'
import { bytesIn, hex, vectors } from './vectors.ts'

const NAMES = [
  'aa87cb7a', // nonce
  'f5ee8276', // handshake
  'dabe276a', // handshake error
  'eef1ce36', // request
  '0dda0344', // answer
  '9b40ac3b', // acknowledgement
  '5d42cf1f', // close, by the proxy
  'a234b65e', // close, by the middle proxy
  'dfa23057', // ping
  'a7ea3084', // pong
]
const LENGTHS = [8, 12, 16, 20, 28, 32, 64, 96]

/** Payloads of frames: each packet has one writing, so what is read and written again is what came. */
export const target: Target = {
  bytesMax: 512,
  seeds: () => [
    ...NAMES.flatMap((name) => LENGTHS.map((length) => Uint8Array.from([...hex(name), ...new Uint8Array(length)]))),
    ...bytesIn(vectors.middle_proxy, 512).flatMap((bytes) => [bytes, bytes.subarray(8, -4)]),
  ],
  tokens: NAMES.map(hex),
  run(input) {
    const kept = input.slice()
    const packet = readPacket(input)
    if (packet.kind === 'unknown' || packet.kind === 'bad') return packet.kind
    // Whatever is read for long must be its own: all but messages are copies.
    input.fill(0xdb)
    const message = 'message' in packet ? { message: kept.subarray(kept.length - packet.message.length) } : {}
    const own: RpcPacket = { ...packet, ...message }
    input.set(kept)
    must(packetLength(own) === input.length, 'a packet of another length')
    const written = new Uint8Array(input.length).fill(0xdb)
    writePacket(own, written)
    must(Buffer.compare(written, input) === 0, 'a packet written again is another')
    return own
  },
}
