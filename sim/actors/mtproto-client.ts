import { assert } from '../../src/core/assert.ts'
import type { Clock, Connection, Handler, Random } from '../../src/core/ports.ts'
import { concat } from '../../src/core/protocol/bytes.ts'
import { ctr, type StreamCipher } from '../../src/core/protocol/ctr.ts'
import { FRAMINGS, readShort, type Frame, type FrameReader } from '../../src/core/protocol/framing/index.ts'
import { INIT_LENGTH, makeInit, type Framing } from '../../src/core/protocol/obfuscated2.ts'
import type { Agreed } from '../telegram/auth.ts'
import { ClientExchange, type PublicDcKey } from '../telegram/client-exchange.ts'
import { MessageIds, open, readPlainMessage, seal, writePlainMessage } from '../telegram/message.ts'
import { SendQueue } from '../telegram/send-queue.ts'
import { SERVICE } from '../telegram/session.ts'
import { TlReader, TlWriter } from '../telegram/tl.ts'

export interface MtprotoClientOptions {
  readonly random: Random
  readonly clock: Clock
  readonly framing: Framing
  /** Signed, as in the init. */
  readonly dc: number
  /** The proxy's, 16 bytes; none straight to a DC. */
  readonly secret?: Uint8Array
  readonly isInsideTls?: boolean
  /** mtcute's way: the init travels alone. TDLib's way, the default: together with the first packet. */
  readonly isInitAlone?: boolean
  readonly key: PublicDcKey
  /** Of an earlier connection. */
  readonly agreed?: Agreed
}

export interface Failure {
  readonly kind: 'failed'
  readonly why: string
}
export type Result<T> = { readonly kind: 'ok'; readonly value: T } | Failure
type Reply<T> = (result: Result<T>) => void

/** What a proxy ping may have behind its question, in blocks of 16 bytes. */
const PING_PADDING_BLOCKS = 16
const PLAIN_MIN = 20

/**
 * A client's MTProto without a socket: `output` takes the bytes to send, `receive` the bytes that came, whatever carries them
 * (a connection, or TLS records). It believes nothing: all that comes is verified, and what does not fit is a failure.
 */
export class MtprotoClient {
  /** Told of transport errors (-404, ...) and of anything that breaks the protocol. */
  onTrouble: (why: string) => void = () => {}
  onQuickAck: (token: number) => void = () => {}
  readonly #options: MtprotoClientOptions
  readonly #output: (bytes: Uint8Array) => void
  readonly #up: StreamCipher
  readonly #down: StreamCipher
  readonly #reader: FrameReader
  readonly #messageIds = new MessageIds()
  readonly #session: bigint
  /** Calls by the id of their message. */
  readonly #waiting: { readonly id: bigint; readonly reply: Reply<Uint8Array> }[] = []
  /** Ids of calls that have their answer. A client of the simulation lives for few. */
  readonly #settled = new Set<bigint>()
  /** Plain questions are answered in their order. */
  readonly #plainWaiting: ((body: Uint8Array) => void)[] = []
  #init: Uint8Array | undefined
  #agreed: Agreed | undefined
  #seqno = 0
  #isBroken = false

  constructor(options: MtprotoClientOptions, output: (bytes: Uint8Array) => void) {
    const { random, framing } = options
    this.#options = options
    this.#output = output
    this.#agreed = options.agreed
    this.#session = new TlReader(random.fill(new Uint8Array(8))).u64()
    const init = makeInit(options)
    this.#up = ctr(init.up, INIT_LENGTH)
    this.#down = ctr(init.down)
    this.#reader = FRAMINGS[framing].reader({ side: 'client' })
    this.#init = init.wire
  }

  get agreed(): Agreed | undefined {
    return this.#agreed
  }
  /** Questions that have no answer yet. */
  get pending(): number {
    return this.#waiting.length + this.#plainWaiting.length
  }

  /** Call once, when there is something to send on. */
  start(): void {
    if (this.#options.isInitAlone === true) this.#send(new Uint8Array(0))
  }

  /** Bytes from the DC, in any pieces. */
  receive(bytes: Uint8Array): void {
    const verdict = this.#reader.push(this.#down.update(bytes), (frame) => this.#takeFrame(frame))
    if (verdict === 'ok' || this.#isBroken) return
    this.#isBroken = true
    this.onTrouble('no frame')
  }

  /** One question of a proxy ping, with message id 1 and padding as TDLib sends it; any resPQ answers it. */
  requestPq(reply: () => void): void {
    const { random, key, dc } = this.#options
    const body = new ClientExchange(random, key, dc).begin()
    const padding = ((16 - (body.length % 16)) % 16) + 16 * random.below(PING_PADDING_BLOCKS)
    this.#plainWaiting.push(reply)
    this.#sendPacket(writePlainMessage(1n, concat(body, random.fill(new Uint8Array(padding)))), false)
  }

  exchangeKey(reply: Reply<Agreed>): void {
    const { random, key, dc } = this.#options
    const exchange = new ClientExchange(random, key, dc)
    const ask = (body: Uint8Array) => {
      this.#plainWaiting.push((answer) => {
        const step = exchange.take(answer)
        if (step.kind === 'send') ask(step.body)
        else if (step.kind === 'failed') reply(step)
        else {
          this.#agreed = step.agreed
          reply({ kind: 'ok', value: step.agreed })
        }
      })
      this.#sendPacket(writePlainMessage(this.#nextId(), body), false)
    }
    ask(exchange.begin())
  }

  /** Answered with the result object, or for a ping with its number. Needs a key. */
  call(query: Uint8Array, reply: Reply<Uint8Array>, options: { readonly quickAck?: boolean } = {}): void {
    const agreed = this.#agreed
    assert(agreed !== undefined, 'a key comes before calls')
    const id = this.#nextId()
    this.#waiting.push({ id, reply })
    const seqno = 2 * this.#seqno++ + 1
    const envelope = { salt: agreed.salt, session: this.#session, messageId: id, seqno, body: query }
    this.#sendPacket(seal(agreed.key, 'to-dc', envelope, this.#options.random), options.quickAck ?? false)
  }

  ping(pingId: bigint, reply: Reply<bigint>): void {
    this.call(new TlWriter().u32(SERVICE.ping).u64(pingId).done(), (result) => {
      reply(result.kind === 'ok' ? { kind: 'ok', value: new TlReader(result.value).u64() } : result)
    })
  }

  /** Up to `limit` bytes of a file of the simulated DC, which ends after `size` bytes, or with 0 nowhere. */
  getFile(file: { id: bigint; size?: number; offset: number; limit: number }, reply: Reply<Uint8Array>): void {
    const { id, size = 0, offset, limit } = file
    const query = new TlWriter().u32(0xbe5335be).u32(0).u32(0xbad07584).u64(id).u64(BigInt(size))
    query.text('').text('').u64(BigInt(offset)).u32(limit)
    this.call(query.done(), (result) => {
      if (result.kind === 'failed') {
        reply(result)
        return
      }
      const answer = new TlReader(result.value)
      // upload.file, its type and time.
      answer.raw(12)
      reply({ kind: 'ok', value: answer.bytes() })
    })
  }

  saveFilePart(file: { id: bigint; part: number; content: Uint8Array }, reply: Reply<Uint8Array>): void {
    this.call(new TlWriter().u32(0xb304a621).u64(file.id).u32(file.part).bytes(file.content).done(), reply)
  }

  #takeFrame(frame: Frame): void {
    if (frame.kind === 'quick-ack') {
      this.onQuickAck(frame.token)
      return
    }
    const short = readShort(frame.payload)
    if (short?.kind === 'error') this.onTrouble(`error ${short.code}`)
    else if (short === undefined) this.#takePacket(frame.payload)
  }

  #takePacket(packet: Uint8Array): void {
    if (packet.length >= PLAIN_MIN && packet.subarray(0, 8).every((byte) => byte === 0)) {
      const body = readPlainMessage(packet)
      const reply = this.#plainWaiting.shift()
      if (body === undefined || reply === undefined) this.onTrouble('an unasked plain message')
      else reply(body)
      return
    }
    const opened = this.#agreed === undefined ? undefined : open(this.#agreed.key, 'to-client', packet)
    if (opened === undefined) this.onTrouble('an unreadable message')
    else if (opened.envelope.session !== this.#session) this.onTrouble('a message of another session')
    else this.#takeMessage(opened.envelope.body)
  }

  #takeMessage(body: Uint8Array): void {
    const reader = new TlReader(body)
    const constructor = reader.u32()
    if (constructor === SERVICE.container) {
      for (let left = reader.u32(); left > 0 && !reader.isBroken; left--) {
        reader.raw(12)
        this.#takeMessage(reader.raw(reader.u32()))
      }
    } else if (constructor === SERVICE.rpcResult || constructor === SERVICE.pong) {
      this.#settle(reader.u64(), reader.rest.slice())
    } else if (constructor !== SERVICE.newSessionCreated && constructor !== SERVICE.futureSalts) {
      this.onTrouble('a message of an unknown kind')
    }
  }

  #settle(id: bigint, value: Uint8Array): void {
    const at = this.#waiting.findIndex((waiting) => waiting.id === id)
    if (at < 0) {
      // A DC sends an answer again that it does not know to have come.
      if (!this.#settled.has(id)) this.onTrouble('an answer to no question')
      return
    }
    this.#settled.add(id)
    const [{ reply }] = this.#waiting.splice(at, 1)
    const reader = new TlReader(value)
    if (reader.u32() !== SERVICE.rpcError) reply({ kind: 'ok', value })
    else reply({ kind: 'failed', why: `rpc error ${reader.i32()}` })
  }

  #sendPacket(packet: Uint8Array, quickAck: boolean): void {
    const { framing, random } = this.#options
    this.#send(this.#up.update(FRAMINGS[framing].writePacket(packet, { side: 'client', random, quickAck })))
  }

  #send(bytes: Uint8Array): void {
    const init = this.#init
    this.#init = undefined
    this.#output(init === undefined ? bytes : concat(init, bytes))
  }

  #nextId(): bigint {
    return this.#messageIds.next(this.#options.clock.wall(), 0)
  }
}

/** Far above what a client in a test asks for at a time. */
const WAITING_MAX_BYTES = 64 << 20

/** A client straight on a connection, as plain and dd secrets have it. */
export class MtprotoLink implements Handler {
  readonly client: MtprotoClient
  /** How the connection ended, if by itself. */
  onOver: (how: 'end' | 'reset') => void = () => {}
  readonly #queue: SendQueue

  constructor(connection: Connection, options: MtprotoClientOptions) {
    this.#queue = new SendQueue(connection, WAITING_MAX_BYTES)
    this.client = new MtprotoClient(options, (bytes) => this.#queue.push(bytes))
    this.client.start()
  }

  onData(chunk: Uint8Array): void {
    this.client.receive(chunk)
  }
  onDrain(): void {
    this.#queue.pump()
  }
  onEnd(): void {
    this.#queue.end()
  }
  onClose(how: 'end' | 'reset'): void {
    this.onOver(how)
  }
  /** Ends our direction behind what waits. */
  end(): void {
    this.#queue.end()
  }
}
