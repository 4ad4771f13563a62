import type { Frame, FrameReader } from './frame.ts'

/** What the first bytes of a frame say. */
export type Head =
  | { readonly kind: 'more' }
  | { readonly kind: 'bad' }
  | { readonly kind: 'quick-ack'; readonly token: number }
  /** `length` bytes of payload and padding follow, of which the first `keep` are payload. */
  | { readonly kind: 'packet'; readonly length: number; readonly keep: number; readonly quickAck: boolean }

/** Reads a head of up to `HEAD_MAX` bytes, of which `length` are there; it ends with the byte that makes it known. */
export type ReadHead = (head: Uint8Array, length: number) => Head
/** Called for each whole packet; tells the sink what it is. */
export type Deliver = (payload: Uint8Array, quickAck: boolean, sink: (frame: Frame) => void) => void

export const HEAD_MAX = 4
const FIRST_BUFFER_BYTES = 4096

/** Length-prefixed frames out of a stream cut anywhere: collects a head byte by byte, then the payload in one piece. */
export class PrefixReader implements FrameReader {
  readonly #readHead: ReadHead
  readonly #deliver: Deliver
  readonly #head = new Uint8Array(HEAD_MAX)
  #headLength = 0
  #packet: (Head & { readonly kind: 'packet' }) | undefined
  /** Holds the start of a frame that came in pieces. Grows with what has come, not with what was announced. */
  #held = new Uint8Array(0)
  #heldLength = 0
  #isBad = false

  constructor(readHead: ReadHead, deliver: Deliver) {
    this.#readHead = readHead
    this.#deliver = deliver
  }

  push(bytes: Uint8Array, sink: (frame: Frame) => void): 'ok' | 'bad' {
    let at = 0
    while (at < bytes.length && !this.#isBad) {
      at = this.#packet === undefined ? this.#takeHead(bytes, at, sink) : this.#takePayload(bytes, at, sink)
    }
    return this.#isBad ? 'bad' : 'ok'
  }

  #takeHead(bytes: Uint8Array, at: number, sink: (frame: Frame) => void): number {
    this.#head[this.#headLength++] = bytes[at]
    const head = this.#readHead(this.#head, this.#headLength)
    switch (head.kind) {
      case 'more':
        break
      case 'bad':
        this.#isBad = true
        break
      case 'quick-ack':
        this.#headLength = 0
        sink({ kind: 'quick-ack', token: head.token })
        break
      case 'packet':
        this.#headLength = 0
        this.#packet = head
        break
    }
    return at + 1
  }

  #takePayload(bytes: Uint8Array, at: number, sink: (frame: Frame) => void): number {
    const packet = this.#packet
    if (packet === undefined) return at
    const end = Math.min(bytes.length, at + packet.length - this.#heldLength)
    const part = bytes.subarray(at, end)
    if (this.#heldLength + part.length < packet.length) {
      this.#hold(part)
      return end
    }
    let whole = part
    if (this.#heldLength > 0) {
      this.#hold(part)
      whole = this.#held.subarray(0, packet.length)
    }
    // The next frame gets a buffer of its own, so that an idle reader holds none.
    this.#held = new Uint8Array(0)
    this.#heldLength = 0
    this.#packet = undefined
    this.#deliver(whole.subarray(0, packet.keep), packet.quickAck, sink)
    return end
  }

  #hold(part: Uint8Array): void {
    const length = this.#heldLength + part.length
    if (length > this.#held.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#held.length, FIRST_BUFFER_BYTES))
      larger.set(this.#held.subarray(0, this.#heldLength))
      this.#held = larger
    }
    this.#held.set(part, this.#heldLength)
    this.#heldLength = length
  }
}

/** A packet is a packet. */
export const deliverPacket: Deliver = (payload, quickAck, sink) => sink({ kind: 'packet', payload, quickAck })
