import { assert } from '../../assert.ts'
import type { CipherKey } from '../../ports.ts'
import { concat, read32le, write32le } from '../bytes.ts'
import type { StreamCipher } from '../ctr.ts'
import { Gatherer } from '../gatherer.ts'
import { BLOCK_BYTES, cbcDecipher, cbcEncipher } from './cbc.ts'
import {
  FILLER,
  FIRST_SEQUENCE,
  FRAME_MAX,
  FRAME_OVERHEAD,
  HANDSHAKE_FRAME_MAX,
  HEAD_BYTES,
  isLength,
  readFrame,
  writeFrame,
  type FrameFault,
} from './frame.ts'
import { packetLength, writePacket, type RpcPacket } from './packet.ts'

/** One direction of a link as bytes come in: the nonce in the clear, then all in one chain of blocks. */
export class RpcReader {
  readonly #limitBytes: number
  readonly #head = new Uint8Array(HEAD_BYTES)
  #headLength = 0
  readonly #gathered = new Gatherer()
  #restLength = 0
  #sequence = FIRST_SEQUENCE
  #cipher: StreamCipher | undefined
  /** Holds from the first byte on that belongs to the chain. */
  #nextCipher: StreamCipher | undefined
  #fault: FrameFault | undefined

  /** `limitBytes`: the longest frame taken. */
  constructor(limitBytes = FRAME_MAX) {
    this.#limitBytes = limitBytes
  }

  /** Whether everything so far was whole frames. What is left of a block cannot be seen. */
  get isBetweenFrames(): boolean {
    return this.#headLength === 0 && this.#restLength === 0 && this.#fault === undefined
  }

  /**
   * Everything behind the frame that was told last is enciphered. Called by the sink, for the nonce. Filler that a peer sends
   * behind its nonce, as some pad it, is still in the clear (protocol.md, 5.2); a chain that starts like filler comes once in 2^32.
   */
  decipherFromHere(key: CipherKey): void {
    assert(this.#cipher === undefined && this.#nextCipher === undefined, 'a link has one key for each direction')
    assert(this.#headLength === 0 && this.#restLength === 0, 'a chain begins behind a frame')
    this.#nextCipher = cbcDecipher(key)
  }

  /**
   * Takes the next bytes and tells `sink` the payload of each frame that is complete, in order; it belongs to the reader
   * until the sink returns. After a fault nothing more is told. `sink` must not push.
   */
  push(bytes: Uint8Array, sink: (payload: Uint8Array) => void): 'ok' | FrameFault {
    let plain = this.#cipher === undefined ? bytes : this.#cipher.update(bytes)
    let at = 0
    while (at < plain.length && this.#fault === undefined) {
      at = this.#restLength === 0 ? this.#takeHead(plain, at) : this.#takeRest(plain, at, sink)
      if (this.#nextCipher !== undefined && this.#headLength === HEAD_BYTES) {
        plain = this.#startCipher(this.#nextCipher, plain.subarray(at))
        at = 0
      }
    }
    return this.#fault ?? 'ok'
  }

  #takeHead(bytes: Uint8Array, at: number): number {
    this.#head[this.#headLength++] = bytes[at]
    if (this.#headLength < HEAD_BYTES) return at + 1
    const length = read32le(this.#head, 0)
    if (length === FILLER) this.#headLength = 0
    else if (this.#nextCipher !== undefined) return at + 1
    else if (isLength(length, this.#sequence, this.#limitBytes)) this.#restLength = length - HEAD_BYTES
    else this.#fault = 'bad-length'
    return at + 1
  }

  #takeRest(bytes: Uint8Array, at: number, sink: (payload: Uint8Array) => void): number {
    const end = Math.min(bytes.length, at + this.#restLength - this.#gathered.length)
    const rest = this.#gathered.take(bytes.subarray(at, end), this.#restLength)
    if (rest === undefined) return end
    const payload = readFrame(this.#head, rest, this.#sequence)
    this.#headLength = this.#restLength = 0
    if (typeof payload === 'string') this.#fault = payload
    else {
      this.#sequence = (this.#sequence + 1) | 0
      sink(payload)
    }
    return end
  }

  /** The head that was no filler and what came behind it are the first bytes of the chain. */
  #startCipher(cipher: StreamCipher, rest: Uint8Array): Uint8Array {
    const first = concat(this.#head, rest)
    this.#headLength = 0
    this.#nextCipher = undefined
    this.#cipher = cipher
    return cipher.update(first)
  }
}

/** One direction of a link as bytes go out. */
export class RpcWriter {
  #sequence = FIRST_SEQUENCE
  #cipher: StreamCipher | undefined

  /** Everything from now on is enciphered. Called behind the nonce. */
  encipherFromHere(key: CipherKey): void {
    assert(this.#cipher === undefined, 'a link has one key for each direction')
    this.#cipher = cbcEncipher(key)
  }

  /** The bytes of one frame for each packet, padded to whole blocks once all is enciphered. */
  write(...packets: readonly RpcPacket[]): Uint8Array {
    let length = 0
    for (const packet of packets) length += packetLength(packet) + FRAME_OVERHEAD
    const isEnciphered = this.#cipher !== undefined
    const out = new Uint8Array(isEnciphered ? Math.ceil(length / BLOCK_BYTES) * BLOCK_BYTES : length)
    let at = 0
    for (const packet of packets) at = this.#writeFrame(out, at, packet)
    for (; at < out.length; at += HEAD_BYTES) write32le(out, at, FILLER)
    return this.#cipher?.update(out) ?? out
  }

  #writeFrame(out: Uint8Array, at: number, packet: RpcPacket): number {
    const payloadLength = packetLength(packet)
    const most = this.#sequence < 0 ? HANDSHAKE_FRAME_MAX : FRAME_MAX
    assert(payloadLength % 4 === 0 && payloadLength + FRAME_OVERHEAD <= most, 'a frame is whole words and not too many')
    const sequence = this.#sequence
    this.#sequence = (sequence + 1) | 0
    return writeFrame(out, at, { sequence, payloadLength }, (payload) => writePacket(packet, payload))
  }
}
