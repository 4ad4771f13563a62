import type { Cancellable, Connection, Handler } from '../../src/core/ports.ts'
import { concat, fromAscii, read16, write16, write24 } from '../../src/core/protocol/bytes.ts'
import { ctr } from '../../src/core/protocol/ctr.ts'
import { readClientHello, type ClientHello } from '../../src/core/protocol/faketls/client-hello.ts'
import { APPLICATION_DATA, CCS_RECORD, CHANGE_CIPHER_SPEC, ENCRYPTED_MAX } from '../../src/core/protocol/faketls/tls.ts'
import {
  EXTENSION,
  GROUP,
  HANDSHAKE,
  RECORD_HEADER,
  SERVER_HELLO,
  TLS_1_3,
} from '../../src/core/protocol/faketls/tls.ts'
import { sha256 } from './crypto.ts'
import { SendQueue } from './send-queue.ts'

export interface MaskSiteOptions {
  /** Sets two sites apart that are asked the same. */
  readonly name: string
  /** Chosen when the client offers it, else the first of TLS 1.3 that it does. */
  readonly cipherSuite?: number
  /** Types of the ServerHello's extensions in their order. */
  readonly extensionOrder?: readonly number[]
  /** Body lengths of the encrypted records behind the ServerHello: extensions, certificate, its proof, finished. */
  readonly flightBytes?: readonly number[]
  /** For what a site does when nothing happens. Without it, it waits for ever. */
  readonly after?: (ms: number, run: () => void) => Cancellable
}

/** nginx's defaults: client_header_timeout, keepalive_timeout, lingering_time. */
const SILENCE_MS = 60_000
const KEEPALIVE_MS = 75_000
const LINGER_MS = 30_000
const TLS_AES_256_GCM_SHA384 = 0x1302
/** As OpenSSL sends them with one certificate of an intermediate authority. */
const USUAL_FLIGHT = [42, 2790, 281, 69]
const USUAL_ORDER = [EXTENSION.supportedVersions, EXTENSION.keyShare]
const WAITING_MAX_BYTES = 1 << 20
const HELLO_MAX_BYTES = 16_389
/** Under a handshake key an alert of 2 bytes has 17 more of type and tag. */
const SEALED_ALERT_BYTES = 19
/** What each request is answered with, in a record. */
export const PAGE_BYTES = 1460
const ALERT = { handshakeFailure: 40, decodeError: 50 } as const

const BAD_REQUEST_PAGE =
  '<html>\r\n<head><title>400 Bad Request</title></head>\r\n<body>\r\n<center><h1>400 Bad Request</h1></center>\r\n' +
  '<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n'
const BAD_REQUEST = fromAscii(
  `HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nContent-Type: text/html\r\nContent-Length: ${BAD_REQUEST_PAGE.length}\r\n` +
    `Connection: close\r\n\r\n${BAD_REQUEST_PAGE}`,
)

/**
 * A web site over TLS 1.3 as somebody sees it who cannot read what is encrypted. Its bytes are a function of its name and of
 * what it was asked, so that a talk with it through a proxy can be compared, byte by byte, with the same talk without.
 */
export class MaskSite {
  connections = 0
  readonly options: MaskSiteOptions

  constructor(options: MaskSiteOptions) {
    this.options = options
  }

  readonly accept = (connection: Connection): Handler => {
    this.connections++
    return new SiteConnection(this.options, connection)
  }
}

type State =
  | { readonly name: 'hello' }
  /** Our flight is out; records come that we take for finished and requests. */
  | { readonly name: 'records'; readonly cipher: (length: number) => Uint8Array; isFinished: boolean }
  /** All is said; what still comes is read and thrown away, so that no RST overtakes the last words. */
  | { readonly name: 'lingering' }

class SiteConnection implements Handler {
  readonly #options: MaskSiteOptions
  readonly #connection: Connection
  readonly #queue: SendQueue
  #state: State = { name: 'hello' }
  #seen: Uint8Array = new Uint8Array(0)
  #timer: Cancellable | undefined

  constructor(options: MaskSiteOptions, connection: Connection) {
    this.#options = options
    this.#connection = connection
    this.#queue = new SendQueue(connection, WAITING_MAX_BYTES)
    this.#wait(SILENCE_MS, () => connection.close())
  }

  onData(chunk: Uint8Array): void {
    if (this.#state.name === 'lingering') return
    this.#seen = concat(this.#seen, chunk)
    if (this.#state.name === 'hello') this.#readHello()
    if (this.#state.name === 'records') this.#readRecords(this.#state)
  }

  onDrain(): void {
    this.#queue.pump()
  }

  onEnd(): void {
    this.#timer?.cancel()
    this.#queue.end()
  }

  onClose(): void {
    this.#timer?.cancel()
  }

  #readHello(): void {
    const read = readClientHello(this.#seen)
    if (read.state === 'more') return
    if (read.state === 'not-tls') this.#leave(BAD_REQUEST)
    else if (read.state === 'bad') this.#leave(alert(ALERT.decodeError))
    else if (!read.hello.keyShareGroups.includes(GROUP.x25519)) this.#leave(alert(ALERT.handshakeFailure))
    else {
      const asked = this.#seen.subarray(0, Math.min(read.consumed, HELLO_MAX_BYTES))
      const cipher = keyStream(sha256(fromAscii(this.#options.name), asked))
      this.#queue.push(firstFlight(read.hello, cipher, this.#options))
      this.#seen = this.#seen.slice(read.consumed)
      this.#state = { name: 'records', cipher, isFinished: false }
    }
  }

  #readRecords(state: State & { readonly name: 'records' }): void {
    while (this.#seen.length >= RECORD_HEADER) {
      const length = read16(this.#seen, 3)
      const isKnown = this.#seen[0] === APPLICATION_DATA || this.#seen[0] === CHANGE_CIPHER_SPEC
      if (!isKnown || length === 0 || length > ENCRYPTED_MAX) {
        this.#leave(record(state.cipher(SEALED_ALERT_BYTES)))
        return
      }
      if (this.#seen.length < RECORD_HEADER + length) return
      const isData = this.#seen[0] === APPLICATION_DATA
      this.#seen = this.#seen.slice(RECORD_HEADER + length)
      if (isData && state.isFinished) this.#queue.push(record(state.cipher(PAGE_BYTES)))
      if (isData) state.isFinished = true
      this.#wait(KEEPALIVE_MS, () => this.#leave(record(state.cipher(SEALED_ALERT_BYTES))))
    }
  }

  /** Last words, FIN, and some time for the peer to hear them. */
  #leave(words: Uint8Array): void {
    this.#state = { name: 'lingering' }
    this.#seen = new Uint8Array(0)
    this.#queue.push(words)
    this.#queue.end()
    this.#wait(LINGER_MS, () => this.#connection.close())
  }

  #wait(ms: number, run: () => void): void {
    this.#timer?.cancel()
    this.#timer = this.#options.after?.(ms, run)
  }
}

/** Endless bytes that look enciphered, each call going on where the last one ended. */
function keyStream(key: Uint8Array): (length: number) => Uint8Array {
  const cipher = ctr({ key, iv: new Uint8Array(16) })
  return (length) => cipher.update(new Uint8Array(length))
}

function firstFlight(
  hello: ClientHello,
  cipher: (length: number) => Uint8Array,
  { cipherSuite = TLS_AES_256_GCM_SHA384, extensionOrder = USUAL_ORDER, flightBytes = USUAL_FLIGHT }: MaskSiteOptions,
): Uint8Array {
  const offered = hello.cipherSuites
  const suite = offered.includes(cipherSuite) ? cipherSuite : (offered.find((it) => it >> 8 === 0x13) ?? cipherSuite)
  const extensions = concat(...extensionOrder.map((type) => extension(type, cipher)))
  const random = cipher(32)
  const sessionId = concat(Uint8Array.of(hello.sessionId.length), hello.sessionId)
  const fixed = concat(Uint8Array.of(3, 3), random, sessionId, word(suite), Uint8Array.of(0), word(extensions.length))
  const body = concat(Uint8Array.of(SERVER_HELLO, 0, 0, 0), fixed, extensions)
  write24(body, 1, body.length - 4)
  return concat(record(body, HANDSHAKE), CCS_RECORD, ...flightBytes.map((length) => record(cipher(length))))
}

function extension(type: number, cipher: (length: number) => Uint8Array): Uint8Array {
  const data = type === EXTENSION.keyShare ? concat(word(GROUP.x25519), word(32), cipher(32)) : word(TLS_1_3)
  return concat(word(type), word(data.length), data)
}

function record(body: Uint8Array, type = APPLICATION_DATA): Uint8Array {
  return concat(Uint8Array.of(type, 3, 3), word(body.length), body)
}

function alert(description: number): Uint8Array {
  return Uint8Array.of(0x15, 3, 3, 0, 2, 2, description)
}

function word(value: number): Uint8Array {
  const bytes = new Uint8Array(2)
  write16(bytes, 0, value)
  return bytes
}
