import type { Socket, TCPSocketListener } from 'bun'
import { randomBytes } from 'node:crypto'
import { read32le } from '../../src/core/protocol/bytes.ts'
import {
  linkKeys,
  NONCE_LENGTH,
  readPacket,
  readProxySecret,
  RpcReader,
  RpcWriter,
  SCHEMA_AES,
  type Nonce,
  type RpcPacket,
} from '../../src/core/protocol/rpc/index.ts'
import { GREETING_LENGTH } from './dc.ts'
import { PROXY_SECRET } from './proxy-secret.ts'

const HOST = '127.0.0.1'
const GREETING = new Uint8Array(GREETING_LENGTH)

/** What a workload wants to hear of requests behind a client's first one. */
export type OnRequest = (client: MiddleClient, message: Uint8Array) => void

/** A client as it is seen at the other end of a link. */
export class MiddleClient {
  readonly #link: Link
  readonly #connection: bigint

  constructor(link: Link, connection: bigint) {
    this.#link = link
    this.#connection = connection
  }

  /** Sends it a message; what one turn brings forth goes out in one write. */
  answer(message: Uint8Array): void {
    this.#link.send({ kind: 'proxy-ans', flags: 0, connection: this.#connection, message })
  }

  /** Tells the proxy to end that client, behind what it was sent. */
  close(): void {
    this.#link.closeExt(this.#connection)
  }
}

/**
 * A middle proxy as quick as it can be with the codecs of the core: it greets every client at its first request, and leaves
 * the rest to the workload. It checks nothing that costs time: sim/telegram has the one that does.
 */
export class Middle {
  /** Clients that were greeted and have not left, by the number in their first message. */
  readonly clients = new Map<number, MiddleClient>()
  onRequest: OnRequest = () => {}
  onClosed: () => void = () => {}
  readonly #listener: TCPSocketListener<Link>

  constructor() {
    this.#listener = Bun.listen<Link>({
      hostname: HOST,
      port: 0,
      allowHalfOpen: false,
      socket: {
        open: (socket) => {
          socket.data = new Link(this, socket)
          socket.setNoDelay(true)
        },
        data: (socket, chunk) => socket.data.take(chunk),
        drain: (socket) => socket.data.flush(),
        close: (socket) => socket.data.closed(),
      },
    })
  }

  get port(): number {
    return this.#listener.port
  }
  get open(): number {
    return this.clients.size
  }

  endAll(): void {
    for (const client of [...this.clients.values()]) client.close()
  }

  enter(number: number, client: MiddleClient): void {
    this.clients.set(number, client)
    client.answer(GREETING)
  }

  leave(number: number): void {
    if (this.clients.delete(number)) this.onClosed()
  }
}

interface Known {
  readonly number: number
  readonly client: MiddleClient
}

/** One link of a proxy. */
class Link {
  readonly #middle: Middle
  readonly #socket: Socket<Link>
  readonly #reader = new RpcReader()
  readonly #writer = new RpcWriter()
  readonly #known = new Map<bigint, Known>()
  /** Packets to write when this turn is over. */
  #packets: RpcPacket[] = []
  /** Bytes that the kernel has not taken yet. */
  #waiting: Uint8Array[] = []

  constructor(middle: Middle, socket: Socket<Link>) {
    this.#middle = middle
    this.#socket = socket
  }

  take(chunk: Uint8Array): void {
    const verdict = this.#reader.push(chunk, (payload) => this.#takePacket(readPacket(payload)))
    if (verdict !== 'ok') throw new Error(`the subject sent the middle proxy a frame that is no frame: ${verdict}`)
    this.flush()
  }

  send(packet: RpcPacket): void {
    if (this.#packets.push(packet) === 1) queueMicrotask(() => this.flush())
  }

  closeExt(connection: bigint): void {
    this.send({ kind: 'close-ext', connection })
    this.#forget(connection)
  }

  flush(): void {
    if (this.#packets.length > 0) {
      this.#waiting.push(this.#writer.write(...this.#packets))
      this.#packets = []
    }
    for (let first = this.#waiting.at(0); first !== undefined; first = this.#waiting.at(0)) {
      const taken = Math.max(0, this.#socket.write(first))
      if (taken < first.length) {
        this.#waiting[0] = first.subarray(taken)
        return
      }
      this.#waiting.shift()
    }
  }

  closed(): void {
    for (const connection of [...this.#known.keys()]) this.#forget(connection)
  }

  #takePacket(packet: ReturnType<typeof readPacket>): void {
    switch (packet.kind) {
      case 'nonce':
        return this.#takeNonce(packet)
      case 'handshake':
        return this.send({ ...packet, flags: 0, sender: packet.peer, peer: packet.sender })
      case 'proxy-req':
        return this.#request(packet.connection, packet.message)
      case 'close-conn':
        return this.#forget(packet.connection)
      case 'ping':
        return this.send({ kind: 'pong', id: packet.id })
      case 'handshake-error':
      case 'proxy-ans':
      case 'simple-ack':
      case 'close-ext':
      case 'pong':
      case 'unknown':
      case 'bad':
        throw new Error(`the subject sent the middle proxy a packet that it must not send: ${packet.kind}`)
    }
  }

  #takeNonce(theirs: Nonce): void {
    const secret = readProxySecret(PROXY_SECRET)
    if ('fault' in secret) throw new Error(`the secret of the generator is none: ${secret.fault}`)
    const { selector } = secret
    const ours: Nonce = { ...theirs, selector, schema: SCHEMA_AES, nonce: new Uint8Array(randomBytes(NONCE_LENGTH)) }
    const keys = linkKeys({
      secret: secret.bytes,
      middleNonce: ours.nonce,
      proxyNonce: theirs.nonce,
      proxyWallSec: theirs.wallSec,
      middle: { ip: HOST, port: this.#middle.port },
      proxy: { ip: this.#socket.remoteAddress, port: this.#socket.remotePort },
    })
    this.send(ours)
    this.flush()
    this.#writer.encipherFromHere(keys.toProxy)
    this.#reader.decipherFromHere(keys.toMiddle)
  }

  #request(connection: bigint, message: Uint8Array): void {
    const known = this.#known.get(connection)
    if (known !== undefined) {
      this.#middle.onRequest(known.client, message)
      return
    }
    const number = read32le(message, 0)
    const client = new MiddleClient(this, connection)
    this.#known.set(connection, { number, client })
    this.#middle.enter(number, client)
  }

  #forget(connection: bigint): void {
    const known = this.#known.get(connection)
    if (known === undefined) return
    this.#known.delete(connection)
    this.#middle.leave(known.number)
  }
}
