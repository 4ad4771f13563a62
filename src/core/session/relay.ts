import { ctr, type StreamCipher } from '../protocol/ctr.ts'
import { wrapRecords, wrappedLength, type RecordReader } from '../protocol/faketls/records.ts'
import { INIT_LENGTH } from '../protocol/obfuscated2.ts'
import type { CipherKey, CloseKind, Connection, Handler } from '../ports.ts'
import type { Accumulator } from './accumulator.ts'
import type { Opened } from './opening.ts'
import { PipePair } from './pipe-pair.ts'
import { Pipe } from './pipe.ts'
import { RelayTimes } from './relay-times.ts'
import { scratchFor } from './services.ts'
import type { Session, Stage } from './session.ts'

/** What waits for a client when the DC is gone gets this long to be taken. */
const FLUSH_MS = 30_000

/**
 * Bytes both ways between an authenticated client and its DC. Uplink: unwrapped, deciphered, enciphered for the DC.
 * Downlink: what the DC encrypts is already what the client expects, so it passes as it is, or gets record headers.
 */
export class RelayStage implements Stage {
  readonly name = 'relay'
  /** For the DC's connection. */
  readonly dcHandler: Handler
  readonly #session: Session
  readonly #dc: Connection
  readonly #records: RecordReader | undefined
  readonly #fromClient: StreamCipher
  readonly #toDc: StreamCipher
  readonly #uplink: Pipe
  readonly #downlink: Pipe
  readonly #both: PipePair
  readonly #hasClientEnded: boolean
  readonly #init: Uint8Array
  readonly #early: Accumulator
  readonly #times: RelayTimes
  /** The DC is gone; only what waits for the client is left to do. */
  #isFlushing = false

  /** Takes over the DC's connection and `early`, what the client sent behind its init. */
  constructor(
    session: Session,
    dc: Connection,
    opened: Opened,
    init: { readonly wire: Uint8Array; readonly up: CipherKey },
    early: Accumulator,
  ) {
    const { pool, settings, network } = session.services
    const waitingMax = Math.max(0, settings.memory.perConnectionBytes - wrappedLength(network.readMaxBytes))
    this.#session = session
    this.#dc = dc
    this.#records = opened.records
    this.#hasClientEnded = opened.hasClientEnded
    this.#fromClient = ctr(opened.match.fromClient, INIT_LENGTH)
    this.#toDc = ctr(init.up, INIT_LENGTH)
    this.#uplink = new Pipe(session.client, dc, pool, waitingMax, session)
    this.#downlink = new Pipe(dc, session.client, pool, waitingMax, session)
    this.#both = new PipePair(this.#uplink, this.#downlink)
    this.#times = new RelayTimes(session)
    this.#init = init.wire
    this.#early = early
    this.dcHandler = new DcSide(session, this)
  }

  get waitingBytes(): number {
    return Math.max(this.#uplink.waiting, this.#downlink.waiting)
  }

  enter(): void {
    this.#times.arm()
    this.#greet()
    if (this.#session.isClosed) return
    if (this.#hasClientEnded) this.onEnd()
    else if (!this.#session.isHeld) this.#session.client.resume()
  }

  onData(chunk: Uint8Array): void {
    this.#times.touch()
    const payload = this.#records === undefined ? chunk : this.#records.push(chunk)
    if (payload === undefined) this.#session.close('bad-record', 'relayed')
    else if (payload.length > 0) this.#sendUp(payload)
  }

  onDrain(): void {
    this.#downlink.drain()
    this.#closeIfDone()
  }

  onEnd(): void {
    this.#uplink.end()
    this.#closeIfDone()
  }

  onClose(kind: CloseKind): void {
    if (kind === 'reset') this.#session.close('client-reset', 'relayed', 'gone')
    else this.#closeIfDone()
  }

  onDcData(chunk: Uint8Array): void {
    this.#times.touch()
    const length = this.#session.passDown(chunk.length)
    let bytes = length === chunk.length ? chunk : chunk.subarray(0, length)
    if (this.#records !== undefined) {
      const wrapped = scratchFor(this.#session.services.scratch, wrappedLength(length))
      bytes = wrapped.subarray(0, wrapRecords(bytes, wrapped))
    }
    if (!this.#downlink.push(bytes)) this.#session.close('overflow', 'relayed')
    else if (length < chunk.length) this.#session.close('quota', 'relayed')
  }

  onDcDrain(): void {
    this.#uplink.drain()
    this.#closeIfDone()
  }

  onDcEnd(): void {
    this.#downlink.end()
    this.#closeIfDone()
  }

  onDcClose(kind: CloseKind): void {
    if (kind === 'end') {
      this.#closeIfDone()
      return
    }
    if (this.#downlink.waiting === 0) {
      this.#session.close('dc-reset', 'relayed')
      return
    }
    this.#isFlushing = true
    this.#downlink.end()
    this.#session.setDeadline(FLUSH_MS)
  }

  onDeadline(): void {
    if (this.#isFlushing) this.#session.close('dc-reset', 'relayed')
    else this.#times.expire()
  }

  giveWay(): void {
    this.#session.close('overflow', 'relayed')
  }

  hold(): void {
    this.#both.hold()
  }

  letGo(): void {
    this.#times.touch()
    this.#both.letGo()
  }

  leave(): void {
    this.#early.release()
    this.#uplink.release()
    this.#downlink.release()
    this.#dc.close()
  }

  /** Our init and the client's first bytes in one write: one packet on the way to the DC. */
  #greet(): void {
    const length = this.#session.passUp(this.#early.length)
    const isCut = length < this.#early.length
    const early = this.#toDc.update(this.#fromClient.update(this.#early.bytes.subarray(0, length)))
    const first = new Uint8Array(this.#init.length + early.length)
    first.set(this.#init)
    first.set(early, this.#init.length)
    this.#early.release()
    if (!this.#uplink.push(first)) this.#session.close('overflow', 'relayed')
    else if (isCut) this.#session.close('quota', 'relayed')
  }

  #sendUp(payload: Uint8Array): void {
    const length = this.#session.passUp(payload.length)
    const bytes = length === payload.length ? payload : payload.subarray(0, length)
    if (!this.#uplink.push(this.#toDc.update(this.#fromClient.update(bytes))))
      this.#session.close('overflow', 'relayed')
    else if (length < payload.length) this.#session.close('quota', 'relayed')
  }

  #closeIfDone(): void {
    if (!this.#downlink.isFinished) return
    if (this.#isFlushing) this.#session.close('dc-reset', 'relayed')
    else if (this.#uplink.isFinished) this.#session.close('eof', 'relayed')
  }
}

/** The DC's side of a relay, as a handler; a class, because one exists per connection. */
class DcSide implements Handler {
  readonly #session: Session
  readonly #relay: RelayStage

  constructor(session: Session, relay: RelayStage) {
    this.#session = session
    this.#relay = relay
  }

  onData(chunk: Uint8Array): void {
    try {
      this.#relay.onDcData(chunk)
    } catch (error) {
      this.#session.fault(error)
    }
  }

  onDrain(): void {
    try {
      this.#relay.onDcDrain()
    } catch (error) {
      this.#session.fault(error)
    }
  }

  onEnd(): void {
    try {
      this.#relay.onDcEnd()
    } catch (error) {
      this.#session.fault(error)
    }
  }

  onClose(kind: CloseKind): void {
    try {
      this.#relay.onDcClose(kind)
    } catch (error) {
      this.#session.fault(error)
    }
  }
}
