import type { Cancellable, CloseKind, Connection, DialFailure, Dialing, Handler } from '../../src/core/ports.ts'
import { concat, write32le } from '../../src/core/protocol/bytes.ts'
import { ctr, type StreamCipher } from '../../src/core/protocol/ctr.ts'
import { RecordReader } from '../../src/core/protocol/faketls/records.ts'
import { APPLICATION_DATA, CCS_RECORD, RANDOM_AT, SESSION_ID_AT } from '../../src/core/protocol/faketls/tls.ts'
import { FRAMINGS } from '../../src/core/protocol/framing/index.ts'
import { INIT_LENGTH, makeInit } from '../../src/core/protocol/obfuscated2.ts'
import { answerLength, isAnswer } from '../actors/fake-tls.ts'
import type { SeededRandom } from '../world/random.ts'
import { framedLength } from './counting-dc.ts'
import type { Stage } from './stage.ts'

/** What one connection is for; sizes in bytes. */
export interface Talk {
  readonly requests: number
  readonly requestBytes: number
  readonly answerBytes: number
  readonly thinkMs: number
  readonly holdMs: number
}

/** How it went. `connected`: as far as the first whole answer of the DC. */
export interface TalkEnd {
  readonly outcome: 'done' | 'moved' | 'turned-away' | 'no-answer' | 'stalled' | CloseKind | DialFailure
  readonly isConnected: boolean
  readonly startedAt: number
  readonly wantedBytes: number
  readonly gotBytes: number
}

export interface VisitorOptions {
  readonly stage: Stage
  readonly random: SeededRandom
  readonly key: Uint8Array
  readonly dc: number
  readonly hello: Uint8Array
  readonly talk: Talk
  /** How fast it reads; undefined: as it comes. */
  readonly readBytesPerSec?: number | undefined
  readonly onAnswered: (second: Uint8Array) => void
  /** Milliseconds from the dial to the first whole answer. */
  readonly onConnected: (ms: number) => void
  readonly onEnd: (end: TalkEnd) => void
}

/** Clients try another way when nothing came for this long; a download that stands still is given up later. */
const CONNECT_MS = 12_000
const STALL_MS = 30_000

/** A client by fake TLS that counts what it gets and does not look at it: thousands of them must be cheap. */
export class Visitor implements Handler {
  readonly #options: VisitorOptions
  readonly #records = new RecordReader({ isClient: true })
  readonly #startedAt: number
  #connection: Connection | undefined
  #seen: Uint8Array | undefined = new Uint8Array(0)
  #up: StreamCipher | undefined
  #timer: Cancellable
  #asked = 0
  #left = 0
  #gotBytes = 0
  #isConnected = false
  #isOver = false

  constructor(options: VisitorOptions) {
    this.#options = options
    const { world, pace } = options.stage
    this.#startedAt = world.now
    this.#timer = world.after(pace * CONNECT_MS, () => this.#leave('no-answer'))
  }

  readonly dialing: Dialing = {
    onOpen: (connection) => {
      this.#connection = connection
      if (this.#isOver) connection.reset()
      else connection.write(this.#options.hello)
      return this
    },
    onFail: (why) => this.#finish(why),
  }

  onData(chunk: Uint8Array): void {
    if (this.#isOver) return
    const payload = this.#seen === undefined ? this.#records.push(chunk) : this.#readAnswer(concat(this.#seen, chunk))
    if (payload === undefined) this.#leave('turned-away')
    else if (payload.length > 0) this.#count(payload.length)
    if (this.#options.readBytesPerSec !== undefined) this.#rest(chunk.length / this.#options.readBytesPerSec)
  }

  onDrain(): void {}

  onEnd(): void {
    this.#connection?.close()
    this.#finish('end')
  }

  onClose(kind: CloseKind): void {
    this.#finish(kind)
  }

  /** Has had enough. */
  stop(): void {
    this.#leave('done')
  }

  /** Goes on elsewhere, from another address. */
  move(): void {
    this.#leave('moved')
  }

  /** Reads no more for so long. */
  #rest(seconds: number): void {
    const connection = this.#connection
    connection?.pause()
    this.#options.stage.world.after(Math.ceil(1000 * seconds), () => connection?.resume())
  }

  #readAnswer(seen: Uint8Array): Uint8Array | undefined {
    this.#seen = seen
    const length = answerLength(seen)
    if (length === undefined) return new Uint8Array(0)
    const { hello, key, onAnswered, stage } = this.#options
    if (length === 0 || !isAnswer(seen.subarray(0, length), hello.subarray(RANDOM_AT, SESSION_ID_AT), key))
      return undefined
    this.#seen = undefined
    if (stage.hasTelegram) onAnswered(this.#ask())
    else this.#stay(onAnswered)
    return this.#records.push(seen.slice(length))
  }

  /** Sends the next request, the first behind the init; returns what went out. */
  #ask(): Uint8Array {
    const { random, key, dc, talk } = this.#options
    const payload = new Uint8Array(Math.max(8, talk.requestBytes & ~3))
    write32le(payload, 0, talk.answerBytes)
    let wire = FRAMINGS.padded.writePacket(payload, { side: 'client' })
    const pieces: Uint8Array[] = []
    if (this.#up === undefined) {
      const init = makeInit({ random, framing: 'padded', dc, secret: key, isInsideTls: true })
      this.#up = ctr(init.up, INIT_LENGTH)
      wire = concat(init.wire, this.#up.update(wire))
      pieces.push(CCS_RECORD)
    } else wire = this.#up.update(wire)
    const out = concat(...pieces, Uint8Array.of(APPLICATION_DATA, 3, 3, wire.length >> 8, wire.length & 0xff), wire)
    this.#connection?.write(out)
    this.#asked++
    this.#left = framedLength(talk.answerBytes)
    return out
  }

  #count(bytes: number): void {
    this.#gotBytes += bytes
    this.#left -= bytes
    const { stage, talk } = this.#options
    if (this.#left > 0) {
      if (this.#isConnected) this.#wait(stage.pace * STALL_MS, () => this.#leave('stalled'))
      return
    }
    this.#connected()
    if (this.#asked < talk.requests) this.#wait(talk.thinkMs, () => this.#next())
    else this.#wait(talk.holdMs, () => this.#leave('done'))
  }

  #connected(): void {
    if (this.#isConnected) return
    this.#isConnected = true
    const { stage, onConnected } = this.#options
    onConnected((stage.world.now - this.#startedAt) / stage.pace)
  }

  /** There is nobody to talk to: the proxy's answer is all there is. */
  #stay(onAnswered: VisitorOptions['onAnswered']): void {
    onAnswered(new Uint8Array(0))
    this.#connected()
    this.#wait(this.#options.talk.holdMs, () => this.#leave('done'))
  }

  #next(): void {
    this.#ask()
    this.#wait(this.#options.stage.pace * STALL_MS, () => this.#leave('stalled'))
  }

  #wait(ms: number, then: () => void): void {
    this.#timer.cancel()
    this.#timer = this.#options.stage.world.after(ms, then)
  }

  #leave(outcome: TalkEnd['outcome']): void {
    this.#connection?.close()
    this.#finish(outcome)
  }

  #finish(outcome: TalkEnd['outcome']): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#timer.cancel()
    const { talk, onEnd } = this.#options
    const wantedBytes = talk.requests * framedLength(talk.answerBytes)
    onEnd({
      outcome,
      isConnected: this.#isConnected,
      startedAt: this.#startedAt,
      wantedBytes,
      gotBytes: this.#gotBytes,
    })
  }
}
