import { LEASE_MAX_BYTES, type BufferPool, type Lease } from '../memory/pool.ts'
import type { Connection } from '../ports.ts'

interface Segment {
  readonly lease: Lease
  start: number
  end: number
}

/**
 * Bytes on their way into one connection. What the kernel does not take at once waits here, in leased buffers, in order.
 * The owner stops reading the source while too much waits.
 */
export class Outbox {
  readonly #connection: Connection
  readonly #pool: BufferPool
  /** Most connections never wait, so the queue exists only while something does. */
  #segments: Segment[] | undefined
  #waiting = 0

  constructor(connection: Connection, pool: BufferPool) {
    this.#connection = connection
    this.#pool = pool
  }

  /** Bytes not yet taken by the kernel. */
  get waiting(): number {
    return this.#waiting
  }

  /** Sends or keeps all of `bytes`; false when the pool has no room to keep them, and then the connection must end. */
  send(bytes: Uint8Array): boolean {
    const taken = this.#waiting > 0 ? 0 : this.#connection.write(bytes)
    return taken === bytes.length || this.#keep(taken === 0 ? bytes : bytes.subarray(taken))
  }

  /** Writes what waits; true when nothing waits any more. */
  flush(): boolean {
    const segments = this.#segments
    if (segments === undefined) return true
    while (segments.length > 0) {
      const first = segments[0]
      const taken = this.#connection.write(first.lease.bytes.subarray(first.start, first.end))
      first.start += taken
      this.#waiting -= taken
      if (first.start < first.end) return false
      first.lease.release()
      segments.shift()
    }
    this.#segments = undefined
    return true
  }

  /** Gives every buffer back; what waited is lost. Harmless when nothing waits. */
  release(): void {
    for (const segment of this.#segments ?? []) segment.lease.release()
    this.#segments = undefined
    this.#waiting = 0
  }

  #keep(bytes: Uint8Array): boolean {
    const segments = (this.#segments ??= [])
    let kept = 0
    const last = segments.at(-1)
    if (last !== undefined) {
      kept = Math.min(bytes.length, last.lease.bytes.length - last.end)
      last.lease.bytes.set(bytes.subarray(0, kept), last.end)
      last.end += kept
    }
    while (kept < bytes.length) {
      const length = Math.min(bytes.length - kept, LEASE_MAX_BYTES)
      const lease = this.#pool.lease(length)
      if (lease === undefined) return false
      lease.bytes.set(bytes.subarray(kept, kept + length))
      segments.push({ lease, start: 0, end: length })
      kept += length
    }
    this.#waiting += bytes.length
    return true
  }
}
