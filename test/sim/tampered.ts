import type { Address, CloseKind, Connection, Handler } from '../../src/core/ports.ts'

/** What happens to a connection at one byte of one direction, as seen from the middle proxy. */
export interface Tampering {
  readonly direction: 'to-middle' | 'to-proxy'
  /** Bytes of that direction that pass as they are. */
  readonly after: number
  /** FIN, RST, or the next byte with this bit (0..7) turned over. */
  readonly how: 'end' | 'reset' | { readonly bit: number }
}

const IGNORE: Handler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} }

/** The middle proxy's end of a connection on which something happens, once. Counts what passes. */
export class TamperedConnection implements Connection, Handler {
  handler: Handler = IGNORE
  /** Bytes that came through, by direction. */
  readonly passed = { 'to-middle': 0, 'to-proxy': 0 }
  readonly #inner: Connection
  readonly #tampering: Tampering | undefined
  #isCut = false
  hasHappened = false

  constructor(inner: Connection, tampering: Tampering | undefined) {
    this.#inner = inner
    this.#tampering = tampering
  }

  get remote(): Address {
    return this.#inner.remote
  }
  get local(): Address {
    return this.#inner.local
  }

  write(bytes: Uint8Array): number {
    if (this.#isCut) return bytes.length
    const whole = this.#changed('to-proxy', bytes)
    const taken = this.#inner.write(whole)
    this.passed['to-proxy'] += taken
    this.#cutIfDue('to-proxy', bytes.length)
    return this.#isCut ? bytes.length : taken
  }
  end(): void {
    this.#inner.end()
  }
  pause(): void {
    this.#inner.pause()
  }
  resume(): void {
    this.#inner.resume()
  }
  close(): void {
    this.#inner.close()
  }
  reset(): void {
    this.#inner.reset()
  }

  onData(chunk: Uint8Array): void {
    if (this.#isCut) return
    const whole = this.#changed('to-middle', chunk)
    this.passed['to-middle'] += whole.length
    if (whole.length > 0) this.handler.onData(whole)
    this.#cutIfDue('to-middle', chunk.length)
  }
  onDrain(): void {
    this.handler.onDrain()
  }
  onEnd(): void {
    this.handler.onEnd()
  }
  onClose(kind: CloseKind): void {
    this.handler.onClose(kind)
  }

  /** What passes of these bytes: up to the cut, or all with one bit turned over. */
  #changed(direction: Tampering['direction'], bytes: Uint8Array): Uint8Array {
    const tampering = this.#tampering
    if (tampering?.direction !== direction) return bytes
    const left = tampering.after - this.passed[direction]
    if (typeof tampering.how === 'string') return bytes.subarray(0, Math.min(bytes.length, left))
    if (left < 0 || left >= bytes.length) return bytes
    const changed = Uint8Array.from(bytes)
    changed[left] ^= 1 << tampering.how.bit
    this.hasHappened = true
    return changed
  }

  /** Whoever stands here forgets the connection; the other side learns of it as the tampering says. */
  #cutIfDue(direction: Tampering['direction'], offered: number): void {
    const tampering = this.#tampering
    if (this.#isCut || tampering?.direction !== direction || typeof tampering.how !== 'string') return
    if (offered === 0 || this.passed[direction] < tampering.after) return
    this.#isCut = this.hasHappened = true
    this.handler.onClose('reset')
    this.#inner[tampering.how]()
  }
}
