import type { Address, Connection, DialFailure, Handler, Network } from '../../src/core/ports.ts'

/**
 * What a network must offer to be held to `network.cases.ts`. Real sockets poll the event loop in `until`; the virtual
 * network steps its world. Cases wait by nothing else.
 */
export interface NetworkSubject {
  /** Of the side that dials. */
  readonly network: Network
  /** More than the buffers on the way take while the reader is paused, so that a write of it must be partial. */
  readonly floodBytes: number
  /** Listens on a port of its own choice; for family 6 on IPv6 only. */
  listen(accept: (connection: Connection) => Handler, family?: 4 | 6): Promise<SubjectListener>
  /** Where a dial is refused. */
  closedAddress(): Promise<Address>
  /** Goes on until `condition` holds; rejects, naming `what`, when it does not within a bounded time. */
  until(what: string, condition: () => boolean): Promise<void>
  /** Goes on until what is under way has arrived: after it, what has not happened does not happen. */
  settle(): Promise<void>
}

export interface SubjectListener {
  readonly address: Address
  /** Stops accepting; connections stay. */
  close(): void
}

/** A connected pair of ends, the listener closed again. */
export interface Pair {
  readonly dialled: Peer
  readonly accepted: Peer
}

export async function connectPair(subject: NetworkSubject, family: 4 | 6 = 4): Promise<Pair> {
  const accepted = new Peer()
  const listener = await subject.listen((connection) => accepted.own(connection), family)
  const dialled = await dial(subject, listener.address)
  await subject.until('the connection is accepted', () => accepted.isConnected)
  listener.close()
  return { dialled, accepted }
}

export async function dial(subject: NetworkSubject, address: Address): Promise<Peer> {
  const peer = new Peer()
  let failure: DialFailure | undefined
  subject.network.dial(address, { onOpen: (connection) => peer.own(connection), onFail: (why) => (failure = why) })
  await subject.until('the dial is answered', () => peer.isConnected || failure !== undefined)
  if (failure !== undefined) throw new Error(`the dial failed: ${failure}`)
  return peer
}

/** Prime, so that a piece lost, doubled or moved does not fit the pattern again. */
const PATTERN_LENGTH = 65_521
const CHUNK_BYTES = 96 * 1024
const pattern = Buffer.alloc(PATTERN_LENGTH + CHUNK_BYTES)
/** One for all peers: the bytes of a write are its own only until the call returns. */
const scratch = Buffer.alloc(CHUNK_BYTES)
for (let at = 0; at < pattern.length; at++) pattern[at] = Math.imul((at % PATTERN_LENGTH) + 1, 0x9e3779b1) >>> 24

/**
 * One end: sends a stream of known bytes, checks the stream that comes, and writes down what it is told. It scribbles over
 * every chunk it got and every chunk it wrote, as both sides of the contract may.
 */
export class Peer implements Handler {
  /** Told so far, without data and drains: 'end', 'close:end', 'close:reset'. */
  readonly events: string[] = []
  received = 0
  /** Taken by `write` so far. */
  sent = 0
  drains = 0
  partialWrites = 0
  /** Called after each chunk was checked. */
  onChunk: (length: number) => void = () => {}
  onEnded: () => void = () => {}
  largestChunk = 0
  /** Offset of the first byte that was not the expected one. */
  wrongAt: number | undefined
  /** What went against the contract from the view of a handler. */
  readonly breaches: string[] = []
  #connection: Connection | undefined
  #target = 0
  #endsBehind = false
  #isTelling = false

  own(connection: Connection): Handler {
    this.#connection = connection
    return this
  }

  get isConnected(): boolean {
    return this.#connection !== undefined
  }

  get connection(): Connection {
    if (this.#connection === undefined) throw new Error('not connected yet')
    return this.#connection
  }

  get isSent(): boolean {
    return this.sent === this.#target
  }

  /** Sends `bytes` more of the stream, going on at each drain; with `end`, the FIN behind the last one. */
  send(bytes: number, options: { end?: boolean } = {}): void {
    this.#target += bytes
    this.#endsBehind = options.end ?? false
    this.#pump()
  }

  onData(chunk: Uint8Array): void {
    this.#tell('data', () => {
      this.largestChunk = Math.max(this.largestChunk, chunk.length)
      this.#check(chunk)
      this.received += chunk.length
      chunk.fill(0xdd)
      this.onChunk(chunk.length)
    })
  }

  onDrain(): void {
    this.#tell('drain', () => {
      this.drains++
      this.#pump()
    })
  }

  onEnd(): void {
    this.#tell('end', () => {
      this.events.push('end')
      this.onEnded()
    })
  }

  onClose(kind: string): void {
    this.#tell('close', () => this.events.push(`close:${kind}`))
  }

  #tell(what: string, act: () => void): void {
    if (this.#isTelling) this.breaches.push(`${what} within another call`)
    if (this.events.some((event) => event.startsWith('close'))) this.breaches.push(`${what} after close`)
    if (what === 'data' && this.events.length > 0) this.breaches.push('data after end')
    this.#isTelling = true
    act()
    this.#isTelling = false
  }

  #check(chunk: Uint8Array): void {
    for (let from = 0; from < chunk.length && this.wrongAt === undefined; from += CHUNK_BYTES) {
      const part = chunk.subarray(from, from + CHUNK_BYTES)
      const at = (this.received + from) % PATTERN_LENGTH
      if (Buffer.compare(part, pattern.subarray(at, at + part.length)) !== 0) this.wrongAt = this.received + from
    }
  }

  #pump(): void {
    const connection = this.connection
    while (this.sent < this.#target) {
      const length = Math.min(CHUNK_BYTES, this.#target - this.sent)
      const at = this.sent % PATTERN_LENGTH
      const bytes = scratch.subarray(0, length)
      bytes.set(pattern.subarray(at, at + length))
      const taken = connection.write(bytes)
      bytes.fill(0xee)
      if (taken < 0 || taken > length) this.breaches.push(`write of ${length} took ${taken}`)
      this.sent += taken
      if (taken < length) {
        this.partialWrites++
        return
      }
    }
    if (this.#endsBehind) connection.end()
  }
}
