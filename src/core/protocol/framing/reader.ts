import type { Assembly } from '../assembly.ts'
import { Gatherer } from '../gatherer.ts'
import type { Frame, FrameReader, ReadVerdict } from './frame.ts'

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

/** Length-prefixed frames out of a stream cut anywhere: collects a head byte by byte, then the payload in one piece. */
export class PrefixReader implements FrameReader {
  readonly #readHead: ReadHead
  readonly #deliver: Deliver
  readonly #head = new Uint8Array(HEAD_MAX)
  #headLength = 0
  #packet: (Head & { readonly kind: 'packet' }) | undefined
  readonly #gathered: Gatherer
  #verdict: ReadVerdict = 'ok'

  constructor(readHead: ReadHead, deliver: Deliver, assembly?: Assembly) {
    this.#readHead = readHead
    this.#deliver = deliver
    this.#gathered = new Gatherer(assembly)
  }

  push(bytes: Uint8Array, sink: (frame: Frame) => void): ReadVerdict {
    let at = 0
    while (at < bytes.length && this.#verdict === 'ok') {
      at = this.#packet === undefined ? this.#takeHead(bytes, at, sink) : this.#takePayload(bytes, at, sink)
    }
    return this.#verdict
  }

  close(): void {
    this.#gathered.close()
  }

  #takeHead(bytes: Uint8Array, at: number, sink: (frame: Frame) => void): number {
    this.#head[this.#headLength++] = bytes[at]
    const head = this.#readHead(this.#head, this.#headLength)
    switch (head.kind) {
      case 'more':
        break
      case 'bad':
        this.#verdict = 'bad'
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
    const end = Math.min(bytes.length, at + packet.length - this.#gathered.length)
    const whole = this.#gathered.take(bytes.subarray(at, end), packet.length)
    if (whole === 'more') return end
    this.#packet = undefined
    if (whole === 'full') this.#verdict = 'full'
    else {
      this.#deliver(whole.subarray(0, packet.keep), packet.quickAck, sink)
      this.#gathered.release()
    }
    return end
  }
}

/** A packet is a packet. */
export const deliverPacket: Deliver = (payload, quickAck, sink) => sink({ kind: 'packet', payload, quickAck })
