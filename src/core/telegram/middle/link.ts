import type { LinkEnd, OwnAddress } from '../../events.ts'
import type { BufferPool, Owner } from '../../memory/pool.ts'
import { Timer, type TimerWheel } from '../../memory/wheel.ts'
import type { Address, CloseKind, Connection, Handler } from '../../ports.ts'
import { readPacket, RpcReader, RpcWriter, type ProxyReq, type RpcPacket } from '../../protocol/rpc/index.ts'
import { LeasedAssembly } from '../../session/leased-assembly.ts'
import { Outbox } from '../../session/outbox.ts'
import { LinkHandshake, type HandshakeOptions } from './handshake.ts'

/** A client as its link knows it. */
export interface LinkClient {
  /** A message for the client; `message` is the link's, copy what must outlive the call. */
  onAnswer(message: Uint8Array): void
  onQuickAck(token: number): void
  /** Behind the last of some answers: what was gathered goes out now, in one write. */
  onAnswersEnd(): void
  /** The link takes up to this many bytes of messages from it now. */
  onTurn(quantumBytes: number): void
  /** The middle proxy wants this client closed, behind what it was sent. */
  onCloseExt(): void
  /** The link is gone, and the slot with it. */
  onLinkLost(): void
}

export interface LinkOptions extends HandshakeOptions {
  readonly connection: Connection
  /** Calls `use` once, at once or later, with our address as the other side sees it; undefined: nobody knows. */
  readonly ownAddress: (use: (own: OwnAddress | undefined) => void) => void
  readonly wheel: TimerWheel
  readonly pool: BufferPool
  readonly onOpen: (link: MiddleLink) => void
  /** Once, however it ended; every client has been told. */
  readonly onClosed: (link: MiddleLink, why: LinkEnd) => void
}

const HANDSHAKE_MS = 5_000
/** Silence of a link is asked about, and ends it when nobody answers. */
const PING_AFTER_MS = 25_000
/** Requests are followed by a ping this soon: its pong says that they all have arrived. */
const CONFIRM_MS = 500
const SILENT_MS = 60_000
/** Beyond this no more is written until the kernel has taken some: clients wait in their order. */
const CONGESTED_BYTES = 256 << 10
/** What a waiting client sends in its turn. */
const QUANTUM_BYTES = 16 << 10
/** What is written when the other side has ended gets this long to be taken. */
const FLUSH_MS = 5_000

/** Shared by many, so it gives way to nobody. */
const LINK: Owner = { label: 'link' }

/** How a handshake ends whose keys the other side did not have: it cannot read ours, and what it writes makes no sense to us. */
const MISMATCH: ReadonlySet<LinkEnd> = new Set(['end', 'reset', 'handshake-timeout', 'bad-frame'])

/** Our address in the keys of a link that ended as it does where the middle proxy sees another one; undefined: it did not. */
export function addressMismatch(link: MiddleLink, why: LinkEnd): OwnAddress | undefined {
  return !link.wasOpen && MISMATCH.has(why) ? link.keyedAs : undefined
}

type State = 'address' | 'handshake' | 'open' | 'ending' | 'closed'

/** One client's place on a link. */
export interface LinkSlot {
  readonly link: MiddleLink
  readonly id: number
}

/** A connection to a middle proxy that many clients share (protocol.md, 5). */
export class MiddleLink extends Timer implements Handler {
  readonly address: Address
  /** Takes no more clients, and ends when the last has left. */
  isRetired = false
  /** Whether its handshake ever came to its end. */
  wasOpen = false
  readonly #options: LinkOptions
  readonly #outbox: Outbox
  readonly #reader: RpcReader
  readonly #writer: RpcWriter
  readonly #clients = new Map<number, LinkClient>()
  /** Clients with something to send, in the order of their turns. */
  readonly #waiting: number[] = []
  /** Clients that got answers since the last `onAnswersEnd`. */
  readonly #answered = new Set<LinkClient>()
  #handshake: LinkHandshake | undefined
  #state: State = 'address'
  /** Known from the handshake on. */
  #ownAddress: OwnAddress | undefined
  #nextId = 1
  /** Batches of requests sent, asked about by a ping, and confirmed by its pong. */
  #sent = 0
  #asked = 0
  #confirmed = 0
  #lastHeard: number
  #emptySince: number

  constructor(options: LinkOptions) {
    super()
    const { connection, clock, pool } = options
    this.#options = options
    this.address = connection.remote
    this.#outbox = new Outbox(connection, pool, LINK)
    this.#reader = new RpcReader(undefined, new LeasedAssembly(pool, LINK))
    this.#writer = new RpcWriter(new LeasedAssembly(pool, LINK))
    this.#lastHeard = this.#emptySince = clock.mono()
  }

  /** Says hello as soon as our address is known; once, when the owner is ready for `onOpen` and `onClosed`. */
  begin(): void {
    const { wheel, clock, ownAddress } = this.#options
    wheel.arm(this, clock.mono() + HANDSHAKE_MS)
    ownAddress((own) => {
      if (this.#state !== 'address') return
      if (own === undefined) return this.close('address-unknown')
      this.#ownAddress = own
      this.#state = 'handshake'
      this.#handshake = new LinkHandshake(this.own, this.address, this.#options)
      this.#write(this.#handshake.nonce)
    })
  }

  /** Our address as the keys have it; undefined before there are keys. */
  get keyedAs(): OwnAddress | undefined {
    return this.#handshake?.hasKeys === true ? this.#ownAddress : undefined
  }

  /** Our end of it as the other side sees it; the local one while that is not known. */
  get own(): Address {
    const { ip, port } = this.#options.connection.local
    return { ip: this.#ownAddress?.ip ?? ip, port }
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }
  get clients(): number {
    return this.#clients.size
  }
  get isCongested(): boolean {
    return this.#outbox.waiting > CONGESTED_BYTES
  }
  /** Monotonic ms since which it has no clients; undefined while it has some. */
  get emptySince(): number | undefined {
    return this.#clients.size === 0 ? this.#emptySince : undefined
  }

  /** A place for a client, told apart by an id that this link never uses again. */
  attach(client: LinkClient): LinkSlot {
    const id = this.#nextId++
    this.#clients.set(id, client)
    return { link: this, id }
  }

  /** The client is gone: Telegram forgets its connection. */
  detach({ id }: LinkSlot): void {
    if (!this.#clients.delete(id)) return
    if (this.#clients.size === 0) this.#emptySince = this.#options.clock.mono()
    if (this.#state === 'open') this.#write({ kind: 'close-conn', connection: BigInt(id) })
    if (this.isRetired && this.#clients.size === 0) this.close('retired')
  }

  /** What to ask `hasArrived` about after the next `send`; noted before, since the link may end in it. */
  get nextBatch(): number {
    return this.#sent + 1
  }

  /** A message of a client, to go out with the next `send`; ask `isCongested` before. The message is copied. */
  add(request: ProxyReq): void {
    if (this.#state === 'open') this.#writer.add(request)
  }

  /** Sends what was added, in one write. */
  send(): void {
    const { wheel, clock } = this.#options
    if (this.#state !== 'open') return
    this.#sent++
    this.#write()
    const soon = clock.mono() + CONFIRM_MS
    if (this.isOpen && this.at > soon) wheel.arm(this, soon)
  }

  /** Whether that batch is known to have come to the other side. */
  hasArrived(batch: number): boolean {
    return batch <= this.#confirmed
  }

  /** Calls `onTurn` of that client when the link has room and others had their turn. */
  waitForTurn({ id }: LinkSlot): void {
    this.#waiting.push(id)
  }

  close(why: LinkEnd): void {
    if (this.#state === 'closed') return
    this.#finish(why)
    this.#options.connection.close()
  }

  onData(chunk: Uint8Array): void {
    if (this.#state === 'closed' || this.#state === 'ending') return
    const verdict = this.#reader.push(chunk, (payload) => this.#take(payload))
    for (const client of this.#answered) client.onAnswersEnd()
    this.#answered.clear()
    if (verdict !== 'ok') this.close(verdict === 'no-memory' ? 'overflow' : 'bad-frame')
  }

  onDrain(): void {
    if (this.#outbox.flush() && this.#state === 'ending') this.#leave()
    else this.#giveTurns()
  }

  /** Telegram closes links every minute or so: clients move on, and what was written still goes out. */
  onEnd(): void {
    if (this.#state === 'closed') return
    const { wheel, clock } = this.#options
    this.#lose('end')
    this.#state = 'ending'
    wheel.arm(this, clock.mono() + FLUSH_MS)
    if (this.#outbox.waiting === 0) this.#leave()
  }

  onClose(kind: CloseKind): void {
    if (this.#state === 'ending') this.#state = 'closed'
    this.#finish(kind)
  }

  override fire(): void {
    const { clock, wheel } = this.#options
    const silentMs = clock.mono() - this.#lastHeard
    if (this.#state === 'ending') this.#leave()
    else if (this.#state === 'address') this.close('address-unknown')
    else if (this.#state !== 'open') this.close('handshake-timeout')
    else if (silentMs >= SILENT_MS) this.close('silent')
    else {
      if (silentMs >= PING_AFTER_MS || this.#sent > this.#asked) {
        this.#asked = this.#sent
        this.#write({ kind: 'ping', id: BigInt(this.#asked) })
      }
      if (this.#state === 'open') wheel.arm(this, clock.mono() + PING_AFTER_MS)
    }
  }

  #take(payload: Uint8Array): void {
    // Bytes alone prove nothing: behind a length that was garbled they would only fill up a frame that never ends.
    this.#lastHeard = this.#options.clock.mono()
    const packet = readPacket(payload)
    if (this.#state === 'handshake') this.#takeHandshake(packet)
    else if (this.#state === 'open') this.#takePacket(packet)
  }

  #takeHandshake(packet: ReturnType<typeof readPacket>): void {
    const { clock, wheel, onOpen } = this.#options
    if (this.#handshake === undefined) return
    const step = this.#handshake.take(packet)
    switch (step.kind) {
      case 'keys':
        this.#reader.decipherFromHere(step.keys.toProxy)
        this.#writer.encipherFromHere(step.keys.toMiddle)
        this.#write(step.answer)
        break
      case 'open':
        this.#state = 'open'
        this.wasOpen = true
        wheel.arm(this, clock.mono() + PING_AFTER_MS)
        onOpen(this)
        break
      case 'failed':
        this.close(step.why)
    }
  }

  #takePacket(packet: ReturnType<typeof readPacket>): void {
    switch (packet.kind) {
      case 'ping':
        this.#write({ kind: 'pong', id: packet.id })
        break
      case 'proxy-ans':
        this.#tell(packet.connection, (client) => client.onAnswer(packet.message))
        break
      case 'simple-ack':
        this.#tell(packet.connection, (client) => client.onQuickAck(packet.token))
        break
      case 'close-ext':
        this.#closeExt(Number(packet.connection))
        break
      case 'bad':
        this.close('bad-frame')
        break
      case 'pong':
        if (packet.id <= BigInt(this.#asked)) this.#confirmed = Math.max(this.#confirmed, Number(packet.id))
        break
      case 'unknown':
        // What is newer than we are means nothing to us.
        break
      case 'nonce':
      case 'handshake':
      case 'handshake-error':
      case 'proxy-req':
      case 'close-conn':
        this.close('bad-frame')
        break
    }
  }

  #tell(connection: bigint, tell: (client: LinkClient) => void): void {
    const client = this.#clients.get(Number(connection))
    if (client === undefined) this.#write({ kind: 'close-conn', connection })
    else {
      this.#answered.add(client)
      tell(client)
    }
  }

  #closeExt(id: number): void {
    const client = this.#clients.get(id)
    if (client === undefined) return
    this.#clients.delete(id)
    if (this.#clients.size === 0) this.#emptySince = this.#options.clock.mono()
    this.#answered.delete(client)
    client.onAnswersEnd()
    client.onCloseExt()
  }

  #write(...packets: readonly RpcPacket[]): void {
    if (!this.#outbox.send(this.#writer.write(...packets))) this.close('overflow')
  }

  /** Round robin: whoever still has something goes to the end of the line. */
  #giveTurns(): void {
    while (this.#state === 'open' && !this.isCongested) {
      const id = this.#waiting.shift()
      if (id === undefined) return
      this.#clients.get(id)?.onTurn(QUANTUM_BYTES)
    }
  }

  #finish(why: LinkEnd): void {
    if (this.#state !== 'closed') this.#lose(why)
    this.#state = 'closed'
    this.#options.wheel.disarm(this)
    this.#release()
  }

  /** Clients leave; only bytes may be left to send. */
  #lose(why: LinkEnd): void {
    if (this.#state === 'ending') return
    this.#state = 'closed'
    const clients = [...this.#clients.values()]
    this.#clients.clear()
    this.#waiting.length = 0
    this.#options.onClosed(this, why)
    for (const client of clients) client.onLinkLost()
  }

  #leave(): void {
    this.#state = 'closed'
    this.#options.wheel.disarm(this)
    this.#release()
    this.#options.connection.close()
  }

  #release(): void {
    this.#outbox.release()
    this.#reader.close()
    this.#writer.close()
  }
}
