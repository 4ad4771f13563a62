import { connect, type Socket } from 'node:net'
import type { Address } from '../../src/core/ports.ts'
import { Failed } from './case.ts'

/** How the other side ended; `open`: it had not, by the end of our patience. */
export type Ending = 'end' | 'reset' | 'open'

/** What a connection said and how it ended. */
export interface Heard {
  readonly bytes: Uint8Array
  readonly ending: Ending
  /** From the last byte we sent to the end, or to the end of our patience. */
  readonly tookMs: number
  /** From there to the first byte that came; undefined: none did. */
  readonly firstMs: number | undefined
}

/** Between pieces. */
const PIECE_MS = 1
/** Most that is kept of what comes; what goes beyond it is a failure of whoever sends it. */
const RECEIVED_MAX_BYTES = 16 << 20

/** One connection to whatever is tried, with the whole of what came over it. Bounded in bytes, and every wait in time. */
export class Wire {
  /** Told of every chunk; what it misses can be read in `received`. */
  onData: (chunk: Uint8Array) => void = () => {}
  readonly #socket: Socket
  readonly #chunks: Uint8Array[] = []
  #length = 0
  #ending: Ending = 'open'
  #sentAt = performance.now()
  #endedAt = 0
  #firstAt: number | undefined
  /** Those who wait for anything to happen here. */
  readonly #waiting = new Set<() => void>()

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk) => {
      this.#firstAt ??= performance.now()
      this.#length += chunk.length
      // Readers may work within what they are given.
      if (this.#length <= RECEIVED_MAX_BYTES) this.#chunks.push(Uint8Array.from(chunk))
      else socket.destroy()
      this.onData(chunk)
      this.#wake()
    })
    socket.on('end', () => this.#over('end'))
    socket.on('error', () => this.#over('reset'))
    socket.on('close', () => this.#over('end'))
  }

  /** Rejects with `Failed` when nobody answers within `limitMs`. */
  static open({ ip, port }: Address, limitMs: number): Promise<Wire> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: ip, port, allowHalfOpen: true, noDelay: true })
      const fail = (why: string) => {
        socket.destroy()
        reject(new Failed(`no connection: ${why}`))
      }
      socket.setTimeout(limitMs, () => fail(`nobody answered within ${limitMs} ms`))
      socket.once('error', (error) => fail(error.message))
      socket.once('connect', () => {
        socket.setTimeout(0)
        socket.removeAllListeners('error')
        resolve(new Wire(socket))
      })
    })
  }

  get received(): Uint8Array {
    return Buffer.concat(this.#chunks)
  }

  get ending(): Ending {
    return this.#ending
  }

  send(bytes: Uint8Array): void {
    this.#sentAt = performance.now()
    if (!this.#socket.destroyed) this.#socket.write(bytes)
  }

  /** All that `say` sends goes in one write, which is one segment when it fits into one. */
  together(say: () => void): void {
    this.#socket.cork()
    say()
    this.#socket.uncork()
  }

  /** Each piece in a write of its own, and some time before the next, so that most arrive by themselves. */
  async sendInPieces(bytes: Uint8Array, lengths: () => number, gapMs = PIECE_MS): Promise<void> {
    for (let at = 0; at < bytes.length && this.#ending === 'open';) {
      const length = Math.max(1, lengths())
      this.send(bytes.subarray(at, at + length))
      at += length
      if (at < bytes.length) await new Promise((resolve) => setTimeout(resolve, gapMs))
    }
  }

  /** Ends our direction. */
  end(): void {
    this.#socket.end()
  }

  /** Stops and goes on with reading. */
  pause(): void {
    this.#socket.pause()
  }
  resume(): void {
    this.#socket.resume()
  }

  /** Until `find` finds something in what came; `undefined` when the other side ends first, or after `limitMs`. */
  async until<T>(find: () => T | undefined, limitMs: number): Promise<T | undefined> {
    const by = performance.now() + limitMs
    for (;;) {
      const found = find()
      const left = by - performance.now()
      if (found !== undefined || this.#ending !== 'open' || left <= 0) return found
      await this.#change(left)
    }
  }

  /** Waits for the end, or for as long as `limitMs`. */
  async heard(limitMs: number): Promise<Heard> {
    await this.until(() => undefined, limitMs)
    const until = this.#ending === 'open' ? performance.now() : this.#endedAt
    const firstMs = this.#firstAt === undefined ? undefined : this.#firstAt - this.#sentAt
    return { bytes: this.received, ending: this.#ending, tookMs: until - this.#sentAt, firstMs }
  }

  close(): void {
    this.#socket.destroy()
  }

  #change(limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(limit)
        this.#waiting.delete(wake)
        resolve()
      }
      const limit = setTimeout(wake, limitMs)
      this.#waiting.add(wake)
    })
  }

  #wake(): void {
    for (const wake of this.#waiting) wake()
  }

  #over(how: Ending): void {
    if (this.#ending !== 'open') return
    this.#ending = how
    this.#endedAt = performance.now()
    this.#wake()
  }
}
