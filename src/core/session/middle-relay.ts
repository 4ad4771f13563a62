import { assert } from '../assert.ts'
import type { CloseKind } from '../ports.ts'
import type { BufferPool, Owner } from '../memory/pool.ts'
import { read32le } from '../protocol/bytes.ts'
import { ctr, type StreamCipher } from '../protocol/ctr.ts'
import {
  FRAMINGS,
  type Frame,
  type FrameReader,
  type FramingCodec,
  type PacketOptions,
} from '../protocol/framing/index.ts'
import { wrappedLength, wrapRecords } from '../protocol/faketls/records.ts'
import { INIT_LENGTH } from '../protocol/obfuscated2.ts'
import { endpointOf, fromOutside, isPlainMessage, type Endpoint, type ProxyReq } from '../protocol/rpc/index.ts'
import type { Cancellable } from '../ports.ts'
import type { LinkClient, LinkSlot } from '../telegram/middle/link.ts'
import type { Accumulator } from './accumulator.ts'
import { LeasedAssembly } from './leased-assembly.ts'
import { MessageQueue, type QueuedMessage } from './message-queue.ts'
import type { Opened } from './opening.ts'
import { Outbox } from './outbox.ts'
import { RelayTimes } from './relay-times.ts'
import { scratchFor } from './services.ts'
import type { Session, Stage } from './session.ts'

/**
 * A shared link cannot be stopped for one client, so more may wait for it here than in direct mode: about what a client
 * asks for at a time. Whoever does not take even that is closed.
 */
const WAITING_MAX_BYTES = 8 << 20
/**
 * At the end of either direction: last answers are waited for as long as something moves within this time. They may stand in line
 * behind those of others on a slow link.
 */
const LAST_MS = 20_000
/** The official proxy drops what is shorter: no message under a key, and none of a key exchange. */
const MESSAGE_MIN = 28
const ERROR_LENGTH = 4
const PLAIN_LENGTH_AT = 16
const PLAIN_BODY_AT = 20
/** req_pq, req_pq_multi, req_DH_params, set_client_DH_params: all that is said before there is a key. */
const PLAIN_KINDS = [0x60469778, 0xbe7e8ef1, 0xd712e4be, 0xf5045f1f]

/** Frames of one turn of the loop: given back before it ends, so nobody has to make room for them. */
const FRAMES: Owner = { label: 'frames' }

/**
 * A client whose messages travel on a link to a middle proxy, beside those of others. Its frames are taken off the stream
 * and sent as requests; answers are framed and enciphered for it alone, all of one turn in one write.
 */
export class MiddleRelayStage implements Stage, LinkClient {
  readonly name = 'relay'
  readonly #session: Session
  readonly #opened: Opened
  readonly #codec: FramingCodec
  readonly #reader: FrameReader
  readonly #fromClient: StreamCipher
  readonly #toClient: StreamCipher
  readonly #toClientBox: Outbox
  readonly #client: Endpoint
  /** Where the client reached us, as the outside of its link knows it. */
  #own: Endpoint
  readonly #times: RelayTimes
  readonly #early: Accumulator
  /** Messages for the link that it had no room for yet: at most those of one read. */
  readonly #pending: MessageQueue
  /** Frames for the client since the last write. */
  readonly #frames: LeasedAssembly
  readonly #framing: PacketOptions
  readonly #pool: BufferPool
  #slot: LinkSlot | undefined
  #attaching: Cancellable | undefined
  #isWaitingForTurn = false
  #isPaused = true
  /** It has spoken under its key: then it can go on from another link. */
  #hasKey = false
  /** Its last batch on the link it is on. */
  #batch = 0
  /** Its link has messages of this read that wait for `send`. */
  #hasAdded = false
  #isEnding = false
  #hasClientEnded = false
  /** Bytes for the client when the last deadline was set. */
  #waitingBefore = 0

  /** Takes over `early`, what the client sent behind its init. */
  constructor(session: Session, opened: Opened, early: Accumulator) {
    const { pool, random } = session.services
    const { client } = session
    this.#session = session
    this.#opened = opened
    this.#codec = FRAMINGS[opened.framing]
    this.#reader = this.#codec.reader({ assembly: new LeasedAssembly(pool, session) })
    this.#fromClient = ctr(opened.match.fromClient, INIT_LENGTH)
    this.#toClient = ctr(opened.match.toClient)
    this.#toClientBox = new Outbox(client, pool, session)
    this.#pending = new MessageQueue(pool, session)
    this.#frames = new LeasedAssembly(pool, FRAMES)
    this.#framing = { random, into: (length) => this.#extendFrames(length) }
    this.#pool = pool
    this.#client = endpointOf(session.clientAddress)
    this.#own = endpointOf(client.local)
    this.#times = new RelayTimes(session)
    this.#early = early
  }

  get waitingBytes(): number {
    return this.#toClientBox.waiting
  }

  /** Its place on a link: before `enter`, and when it goes on on another one. */
  take(slot: LinkSlot): void {
    this.#slot = slot
    this.#own = endpointOf(fromOutside(this.#session.client.local, slot.link.own))
  }

  enter(): void {
    this.#times.arm()
    const early = this.#early.bytes.slice()
    this.#early.release()
    if (early.length > 0) this.#takePayload(early)
    if (this.#session.isClosed) return
    if (this.#opened.hasClientEnded) this.onEnd()
    else this.#goOn()
  }

  onData(chunk: Uint8Array): void {
    // There is no link any more that could take it.
    if (this.#isEnding) return
    this.#times.touch()
    const { records } = this.#opened
    const payload = records === undefined ? chunk : records.push(chunk)
    if (payload === undefined) this.#session.close('bad-record', 'relayed')
    else if (payload.length > 0) this.#takePayload(payload)
  }

  onDrain(): void {
    const isEmpty = this.#toClientBox.flush()
    if (this.#isEnding) {
      if (isEmpty) this.#session.client.end()
    } else if (isEmpty) this.#goOn()
    // Whoever takes some is read once: without its confirmations Telegram would send all of it again on the next link.
    else if (this.#slot !== undefined && this.#pending.length === 0 && !this.#session.isHeld) this.#resume()
  }

  giveWay(): void {
    this.#session.close('overflow', 'relayed')
  }

  /** A shared link cannot be stopped for it: no more is asked for, and what comes meanwhile is paid by a longer pause. */
  hold(): void {
    if (!this.#isEnding) this.#pause()
  }

  letGo(): void {
    this.#times.touch()
    this.#goOn()
  }

  /** Answers may still be on their way: it is closed once none has come for a while. */
  onEnd(): void {
    this.#hasClientEnded = true
    if (this.#isEnding && this.#toClientBox.waiting === 0) this.#session.close('eof', 'relayed')
    else this.#waitForLast()
  }

  onClose(kind: CloseKind): void {
    this.#session.close(kind === 'reset' ? 'client-reset' : 'eof', 'relayed', 'gone')
  }

  onDeadline(): void {
    const { waiting } = this.#toClientBox
    if (!this.#isEnding && !this.#hasClientEnded) this.#times.expire()
    else if (waiting > 0 && waiting < this.#waitingBefore) this.#waitForLast()
    else this.#session.close('eof', 'relayed')
  }

  leave(): void {
    this.#attaching?.cancel()
    if (this.#slot !== undefined) this.#slot.link.detach(this.#slot)
    this.#slot = undefined
    this.#early.release()
    this.#toClientBox.release()
    this.#reader.close()
    this.#pending.close()
    this.#frames.close()
  }

  onAnswer(message: Uint8Array): void {
    if (this.#session.isClosed) return
    if (message.length === ERROR_LENGTH) this.#codec.writeError(read32le(message, 0) | 0, this.#framing.into)
    else this.#codec.writePacket(message, this.#framing)
  }

  onQuickAck(token: number): void {
    if (this.#session.isClosed) return
    this.#codec.writeQuickAck(token, this.#framing.into)
  }

  onAnswersEnd(): void {
    this.#session.guard(() => this.#sendFrames())
  }

  onTurn(quantumBytes: number): void {
    this.#session.guard(() => {
      this.#isWaitingForTurn = false
      this.#sendPending(quantumBytes)
      this.#goOn()
    })
  }

  onCloseExt(): void {
    this.#session.guard(() => {
      this.#slot = undefined
      this.#endBehindLast()
    })
  }

  /**
   * Between two frames a client can move: its session lives with its key, and Telegram sends again what was not confirmed.
   * But a request that was on its way may be lost, and nobody else would send that again: then the client had better know.
   */
  onLinkLost(): void {
    const isSure = this.#slot?.link.hasArrived(this.#batch) === true
    this.#slot = undefined
    this.#isWaitingForTurn = false
    this.#session.guard(() => {
      if (this.#isEnding) return
      if (this.#hasKey && isSure) this.#move()
      else this.#session.close('link-lost', 'relayed')
    })
  }

  #move(): void {
    const session = this.#session
    const { dc } = this.#opened
    this.#pause()
    this.#attaching = session.services.middle.attach(dc, this, {
      onAttached: (slot, waitMs) => {
        this.#attaching = undefined
        this.take(slot)
        this.#batch = 0
        session.services.emit({ kind: 'migrated', connection: session.id, dc, waitMs })
        session.guard(() => this.#goOn())
      },
      onFail: () => session.guard(() => session.close('link-lost', 'relayed')),
    })
  }

  #takePayload(payload: Uint8Array): void {
    const length = this.#session.passUp(payload.length)
    const granted = length === payload.length ? payload : payload.subarray(0, length)
    const verdict = this.#reader.push(this.#fromClient.update(granted), (frame) => this.#takeFrame(frame))
    if (this.#hasAdded) this.#sendAdded()
    if (verdict === 'bad') this.#session.close('bad-frame', 'relayed')
    else if (verdict === 'full') this.#session.close('overflow', 'relayed')
    else if (length < payload.length) this.#session.close('quota', 'relayed')
    else this.#goOn()
  }

  /** Straight on to the link where nothing stands in the way, else it waits. */
  #takeFrame(frame: Frame): void {
    if (this.#session.isClosed || frame.kind !== 'packet' || !isForwarded(frame.payload)) return
    const message = { bytes: frame.payload, quickAck: frame.quickAck }
    const slot = this.#slot
    if (slot !== undefined && this.#pending.length === 0 && !slot.link.isCongested) this.#add(message, slot)
    else if (!this.#pending.push(message)) this.#session.close('overflow', 'relayed')
  }

  /** Sends what is pending as far as the link has room, and reads on once nothing is. */
  #goOn(): void {
    if (this.#isEnding) return
    if (this.#slot !== undefined && !this.#isWaitingForTurn && this.#pending.length > 0) {
      if (this.#slot.link.isCongested) {
        this.#isWaitingForTurn = true
        this.#slot.link.waitForTurn(this.#slot)
      } else this.#sendPending(Infinity)
    }
    if (this.#session.isClosed) return
    if (this.#slot === undefined || this.#pending.length > 0 || this.#isBehind || this.#session.isHeld) this.#pause()
    else this.#resume()
  }

  /** At least one message, and more while they are within the quantum. */
  #sendPending(quantumBytes: number): void {
    const slot = this.#slot
    if (slot === undefined || this.#pending.length === 0) return
    let sentBytes = 0
    for (let next = this.#pending.first; next !== undefined; next = this.#pending.first) {
      if (sentBytes > 0 && sentBytes >= quantumBytes) break
      sentBytes += next.bytes.length
      this.#add(next, slot)
      this.#pending.shift()
    }
    this.#sendAdded()
  }

  #add(message: QueuedMessage, slot: LinkSlot): void {
    this.#hasAdded = true
    slot.link.add(this.#request(message, slot.id))
  }

  /** The link may end in it, and us with it. */
  #sendAdded(): void {
    const link = this.#slot?.link
    this.#hasAdded = false
    if (link === undefined) return
    this.#batch = link.nextBatch
    link.send()
  }

  #request({ bytes, quickAck }: QueuedMessage, id: number): ProxyReq {
    const { services, secret } = this.#session
    if (!isPlainMessage(bytes)) this.#hasKey = true
    const tag = secret === undefined ? undefined : services.secrets.get(secret)?.adTag
    return {
      kind: 'proxy-req',
      connection: BigInt(id),
      client: this.#client,
      own: this.#own,
      framing: this.#opened.framing,
      quickAck,
      message: bytes,
      ...(tag === undefined ? {} : { tag }),
    }
  }

  #sendFrames(): void {
    if (this.#frames.length === 0 || this.#session.isClosed) return
    this.#times.touch()
    const whole = this.#frames.length
    const length = this.#session.passDown(whole)
    let bytes = this.#toClient.update(this.#frames.bytes.subarray(0, length))
    this.#frames.release()
    if (this.#opened.records !== undefined) {
      const wrapped = scratchFor(this.#session.services.scratch, wrappedLength(bytes.length))
      bytes = wrapped.subarray(0, wrapRecords(bytes, wrapped))
    }
    if (!this.#toClientBox.send(bytes) || this.#toClientBox.waiting > WAITING_MAX_BYTES)
      this.#session.close('overflow', 'relayed')
    else if (length < whole) this.#session.close('quota', 'relayed')
    else if (this.#hasClientEnded) this.#waitForLast()
    else if (this.#isBehind) this.#pause()
  }

  /**
   * Where memory is short, whoever does not read its answers is not asked for more questions. Elsewhere it is read on: its
   * confirmations must get through, or Telegram sends all of it again on the next link.
   */
  get #isBehind(): boolean {
    const { waiting } = this.#toClientBox
    return waiting > 0 && this.#pool.isTight
  }

  /** Memory of the pool's or, for frames of this turn alone, of the runtime's: there is always some. */
  #extendFrames(length: number): Uint8Array {
    const at = this.#frames.extend(length)
    assert(at >= 0, 'frames are not written when the session is over')
    return this.#frames.held.subarray(at, at + length)
  }

  /** Nothing more will come: the client gets its FIN behind what waits for it. */
  #endBehindLast(): void {
    this.#isEnding = true
    this.#waitForLast()
    if (this.#toClientBox.waiting === 0) this.#session.client.end()
    this.#resume()
  }

  /** Until the client has taken all, as long as it takes some. */
  #waitForLast(): void {
    this.#waitingBefore = this.#toClientBox.waiting
    this.#session.setDeadline(LAST_MS)
  }

  #pause(): void {
    if (this.#isPaused) return
    this.#isPaused = true
    this.#session.client.pause()
  }

  #resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#session.client.resume()
  }
}

/** What the official proxy passes on: messages under a key, and those that agree on one. */
function isForwarded(message: Uint8Array): boolean {
  if (message.length < MESSAGE_MIN || message.length % 4 !== 0) return false
  if (!isPlainMessage(message)) return true
  const length = read32le(message, PLAIN_LENGTH_AT)
  return (
    length >= 20 && length <= message.length - PLAIN_BODY_AT && PLAIN_KINDS.includes(read32le(message, PLAIN_BODY_AT))
  )
}
