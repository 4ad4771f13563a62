import { assert } from '../../assert.ts'
import type { CipherKey } from '../../ports.ts'
import { PlainAssembly, type Assembly } from '../assembly.ts'
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
  readonly #gathered: Gatherer
  #restLength = 0
  #sequence = FIRST_SEQUENCE
  #cipher: StreamCipher | undefined
  /** Holds from the first byte on that belongs to the chain. */
  #nextCipher: StreamCipher | undefined
  #fault: FrameFault | undefined

  /** `limitBytes`: the longest frame taken. `assembly`: where frames that come in pieces are put together. */
  constructor(limitBytes = FRAME_MAX, assembly?: Assembly) {
    this.#limitBytes = limitBytes
    this.#gathered = new Gatherer(assembly)
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

  /** Gives back what it holds of a frame; nothing may be pushed behind. */
  close(): void {
    this.#gathered.close()
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
    if (rest === 'more') return end
    if (rest === 'full') {
      this.#fault = 'no-memory'
      return end
    }
    const payload = readFrame(this.#head, rest, this.#sequence)
    this.#headLength = this.#restLength = 0
    if (typeof payload === 'string') this.#fault = payload
    else {
      this.#sequence = (this.#sequence + 1) | 0
      sink(payload)
    }
    this.#gathered.release()
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
  readonly #assembly: Assembly
  #sequence = FIRST_SEQUENCE
  #cipher: StreamCipher | undefined

  /** `assembly`: where frames are put together before they are enciphered. */
  constructor(assembly: Assembly = new PlainAssembly()) {
    this.#assembly = assembly
  }

  /** Everything from now on is enciphered. Called behind the nonce. */
  encipherFromHere(key: CipherKey): void {
    assert(this.#cipher === undefined, 'a link has one key for each direction')
    this.#cipher = cbcEncipher(key)
  }

  /** A frame for this packet, to go out with the next `take`. False when there is no memory for it. */
  add(packet: RpcPacket): boolean {
    const payloadLength = packetLength(packet)
    const most = this.#sequence < 0 ? HANDSHAKE_FRAME_MAX : FRAME_MAX
    assert(payloadLength % 4 === 0 && payloadLength + FRAME_OVERHEAD <= most, 'a frame is whole words and not too many')
    const at = this.#assembly.extend(payloadLength + FRAME_OVERHEAD)
    if (at < 0) return false
    const sequence = this.#sequence
    this.#sequence = (sequence + 1) | 0
    writeFrame(this.#assembly.held, at, { sequence, payloadLength }, (payload) => writePacket(packet, payload))
    return true
  }

  /** All frames added since the last call, padded to whole blocks once all is enciphered. New memory. */
  take(): Uint8Array {
    const assembly = this.#assembly
    const odd = assembly.length % BLOCK_BYTES
    const filler = this.#cipher === undefined || odd === 0 ? 0 : BLOCK_BYTES - odd
    const from = assembly.extend(filler)
    assert(from >= 0, 'there is always room to fill up a block')
    for (let at = from; at < assembly.length; at += HEAD_BYTES) write32le(assembly.held, at, FILLER)
    const bytes = this.#cipher?.update(assembly.bytes) ?? assembly.bytes.slice()
    assembly.release()
    return bytes
  }

  /** Gives back what was added and not taken; nothing may be added behind. */
  close(): void {
    this.#assembly.close()
  }

  /** The bytes of one frame for each packet, and of all that was added before. There must be memory for them. */
  write(...packets: readonly RpcPacket[]): Uint8Array {
    for (const packet of packets) assert(this.add(packet), 'memory of the runtime is always there')
    return this.take()
  }
}
