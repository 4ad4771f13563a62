import { parseIp } from '../address.ts'
import type { Address, Cancellable, Connection, Dialing, Handler, Network } from '../ports.ts'
import { concat } from '../protocol/bytes.ts'

/** RFC 1928 (SOCKS5) and RFC 1929 (user and password), as a client that connects to IP addresses. */
export interface Socks5Server {
  readonly server: Address
  /** Empty: no authentication is offered. With the password at most 255 bytes each, as UTF-8. */
  readonly user: string
  readonly password: string
}

const UTF8 = new TextEncoder()
const VERSION = 5
const NO_AUTHENTICATION = 0
const USER_AND_PASSWORD = 2
const AUTHENTICATION_VERSION = 1
const CONNECT = 1
const IPV4 = 1
const NAME = 3
const IPV6 = 4
const GRANTED = 0
/** The longest answer: version, status, reserved, type, a name of 255 bytes with its length, port. */
const ANSWER_MAX = 4 + 1 + 255 + 2

/** As `network.dial`, by way of the SOCKS5 server. `onOpen` comes when the way to `address` is open. */
export function dialBySocks5(network: Network, socks5: Socks5Server, address: Address, dialing: Dialing): Cancellable {
  let stage: Negotiation | undefined
  const dial = network.dial(socks5.server, {
    onOpen(connection) {
      stage = new Negotiation(connection, socks5, address, dialing)
      return stage
    },
    onFail: (why) => dialing.onFail(why),
  })
  return {
    cancel() {
      dial.cancel()
      stage?.cancel()
    },
  }
}

type Step = 'method' | 'authentication' | 'answer' | 'done'

/** The exchange before the connection is the DC's. Parses exactly: what follows the answer belongs to the DC. */
class Negotiation implements Handler {
  readonly #connection: Connection
  readonly #socks5: Socks5Server
  readonly #address: Address
  readonly #dialing: Dialing
  #step: Step = 'method'
  #seen: Uint8Array = new Uint8Array(0)

  constructor(connection: Connection, socks5: Socks5Server, address: Address, dialing: Dialing) {
    this.#connection = connection
    this.#socks5 = socks5
    this.#address = address
    this.#dialing = dialing
    // Messages of this size always fit into a fresh socket's buffer.
    connection.write(Uint8Array.of(VERSION, 1, socks5.user === '' ? NO_AUTHENTICATION : USER_AND_PASSWORD))
  }

  cancel(): void {
    if (this.#step === 'done') return
    this.#step = 'done'
    this.#connection.reset()
  }

  onData(chunk: Uint8Array): void {
    if (this.#step === 'done') return
    this.#seen = concat(this.#seen, chunk)
    while (this.#advance()) continue
  }

  onDrain(): void {}

  onEnd(): void {
    this.#fail()
  }

  onClose(): void {
    if (this.#step === 'done') return
    this.#step = 'done'
    this.#dialing.onFail('error')
  }

  /** Handles one message if it is complete; true when there may be another. */
  #advance(): boolean {
    const seen = this.#seen
    switch (this.#step) {
      case 'method':
        if (seen.length < 2) return false
        if (seen[0] !== VERSION) return this.#fail()
        this.#drop(2)
        if (seen[1] === USER_AND_PASSWORD && this.#socks5.user !== '') return this.#authenticate()
        return seen[1] === NO_AUTHENTICATION ? this.#connect() : this.#fail()
      case 'authentication':
        if (seen.length < 2) return false
        if (seen[1] !== GRANTED) return this.#fail()
        this.#drop(2)
        return this.#connect()
      case 'answer':
        return this.#answer(seen)
      case 'done':
        return false
    }
  }

  #authenticate(): true {
    const user = UTF8.encode(this.#socks5.user)
    const password = UTF8.encode(this.#socks5.password)
    this.#step = 'authentication'
    this.#connection.write(
      concat(Uint8Array.of(AUTHENTICATION_VERSION, user.length), user, Uint8Array.of(password.length), password),
    )
    return true
  }

  #connect(): boolean {
    const ip = parseIp(this.#address.ip)
    if (ip === undefined) return this.#fail()
    const { port } = this.#address
    const head = Uint8Array.of(VERSION, CONNECT, 0, ip.length === 4 ? IPV4 : IPV6)
    this.#step = 'answer'
    this.#connection.write(concat(head, ip, Uint8Array.of(port >> 8, port & 0xff)))
    return true
  }

  #answer(seen: Uint8Array): boolean {
    if (seen.length < 5) return false
    const length = answerLength(seen)
    if (seen[0] !== VERSION || seen[1] !== GRANTED || length === undefined || length > ANSWER_MAX) return this.#fail()
    if (seen.length < length) return false
    this.#drop(length)
    this.#step = 'done'
    const connection = this.#connection
    const handler = this.#dialing.onOpen(connection)
    connection.handler = handler
    if (this.#seen.length > 0) handler.onData(this.#seen)
    return false
  }

  #drop(count: number): void {
    this.#seen = this.#seen.slice(count)
  }

  #fail(): false {
    if (this.#step === 'done') return false
    this.#step = 'done'
    this.#connection.reset()
    this.#dialing.onFail('refused')
    return false
  }
}

function answerLength(seen: Uint8Array): number | undefined {
  switch (seen[3]) {
    case IPV4:
      return 4 + 4 + 2
    case IPV6:
      return 4 + 16 + 2
    case NAME:
      return 4 + 1 + seen[4] + 2
    default:
      return undefined
  }
}
