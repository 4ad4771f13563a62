import { Waiting } from '../memory/backlog.ts'
import { LEASE_MAX_BYTES, type BufferPool, type Lease, type Owner } from '../memory/pool.ts'
import type { Connection } from '../ports.ts'

interface Segment {
  readonly lease: Lease
  start: number
  end: number
}

/** What waits, in order. */
class Queue extends Waiting {
  readonly segments: Segment[] = []
  bytes = 0
}

/**
 * Bytes on their way into one connection. What the kernel does not take at once waits here, in leased buffers, in order.
 * The owner stops reading the source while too much waits.
 */
export class Outbox {
  readonly #connection: Connection
  readonly #pool: BufferPool
  readonly #owner: Owner | undefined
  /** Most connections never wait, so the queue exists only while something does. */
  #queue: Queue | undefined

  constructor(connection: Connection, pool: BufferPool, owner?: Owner) {
    this.#connection = connection
    this.#pool = pool
    this.#owner = owner
  }

  /** Bytes not yet taken by the kernel. */
  get waiting(): number {
    return this.#queue === undefined ? 0 : this.#queue.bytes
  }

  /**
   * Sends or keeps all of `bytes`. At the ceiling of the pool others end to make room; false when none can, and then this
   * connection must end.
   */
  send(bytes: Uint8Array): boolean {
    const taken = this.#queue === undefined ? this.#connection.write(bytes) : 0
    return taken === bytes.length || this.#keep(taken === 0 ? bytes : bytes.subarray(taken))
  }

  /** Writes what waits; true when nothing waits any more. */
  flush(): boolean {
    const queue = this.#queue
    if (queue === undefined) return true
    const before = queue.bytes
    const { segments } = queue
    while (segments.length > 0) {
      const first = segments[0]
      const taken = this.#connection.write(first.lease.bytes.subarray(first.start, first.end))
      first.start += taken
      queue.bytes -= taken
      if (first.start < first.end) {
        if (queue.bytes < before) this.#pool.backlog.moved(queue)
        return false
      }
      segments.shift()
      first.lease.release()
    }
    this.#queue = undefined
    this.#pool.backlog.leave(queue)
    return true
  }

  /** Gives every buffer back; what waited is lost. Harmless when nothing waits. */
  release(): void {
    const queue = this.#queue
    if (queue === undefined) return
    this.#queue = undefined
    this.#pool.backlog.leave(queue)
    for (const { lease } of queue.segments.splice(0)) lease.release()
  }

  #keep(bytes: Uint8Array): boolean {
    const queue = this.#queue ?? this.#begin()
    const { segments } = queue
    let kept = 0
    const last = segments.at(-1)
    if (last !== undefined) {
      kept = Math.min(bytes.length, last.lease.bytes.length - last.end)
      last.lease.bytes.set(kept === bytes.length ? bytes : bytes.subarray(0, kept), last.end)
      last.end += kept
    }
    while (kept < bytes.length) {
      const length = Math.min(bytes.length - kept, LEASE_MAX_BYTES)
      const lease = this.#pool.leaseFirst(length, this.#owner)
      // Among those who made room may have been our own session.
      if (this.#queue !== queue) lease?.release()
      if (lease === undefined || this.#queue !== queue) return false
      lease.bytes.set(kept === 0 && length === bytes.length ? bytes : bytes.subarray(kept, kept + length))
      segments.push({ lease, start: 0, end: length })
      kept += length
    }
    queue.bytes += bytes.length
    return true
  }

  #begin(): Queue {
    const queue = new Queue(this.#owner)
    this.#queue = queue
    this.#pool.backlog.join(queue)
    return queue
  }
}
