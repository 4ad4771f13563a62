import type { LinkEnd } from '../../events.ts'
import type { BufferPool } from '../../memory/pool.ts'
import { Timer, type TimerWheel } from '../../memory/wheel.ts'
import type { Address, Clock, CloseKind, Connection, Handler, Random } from '../../ports.ts'
import {
  behindNat,
  handshakeFault,
  linkKeys,
  NONCE_LENGTH,
  nonceFault,
  pidOf,
  readPacket,
  RpcReader,
  RpcWriter,
  SCHEMA_AES,
  type NatPair,
  type Nonce,
  type Pid,
  type ProxyReq,
  type ProxySecret,
  type RpcPacket,
} from '../../protocol/rpc/index.ts'
import { Outbox } from '../../session/outbox.ts'

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

export interface LinkOptions {
  readonly connection: Connection
  readonly secret: ProxySecret
  readonly nat: readonly NatPair[]
  /** Of this process, for the handshake. */
  readonly run: { readonly pid: number; readonly startedSec: number }
  readonly clock: Clock
  readonly random: Random
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

type State = 'nonce' | 'handshake' | 'open' | 'ending' | 'closed'

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
  readonly #reader = new RpcReader()
  readonly #writer = new RpcWriter()
  readonly #clients = new Map<number, LinkClient>()
  /** Clients with something to send, in the order of their turns. */
  readonly #waiting: number[] = []
  /** Clients that got answers since the last `onAnswersEnd`. */
  readonly #answered = new Set<LinkClient>()
  readonly #ownNonce: Nonce
  readonly #ownPid: Pid
  #state: State = 'nonce'
  #nextId = 1
  /** Batches of requests sent, asked about by a ping, and confirmed by its pong. */
  #sent = 0
  #asked = 0
  #confirmed = 0
  #lastHeard: number
  #emptySince: number

  constructor(options: LinkOptions) {
    super()
    const { connection, secret, clock, random, wheel, pool, run, nat } = options
    this.#options = options
    this.address = connection.remote
    this.#outbox = new Outbox(connection, pool)
    this.#lastHeard = this.#emptySince = clock.mono()
    const nonce = random.fill(new Uint8Array(NONCE_LENGTH))
    this.#ownNonce = { kind: 'nonce', selector: secret.selector, schema: SCHEMA_AES, wallSec: clock.wall(), nonce }
    this.#ownPid = pidOf(behindNat(connection.local, nat), run)
    wheel.arm(this, clock.mono() + HANDSHAKE_MS)
    this.#write(this.#ownNonce)
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

  /** Sends some messages of one client in one write; ask `isCongested` before. */
  send(requests: readonly ProxyReq[]): void {
    const { wheel, clock } = this.#options
    if (this.#state !== 'open') return
    this.#sent++
    this.#write(...requests)
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
    if (verdict !== 'ok') this.close('bad-frame')
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
    if (this.#state === 'closed') return
    // Bytes alone prove nothing: behind a length that was garbled they would only fill up a frame that never ends.
    this.#lastHeard = this.#options.clock.mono()
    const packet = readPacket(payload)
    if (this.#state === 'nonce' && packet.kind === 'nonce') this.#takeNonce(packet)
    else if (this.#state === 'handshake') this.#takeHandshake(packet)
    else if (this.#state === 'open') this.#takePacket(packet)
    else this.close('bad-frame')
  }

  #takeNonce(theirs: Nonce): void {
    const { connection, secret, nat } = this.#options
    const fault = nonceFault(this.#ownNonce, theirs)
    if (fault !== undefined) {
      this.close(fault)
      return
    }
    const keys = linkKeys({
      secret: secret.bytes,
      middleNonce: theirs.nonce,
      proxyNonce: this.#ownNonce.nonce,
      proxyWallSec: this.#ownNonce.wallSec,
      middle: connection.remote,
      proxy: behindNat(connection.local, nat),
    })
    this.#reader.decipherFromHere(keys.toProxy)
    this.#writer.encipherFromHere(keys.toMiddle)
    this.#state = 'handshake'
    const peer = pidOf(connection.remote, { pid: 0, startedSec: 0 })
    this.#write({ kind: 'handshake', flags: 0, sender: this.#ownPid, peer })
  }

  #takeHandshake(packet: ReturnType<typeof readPacket>): void {
    const { clock, wheel, onOpen } = this.#options
    if (packet.kind === 'handshake-error') this.close('handshake-refused')
    else if (packet.kind !== 'handshake') this.close('bad-frame')
    else if (handshakeFault(packet, this.#ownPid) !== undefined) this.close('other-peer')
    else {
      this.#state = 'open'
      this.wasOpen = true
      wheel.arm(this, clock.mono() + PING_AFTER_MS)
      onOpen(this)
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
    this.#outbox.release()
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
    this.#outbox.release()
    this.#options.connection.close()
  }
}
