import { LEASE_MAX_BYTES, type BufferPool, type Lease, type Owner } from '../memory/pool.ts'

/** Small messages share a buffer of this size. */
const SHARED_BYTES = 16 << 10

interface Buffer {
  readonly lease: Lease
  end: number
  /** Messages in it that still wait. */
  left: number
}

export interface QueuedMessage {
  readonly bytes: Uint8Array
  /** The client wants to be told that it has arrived. */
  readonly quickAck: boolean
}

/** Messages of a client that wait for room on a link, in leased buffers, in order. */
export class MessageQueue {
  readonly #pool: BufferPool
  readonly #owner: Owner
  readonly #messages: (QueuedMessage & { readonly buffer: Buffer })[] = []
  #last: Buffer | undefined
  #isClosed = false

  constructor(pool: BufferPool, owner: Owner) {
    this.#pool = pool
    this.#owner = owner
  }

  get length(): number {
    return this.#messages.length
  }

  /** The one that is next; undefined when none is left. Valid until `shift`. */
  get first(): QueuedMessage | undefined {
    return this.#messages.at(0)
  }

  /** Copies the message, up to `LEASE_MAX_BYTES`; false when there is no buffer for it. */
  push({ bytes, quickAck }: QueuedMessage): boolean {
    const buffer = this.#bufferFor(bytes.length)
    if (buffer === undefined) return false
    const place = buffer.lease.bytes.subarray(buffer.end, buffer.end + bytes.length)
    place.set(bytes)
    buffer.end += bytes.length
    buffer.left++
    this.#messages.push({ bytes: place, quickAck, buffer })
    return true
  }

  /** The first one is done with. */
  shift(): void {
    const buffer = this.#messages.shift()?.buffer
    if (buffer === undefined || --buffer.left > 0) return
    if (buffer === this.#last) this.#last = undefined
    buffer.lease.release()
  }

  /** Gives everything back, for good. */
  close(): void {
    this.#isClosed = true
    while (this.#messages.length > 0) this.shift()
  }

  #bufferFor(length: number): Buffer | undefined {
    const last = this.#last
    if (last !== undefined && last.end + length <= last.lease.bytes.length) return last
    const lease = this.#pool.leaseFirst(Math.min(LEASE_MAX_BYTES, Math.max(length, SHARED_BYTES)), this.#owner)
    // Among those who made room may have been our own session.
    if (this.#isClosed) lease?.release()
    if (lease === undefined || this.#isClosed) return undefined
    return (this.#last = { lease, end: 0, left: 0 })
  }
}
