import type { Cancellable, Connection, Handler } from '../../src/core/ports.ts'
import { errorPayload } from '../../src/core/protocol/framing/index.ts'
import {
  ANS_FLAGS,
  HANDSHAKE_ERRORS,
  isSamePid,
  linkKeys,
  nonceFault,
  NONCE_LENGTH,
  readPacket,
  RpcReader,
  SCHEMA_AES,
  type Handshake,
  type Nonce,
  type ProxyReq,
  type RpcPacket,
} from '../../src/core/protocol/rpc/index.ts'
import type { ClientInput, ClientOutput } from './client-session.ts'
import type { MiddleBehaviour, SimulatedMiddleProxy } from './middle-proxy.ts'
import { MiddleWriter } from './middle-writer.ts'
import { SendQueue } from './send-queue.ts'

/** Bytes of answers that may wait for a proxy that does not read, before we stop reading its requests. */
const WAITING_MAX_BYTES = 16 << 20
const CLIENTS_MAX = 65_536
/** A proxy's offer of another checksum. We answer that we do not take it up. */
const MAY_USE_CRC32C = 0x800

/** A proxy said that a client had left, and then gave its place to another one. */
export const PLACE_USED_AGAIN = 'a place that was given back is used again'

type State =
  | { readonly name: 'nonce' }
  | { readonly name: 'handshake' }
  | { readonly name: 'open'; readonly clients: Map<bigint, ClientInput> }
  /** What comes is not looked at any more. */
  | { readonly name: 'closed' }

/** One link of a proxy: handshake, then any number of clients by their connection ids. */
export class MiddleLink implements Handler {
  readonly #middle: SimulatedMiddleProxy
  readonly #connection: Connection
  readonly #behaviour: MiddleBehaviour
  readonly #queue: SendQueue
  readonly #reader = new RpcReader()
  readonly #writer: MiddleWriter
  readonly #timers: { ping?: Cancellable; pong?: Cancellable; rotate?: Cancellable } = {}
  #state: State = { name: 'nonce' }
  /** Places of clients that the proxy said had left. */
  readonly #left = new Set<bigint>()
  #bytes = 0
  #pingId = 0n

  constructor(middle: SimulatedMiddleProxy, connection: Connection) {
    this.#middle = middle
    this.#connection = connection
    this.#behaviour = middle.behaviour
    this.#queue = new SendQueue(connection, WAITING_MAX_BYTES)
    this.#writer = new MiddleWriter(middle.options.random, this.#behaviour.misbehaviour)
    middle.counters.links++
    middle.links.add(this)
  }

  /** Ids of the clients that it carries now. */
  get clients(): readonly bigint[] {
    return this.#state.name === 'open' ? [...this.#state.clients.keys()] : []
  }

  /** Tells the proxy to close that client. */
  closeClient(connection: bigint): void {
    if (this.#state.name !== 'open') return
    this.#state.clients.delete(connection)
    this.#middle.counters.closedByUs++
    this.say({ kind: 'close-ext', connection })
  }

  /** Closes the link, behind what it has to say. Requests on their way are lost, as they are with Telegram. */
  rotate(): void {
    if (this.#state.name === 'closed') return
    this.#middle.counters.rotated++
    this.#leave()
    this.#queue.end()
  }

  /** Sends any packet: also one that no proxy expects. */
  say(packet: RpcPacket): void {
    const wire = this.#writer.write(packet)
    this.#bytes += wire.length
    if (wire.length > 0) this.#queue.push(wire)
  }

  onData(chunk: Uint8Array): void {
    if (this.#state.name === 'closed') return
    this.#bytes += chunk.length
    const verdict = this.#reader.push(chunk, (payload) => {
      if (this.#state.name !== 'closed') this.#take(readPacket(payload))
    })
    if (verdict !== 'ok') this.#refuse(verdict)
    if (this.#bytes >= (this.#behaviour.closeAfterBytes ?? Infinity)) this.rotate()
  }

  onDrain(): void {
    this.#queue.pump()
  }

  onEnd(): void {
    this.#leave()
    this.#queue.end()
  }

  onClose(): void {
    this.#leave()
  }

  #take(packet: RpcPacket | { kind: 'unknown' } | { kind: 'bad' }): void {
    const state = this.#state
    switch (state.name) {
      case 'nonce':
        if (packet.kind === 'nonce') this.#takeNonce(packet)
        else this.#refuse(`${packet.kind} in place of a nonce`)
        break
      case 'handshake':
        if (packet.kind === 'handshake') this.#takeHandshake(packet)
        else this.#refuse(`${packet.kind} in place of a handshake`)
        break
      case 'open':
        this.#takeData(state.clients, packet)
        break
      case 'closed':
        break
    }
  }

  #takeNonce(theirs: Nonce): void {
    const { clock, random, secret, seen } = this.#middle.options
    const wallSec = clock.wall()
    const fault = nonceFault(theirs, { selector: secret.selector, wallSec })
    if (fault !== undefined) {
      this.#refuse(fault)
      return
    }
    const nonce = random.fill(new Uint8Array(NONCE_LENGTH))
    const { local, remote } = this.#connection
    const keys = linkKeys({
      secret: secret.bytes,
      middleNonce: nonce,
      proxyNonce: theirs.nonce,
      proxyWallSec: theirs.wallSec,
      middle: seen?.own ?? local,
      proxy: seen?.proxy?.(remote) ?? remote,
    })
    const ours: Nonce = { kind: 'nonce', selector: secret.selector, schema: SCHEMA_AES, wallSec, nonce }
    this.say({ ...ours, ...this.#behaviour.nonce })
    this.#writer.encipherFromHere(keys.toProxy)
    this.#reader.decipherFromHere(keys.toMiddle)
    this.#state = { name: 'handshake' }
  }

  #takeHandshake({ flags, sender, peer }: Handshake): void {
    const own = this.#middle.pid(this.#middle.options.seen?.own ?? this.#connection.local)
    const isKnown = (flags & ~MAY_USE_CRC32C) === 0
    const code = !isKnown ? HANDSHAKE_ERRORS.flags : !isSamePid(peer, own) ? HANDSHAKE_ERRORS.peer : 0
    if (code !== 0) {
      this.say({ kind: 'handshake-error', code, sender: own })
      this.#refuse(`handshake error ${code}`)
      return
    }
    this.say({ kind: 'handshake', flags: 0, sender: own, peer: sender, ...this.#behaviour.handshake })
    this.#middle.counters.opened++
    this.#state = { name: 'open', clients: new Map() }
    const { closeAfterMs, pingEveryMs } = this.#behaviour
    const { after } = this.#middle.options
    if (closeAfterMs !== undefined) this.#timers.rotate = after(closeAfterMs, () => this.rotate())
    if (pingEveryMs > 0) this.#timers.ping = after(pingEveryMs, () => this.#ping())
  }

  #takeData(
    clients: Map<bigint, ClientInput>,
    packet: RpcPacket | { readonly kind: 'unknown' } | { readonly kind: 'bad' },
  ): void {
    switch (packet.kind) {
      case 'proxy-req':
        this.#request(clients, packet)
        break
      case 'close-conn':
        this.#middle.counters.closedByProxy++
        clients.delete(packet.connection)
        this.#left.add(packet.connection)
        break
      case 'ping':
        this.say({ kind: 'pong', id: packet.id })
        break
      case 'pong':
        this.#takePong(packet.id)
        break
      case 'nonce':
      case 'handshake':
      case 'handshake-error':
      case 'proxy-ans':
      case 'simple-ack':
      case 'close-ext':
      case 'unknown':
      case 'bad':
        this.#refuse(`${packet.kind} from a proxy`)
        break
    }
  }

  #request(clients: Map<bigint, ClientInput>, request: ProxyReq): void {
    const { refuse, backend, dc } = this.#middle.options
    this.#middle.counters.requests++
    const fault = this.#left.has(request.connection) ? PLACE_USED_AGAIN : refuse?.(request)
    if (fault !== undefined) {
      this.#refuse(fault)
      return
    }
    const { connection } = request
    let client = clients.get(connection)
    if (client === undefined) {
      if (clients.size >= CLIENTS_MAX) {
        this.closeClient(connection)
        return
      }
      client = backend.open(dc, this.#output(connection))
      clients.set(connection, client)
    }
    client.take(request.message, request.quickAck)
  }

  #output(connection: bigint): ClientOutput {
    const { counters } = this.#middle
    const answer = (flags: number, message: Uint8Array) => {
      counters.answers++
      this.say({ kind: 'proxy-ans', flags, connection, message })
    }
    return {
      packet: (packet) => answer(0, packet),
      quickAck: (token) => {
        counters.quickAcks++
        this.say({ kind: 'simple-ack', connection, token })
      },
      error: (code) => answer(ANS_FLAGS.error, errorPayload(code)),
    }
  }

  #ping(): void {
    const { after } = this.#middle.options
    this.#middle.counters.pings++
    this.say({ kind: 'ping', id: ++this.#pingId })
    // Who cannot hear the ping is not to be blamed.
    if (this.#writer.isSilent) return
    this.#timers.pong = after(this.#behaviour.pongWithinMs, () => this.#refuse('no pong'))
  }

  #takePong(id: bigint): void {
    if (this.#timers.pong === undefined || id !== this.#pingId) {
      this.#refuse('a pong to no ping')
      return
    }
    this.#middle.counters.pongs++
    this.#timers.pong.cancel()
    this.#timers.pong = undefined
    this.#timers.ping = this.#middle.options.after(this.#behaviour.pingEveryMs, () => this.#ping())
  }

  #refuse(why: string): void {
    if (this.#state.name === 'closed') return
    const isOpen = this.#state.name === 'open'
    this.#leave()
    this.#middle.onFault(why, isOpen)
    this.#queue.end()
  }

  #leave(): void {
    this.#state = { name: 'closed' }
    this.#middle.links.delete(this)
    for (const timer of Object.values(this.#timers)) timer?.cancel()
  }
}
