import type { Connection, Handler } from '../../src/core/ports.ts'
import { concat, read32le } from '../../src/core/protocol/bytes.ts'
import { ctr, type StreamCipher } from '../../src/core/protocol/ctr.ts'
import { FRAMINGS, type FrameReader } from '../../src/core/protocol/framing/index.ts'
import { decryptInit, INIT_LENGTH, rawKeys, readInit } from '../../src/core/protocol/obfuscated2.ts'

/** An answer goes out as this many bytes at a time, each piece a write of its own. */
const PIECE_BYTES = 32_768
const FRAME_HEADER = 4

/** Bytes on the wire of an answer of that many. */
export function framedLength(answerBytes: number): number {
  return answerBytes + FRAME_HEADER
}

/** Told of what comes to a DC. */
export interface DcWatch {
  /** Somebody has said which DC is meant, 1..5 or another number; false: there will be no answer. */
  onInit(connection: Connection, dc: number): boolean
  /** It is gone, by no call of ours. */
  onGone(connection: Connection): void
}

/**
 * A DC whose answers have the length that was asked for and no content: a proxy that passes downloads on unread never deciphers
 * them, and whoever counts bytes need not either. That the bytes are right is shown by the seeded runs.
 */
export class CountingDc {
  /** Bytes it was asked for and has sent. */
  sentBytes = 0
  readonly watch: DcWatch | undefined

  constructor(watch?: DcWatch) {
    this.watch = watch
  }

  readonly accept = (connection: Connection): Handler => new CountingDcConnection(this, connection)
}

class CountingDcConnection implements Handler {
  readonly #dc: CountingDc
  readonly #connection: Connection
  #seen: Uint8Array | undefined = new Uint8Array(0)
  #up: StreamCipher | undefined
  #reader: FrameReader | undefined
  #owedBytes = 0

  constructor(dc: CountingDc, connection: Connection) {
    this.#dc = dc
    this.#connection = connection
  }

  onData(chunk: Uint8Array): void {
    if (this.#seen === undefined) {
      this.#read(chunk)
      return
    }
    this.#seen = concat(this.#seen, chunk)
    if (this.#seen.length < INIT_LENGTH) return
    const seen = this.#seen
    const keys = rawKeys(seen)
    const init = readInit(decryptInit(seen, keys.up))
    this.#seen = undefined
    if (init === undefined) return
    // Media are asked for at the same DC, by its number below zero.
    if (this.#dc.watch?.onInit(this.#connection, Math.abs(init.dc)) === false) return
    this.#up = ctr(keys.up, INIT_LENGTH)
    this.#reader = FRAMINGS[init.framing].reader()
    if (seen.length > INIT_LENGTH) this.#read(seen.subarray(INIT_LENGTH))
  }

  onDrain(): void {
    this.#send()
  }

  onEnd(): void {
    this.#connection.end()
  }

  onClose(): void {
    this.#owedBytes = 0
    this.#dc.watch?.onGone(this.#connection)
  }

  #read(chunk: Uint8Array): void {
    if (this.#up === undefined) return
    this.#reader?.push(this.#up.update(chunk), (frame) => {
      if (frame.kind === 'packet') this.#owedBytes += framedLength(read32le(frame.payload, 0))
    })
    this.#send()
  }

  #send(): void {
    while (this.#owedBytes > 0) {
      const length = Math.min(PIECE_BYTES, this.#owedBytes)
      const taken = this.#connection.write(ZEROS.subarray(0, length))
      this.#owedBytes -= taken
      this.#dc.sentBytes += taken
      if (taken < length) return
    }
  }
}

const ZEROS = new Uint8Array(PIECE_BYTES)
