import type { CipherKey, Random } from '../../src/core/ports.ts'
import { write32le } from '../../src/core/protocol/bytes.ts'
import type { StreamCipher } from '../../src/core/protocol/ctr.ts'
import { BLOCK_BYTES, cbcEncipher } from '../../src/core/protocol/rpc/cbc.ts'
import { FILLER, FIRST_SEQUENCE, FRAME_OVERHEAD, writeFrame } from '../../src/core/protocol/rpc/frame.ts'
import { packetLength, writePacket, type RpcPacket } from '../../src/core/protocol/rpc/packet.ts'

/**
 * What a middle proxy may do wrong with a frame. A `long-length` is one that a frame may have. After `silence` it says nothing
 * more, and keeps the connection.
 */
export type Misdeed = 'checksum' | 'sequence' | 'length' | 'long-length' | 'garbage' | 'silence'

export interface Misbehaviour {
  readonly misdeed: Misdeed
  /** Which frame of the link: 0 the nonce, 1 the handshake, from 2 on data. */
  readonly atFrame: number
}

const GARBAGE_BYTES = 96
const LONG_BYTES = 1 << 20

/** A middle proxy's direction of a link: like a proxy's writer, but able to do wrong. */
export class MiddleWriter {
  readonly #random: Random
  readonly #misbehaviour: Misbehaviour | undefined
  #frames = 0
  #cipher: StreamCipher | undefined
  #isSilent = false

  constructor(random: Random, misbehaviour: Misbehaviour | undefined) {
    this.#random = random
    this.#misbehaviour = misbehaviour
  }

  get isSilent(): boolean {
    return this.#isSilent
  }

  encipherFromHere(key: CipherKey): void {
    this.#cipher = cbcEncipher(key)
  }

  /** What to send for the packet. */
  write(packet: RpcPacket): Uint8Array {
    const { misdeed, atFrame } = this.#misbehaviour ?? { atFrame: -1 }
    const wrong = this.#frames === atFrame ? misdeed : undefined
    if (wrong === 'silence') this.#isSilent = true
    if (this.#isSilent) return new Uint8Array(0)
    if (wrong === 'garbage') return this.#random.fill(new Uint8Array(GARBAGE_BYTES))
    const sequence = FIRST_SEQUENCE + this.#frames++ + (wrong === 'sequence' ? 1 : 0)
    const payloadLength = packetLength(packet)
    const length = payloadLength + FRAME_OVERHEAD
    const out = new Uint8Array(this.#cipher === undefined ? length : Math.ceil(length / BLOCK_BYTES) * BLOCK_BYTES)
    writeFrame(out, 0, { sequence, payloadLength }, (payload) => writePacket(packet, payload))
    if (wrong === 'checksum') out[length - 1] ^= 1
    if (wrong === 'length') write32le(out, 0, length + 1)
    if (wrong === 'long-length') write32le(out, 0, LONG_BYTES)
    for (let at = length; at < out.length; at += 4) write32le(out, at, FILLER)
    return this.#cipher?.update(out) ?? out
  }
}
