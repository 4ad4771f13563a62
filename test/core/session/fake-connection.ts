import type { Address, Connection, Handler } from '../../../src/core/ports.ts'

const IGNORE: Handler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} }

/** A connection whose kernel takes as much as the test says, and that writes down what was done to it. */
export class FakeConnection implements Connection {
  handler: Handler = IGNORE
  readonly remote: Address
  readonly local: Address = { ip: '127.0.0.1', port: 443 }
  readonly written: number[] = []
  /** Bytes the kernel takes before it is full. */
  room = Number.POSITIVE_INFINITY
  isPaused = false
  hasEnded = false
  gone: 'close' | 'reset' | undefined

  constructor(remote: Address = { ip: '192.0.2.7', port: 50_000 }) {
    this.remote = remote
  }

  write(bytes: Uint8Array): number {
    if (this.hasEnded || this.gone !== undefined) return 0
    const taken = Math.min(bytes.length, this.room)
    this.room -= taken
    for (let at = 0; at < taken; at++) this.written.push(bytes[at])
    return taken
  }
  end(): void {
    this.hasEnded = true
  }
  pause(): void {
    this.isPaused = true
  }
  resume(): void {
    this.isPaused = false
  }
  close(): void {
    this.gone ??= 'close'
  }
  reset(): void {
    this.gone ??= 'reset'
  }
}
