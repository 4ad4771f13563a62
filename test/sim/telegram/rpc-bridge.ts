import type { Address, Cancellable, Clock, Connection, Handler, Random } from '../../../src/core/ports.ts'
import { ctr, type StreamCipher } from '../../../src/core/protocol/ctr.ts'
import { FRAMINGS } from '../../../src/core/protocol/framing/index.ts'
import { decryptInit, INIT_LENGTH, rawKeys, readInit, type Framing } from '../../../src/core/protocol/obfuscated2.ts'
import {
  behindNat,
  endpointOf,
  handshakeFault,
  linkKeys,
  nonceFault,
  pidOf,
  readPacket,
  RpcReader,
  RpcWriter,
  type Endpoint,
  type NatPair,
  type Nonce,
  type ProxySecret,
  type RpcPacket,
} from '../../../src/core/protocol/rpc/index.ts'
import { SendQueue } from '../../../sim/telegram/send-queue.ts'

export interface BridgeOptions {
  readonly clock: Clock
  readonly random: Random
  readonly secret: ProxySecret
  readonly middle: Address
  readonly dial: (dialing: { onOpen(connection: Connection): Handler; onFail(why: string): void }) => Cancellable
  readonly nat?: readonly NatPair[]
  readonly tag?: Uint8Array
  readonly own: Endpoint
  /** Instead of answering pings. */
  readonly isDeaf?: boolean
}

const QUEUE_MAX = 64 << 20

/** A proxy link without a pool: what a test has to say on it, and what comes back. */
export class BridgeLink implements Handler {
  /** What went wrong, and how it ended. */
  readonly trouble: string[] = []
  onReady: () => void = () => {}
  onPacket: (packet: RpcPacket) => void = () => {}
  onOver: () => void = () => {}
  isReady = false
  readonly #options: BridgeOptions
  readonly #queue: SendQueue
  readonly #connection: Connection
  readonly #reader = new RpcReader()
  readonly #writer = new RpcWriter()
  readonly #nonce: Nonce

  constructor(options: BridgeOptions, connection: Connection) {
    const { clock, random, secret } = options
    this.#options = options
    this.#connection = connection
    this.#queue = new SendQueue(connection, QUEUE_MAX)
    const nonce = random.fill(new Uint8Array(16))
    this.#nonce = { kind: 'nonce', selector: secret.selector, schema: 1, wallSec: clock.wall(), nonce }
    this.send(this.#nonce)
  }

  get pid() {
    return pidOf(behindNat(this.#connection.local, this.#options.nat ?? []), { pid: 7, startedSec: 1 })
  }

  send(...packets: RpcPacket[]): void {
    this.#queue.push(this.#writer.write(...packets))
  }

  sendRaw(bytes: Uint8Array): void {
    this.#queue.push(bytes)
  }

  onData(chunk: Uint8Array): void {
    const verdict = this.#reader.push(chunk, (payload) => this.#take(readPacket(payload)))
    if (verdict !== 'ok') this.#fail(verdict)
  }
  onDrain(): void {
    this.#queue.pump()
  }
  onEnd(): void {
    this.#queue.end()
    this.#over('end')
  }
  onClose(how: string): void {
    this.#over(how)
  }

  #take(packet: RpcPacket | { kind: 'unknown' } | { kind: 'bad' }): void {
    if (packet.kind === 'nonce') this.#takeNonce(packet)
    else if (packet.kind === 'handshake') {
      const fault = handshakeFault(packet, this.pid)
      if (fault !== undefined) this.#fail(fault)
      else {
        this.isReady = true
        this.onReady()
      }
    } else if (packet.kind === 'ping') {
      if (this.#options.isDeaf !== true) this.send({ kind: 'pong', id: packet.id })
    } else if (packet.kind === 'handshake-error') this.#fail(`error ${packet.code}`)
    else if (packet.kind === 'unknown' || packet.kind === 'bad') this.#fail(packet.kind)
    else this.onPacket(packet)
  }

  #takeNonce(theirs: Nonce): void {
    const { clock, secret, nat = [], middle } = this.#options
    const fault = nonceFault(theirs, { selector: secret.selector, wallSec: clock.wall() })
    if (fault !== undefined) {
      this.#fail(fault)
      return
    }
    const keys = linkKeys({
      secret: secret.bytes,
      middleNonce: theirs.nonce,
      proxyNonce: this.#nonce.nonce,
      proxyWallSec: this.#nonce.wallSec,
      middle,
      proxy: behindNat(this.#connection.local, nat),
    })
    this.#reader.decipherFromHere(keys.toProxy)
    this.#writer.encipherFromHere(keys.toMiddle)
    const peer = pidOf(middle, { pid: 0, startedSec: 0 })
    this.send({ kind: 'handshake', flags: 0, sender: this.pid, peer })
  }

  #fail(why: string): void {
    this.trouble.push(why)
    this.#connection.close()
    this.onOver()
  }

  #over(how: string): void {
    this.trouble.push(how)
    this.onOver()
  }
}

/** A proxy of one link: whatever client comes travels on it; when it ends, a new one takes its clients over. */
export class Bridge {
  readonly clients = new Map<bigint, BridgeClient>()
  readonly links: BridgeLink[] = []
  readonly #options: BridgeOptions
  #nextId = 1n

  constructor(options: BridgeOptions) {
    this.#options = options
    this.#dial()
  }

  get link(): BridgeLink | undefined {
    return this.links.at(-1)
  }

  readonly accept = (connection: Connection): Handler => {
    const client = new BridgeClient(this, connection, this.#nextId++)
    this.clients.set(client.id, client)
    return client
  }

  request(client: BridgeClient, message: Uint8Array, quickAck: boolean): void {
    const { tag, own } = this.#options
    const { id: connection, framing, endpoint } = client
    const what = { connection, client: endpoint, own, framing, quickAck, tag, message }
    if (this.link?.isReady === true) this.link.send({ kind: 'proxy-req', ...what })
  }

  leave(client: BridgeClient): void {
    if (this.clients.delete(client.id)) this.link?.send({ kind: 'close-conn', connection: client.id })
  }

  #dial(): void {
    this.#options.dial({
      onOpen: (connection) => {
        const link = new BridgeLink(this.#options, connection)
        this.links.push(link)
        link.onReady = () => {
          for (const client of this.clients.values()) client.again()
        }
        link.onPacket = (packet) => this.#take(link, packet)
        link.onOver = () => {
          if (link.isReady && link === this.link) this.#dial()
          link.isReady = false
        }
        return link
      },
      onFail: (why) => {
        throw new Error(why)
      },
    })
  }

  #take(link: BridgeLink, packet: RpcPacket): void {
    if (packet.kind !== 'proxy-ans' && packet.kind !== 'simple-ack' && packet.kind !== 'close-ext') return
    const client = this.clients.get(packet.connection)
    if (client === undefined) {
      if (packet.kind !== 'close-ext') link.send({ kind: 'close-conn', connection: packet.connection })
    } else if (packet.kind === 'close-ext') client.close()
    else if (packet.kind === 'simple-ack') client.confirm(packet.token)
    else client.answer(packet.message)
  }
}

/** One client: obfuscated2 without a secret; what it asks is kept until something answers. */
class BridgeClient implements Handler {
  readonly id: bigint
  readonly endpoint: Endpoint
  framing: Framing = 'padded'
  readonly #bridge: Bridge
  readonly #queue: SendQueue
  readonly #unanswered: { readonly message: Uint8Array; readonly quickAck: boolean }[] = []
  #seen = new Uint8Array(0)
  #up: StreamCipher | undefined
  #down: StreamCipher | undefined
  #reader = FRAMINGS.padded.reader()

  constructor(bridge: Bridge, connection: Connection, id: bigint) {
    this.#bridge = bridge
    this.#queue = new SendQueue(connection, QUEUE_MAX)
    this.id = id
    this.endpoint = endpointOf(connection.remote)
  }

  onData(chunk: Uint8Array): void {
    if (this.#up === undefined) this.#readInit(Uint8Array.from([...this.#seen, ...chunk]))
    else this.#readFrames(chunk)
  }
  onDrain(): void {
    this.#queue.pump()
  }
  onEnd(): void {
    this.#bridge.leave(this)
    this.#queue.end()
  }
  onClose(): void {
    this.#bridge.leave(this)
  }

  again(): void {
    for (const { message, quickAck } of this.#unanswered) this.#bridge.request(this, message, quickAck)
  }

  answer(message: Uint8Array): void {
    this.#unanswered.shift()
    this.#send(FRAMINGS[this.framing].writePacket(message))
  }

  confirm(token: number): void {
    this.#send(FRAMINGS[this.framing].writeQuickAck(token))
  }

  close(): void {
    this.#bridge.clients.delete(this.id)
    this.#queue.end()
  }

  #readInit(seen: Uint8Array): void {
    this.#seen = Uint8Array.from(seen)
    if (seen.length < INIT_LENGTH) return
    const keys = rawKeys(seen)
    const init = readInit(decryptInit(seen, keys.up))
    if (init === undefined) throw new Error('no init')
    this.framing = init.framing
    this.#reader = FRAMINGS[init.framing].reader()
    this.#up = ctr(keys.up, INIT_LENGTH)
    this.#down = ctr(keys.down)
    this.#readFrames(seen.subarray(INIT_LENGTH))
  }

  #readFrames(chunk: Uint8Array): void {
    this.#reader.push(this.#up?.update(chunk) ?? chunk, (frame) => {
      if (frame.kind !== 'packet') return
      const packet = { message: Uint8Array.from(frame.payload), quickAck: frame.quickAck }
      this.#unanswered.push(packet)
      this.#bridge.request(this, packet.message, packet.quickAck)
    })
  }

  #send(bytes: Uint8Array): void {
    if (this.#down !== undefined) this.#queue.push(this.#down.update(bytes))
  }
}
