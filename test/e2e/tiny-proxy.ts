import { createHmac, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { concat } from '../../src/core/protocol/bytes.ts'
import { ctr } from '../../src/core/protocol/ctr.ts'
import { readClientHello } from '../../src/core/protocol/faketls/client-hello.ts'
import { RecordReader } from '../../src/core/protocol/faketls/records.ts'
import { ANSWER_RANDOM_AT, makeAnswer } from '../../src/core/protocol/faketls/server-hello.ts'
import { SESSION_ID_AT } from '../../src/core/protocol/faketls/tls.ts'
import {
  decryptInit,
  INIT_LENGTH,
  makeInit,
  rawKeys,
  readInit,
  withSecret,
} from '../../src/core/protocol/obfuscated2.ts'
import { x25519Public } from '../../src/core/protocol/x25519.ts'
import { tryOn } from '../../src/vault/trial.ts'
import { SystemRandom } from '../../src/runtime/random.ts'
import { isOnCurve } from '../../sim/conformance/groups/fake-tls.ts'

/** What other proxies are known to do wrong, each for itself. */
export type Flaw =
  | 'resets-strangers'
  | 'speaks-first'
  | 'names-itself'
  | 'takes-recordings'
  | 'takes-any-time'
  | 'takes-any-host'
  | 'wants-one-segment'
  | 'share-off-curve'
  | 'own-session-id'
  | 'changes-a-byte'
  | 'alerts-strangers'
  | 'late-to-strangers'
  | 'loses-early-words'
  | 'few-at-once'

export interface TinyOptions {
  /** 16 bytes, for fake TLS. */
  readonly key: Uint8Array
  readonly domain: string
  readonly telegramPort: number
  readonly maskPort: number
  readonly flaw?: Flaw
}

const RECORD_MAX = 16_384
/** An alert of TLS that sites seldom have a reason for. */
const INTERNAL_ERROR = Uint8Array.of(0x15, 3, 3, 0, 2, 2, 80)
/** Those who mean to say something have said it by then. */
const SPEAKS_AFTER_MS = 500
const SKEW_SEC = 600
const LATE_MS = 3000
const FEW = 50
/** Far enough behind a handshake and its first answers. */
const CHANGED_AT = 700_000

/** A fake-TLS proxy as small as one can be that does everything right, but for its flaw. */
export class TinyProxy {
  readonly #options: TinyOptions
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #seen = new Set<string>()

  private constructor(options: TinyOptions) {
    this.#options = options
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#greet(client))
  }

  static async start(options: TinyOptions): Promise<TinyProxy> {
    const proxy = new TinyProxy(options)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #greet(client: Socket): void {
    this.#keep(client)
    const { flaw } = this.#options
    if (flaw === 'few-at-once' && this.#sockets.size > FEW) return void client.destroy()
    const speaking = flaw === 'speaks-first' ? setTimeout(() => client.write('\r\n'), SPEAKS_AFTER_MS) : undefined
    let seen: Uint8Array = new Uint8Array(0)
    const onData = (chunk: Uint8Array) => {
      clearTimeout(speaking)
      seen = concat(seen, chunk)
      const read = readClientHello(seen)
      if (read.state === 'more' && flaw !== 'wants-one-segment') return
      client.off('data', onData).off('end', onEnd)
      const answer = read.state === 'hello' ? this.#answerTo(read.hello) : undefined
      if (answer === undefined) this.#turnAway(client, seen)
      else {
        client.write(answer)
        const isLost = flaw === 'loses-early-words' || read.state !== 'hello'
        this.#serve(client, isLost ? new Uint8Array(0) : seen.slice(read.consumed))
      }
    }
    const onEnd = () => {
      client.off('data', onData)
      this.#turnAway(client, seen, true)
    }
    client.on('data', onData).on('end', onEnd)
  }

  /** Undefined for a stranger. */
  #answerTo(hello: Parameters<typeof makeAnswer>[0]['hello']): Uint8Array | undefined {
    const { key, domain, flaw } = this.#options
    const use = { hmac: (parts: readonly Uint8Array[]) => hmac(key, ...parts), digest: () => new Uint8Array(32) }
    const match = tryOn(
      { kind: 'client-hello', record: hello.record, random: hello.random },
      { id: 1, generation: 0 },
      use,
    )
    if (match?.kind !== 'client-hello') return undefined
    const identity = Buffer.from(hello.random.subarray(0, 28)).toString('hex')
    const isRecorded = this.#seen.has(identity)
    const isLate = Math.abs(Date.now() / 1000 - match.stamp) > SKEW_SEC
    if (isRecorded && flaw !== 'takes-recordings') return undefined
    if (isLate && flaw !== 'takes-any-time') return undefined
    if (hello.sni !== domain && flaw !== 'takes-any-host') return undefined
    this.#seen.add(identity)
    const shape = { cipherSuite: undefined, extensionOrder: [0x2b, 0x33], recordBytes: 2800 }
    const share = flaw === 'share-off-curve' ? offCurve() : x25519Public(randomBytes(32))
    const answer = makeAnswer({ hello, share, shape, random: new SystemRandom() })
    if (flaw === 'own-session-id') answer.set(randomBytes(32), SESSION_ID_AT + 1)
    answer.set(hmac(key, hello.random, answer), ANSWER_RANDOM_AT)
    return answer
  }

  #serve(client: Socket, rest: Uint8Array): void {
    const { key, telegramPort, flaw } = this.#options
    const records = new RecordReader()
    const dc = this.#keep(connect({ port: telegramPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true }))
    let pending: Uint8Array = new Uint8Array(0)
    let up: ((plain: Uint8Array) => void) | undefined
    let passed = 0
    const take = (chunk: Uint8Array) => {
      const payload = records.push(chunk)
      if (payload === undefined) return void client.destroy()
      if (up !== undefined) return up(payload)
      pending = concat(pending, payload)
      if (pending.length < INIT_LENGTH) return
      const raw = rawKeys(pending)
      const fromClient = withSecret(raw.up, key)
      const init = readInit(decryptInit(pending, fromClient))
      if (init === undefined) return void client.destroy()
      const toDc = makeInit({ random: new SystemRandom(), framing: init.framing, dc: init.dc })
      const [clientUp, dcUp] = [ctr(fromClient, INIT_LENGTH), ctr(toDc.up, INIT_LENGTH)]
      const [dcDown, clientDown] = [ctr(toDc.down), ctr(withSecret(raw.down, key))]
      dc.write(toDc.wire)
      up = (bytes) => void dc.write(dcUp.update(clientUp.update(bytes)))
      dc.on('data', (bytes) => {
        const plain = clientDown.update(dcDown.update(bytes))
        if (flaw === 'changes-a-byte' && passed <= CHANGED_AT && passed + plain.length > CHANGED_AT) plain[0] ^= 1
        passed += plain.length
        for (let at = 0; at < plain.length; at += RECORD_MAX)
          client.write(recordOf(plain.subarray(at, at + RECORD_MAX)))
      })
      if (pending.length > INIT_LENGTH) up(pending.slice(INIT_LENGTH))
    }
    client.on('data', take)
    couple(client, dc)
    if (rest.length > 0) take(rest)
  }

  #turnAway(client: Socket, seen: Uint8Array, hasEnded = false): void {
    const { flaw } = this.#options
    if (flaw === 'resets-strangers') return void client.resetAndDestroy()
    if (flaw === 'names-itself') client.write('400 this is an MTProto proxy\r\n')
    if (flaw === 'late-to-strangers') {
      client.pause()
      setTimeout(() => this.#showSite(client, seen, hasEnded), LATE_MS)
      return
    }
    if (flaw === 'alerts-strangers') return void client.end(INTERNAL_ERROR)
    this.#showSite(client, seen, hasEnded)
  }

  #showSite(client: Socket, seen: Uint8Array, hasEnded: boolean): void {
    const { maskPort } = this.#options
    const site = this.#keep(connect({ port: maskPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true }))
    site.write(seen)
    if (hasEnded) site.end()
    client.on('data', (chunk) => site.write(chunk)).resume()
    site.on('data', (chunk) => client.write(chunk))
    couple(client, site)
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket)).on('error', () => {})
    return socket
  }
}

/** What one side ends, the other ends. */
function couple(a: Socket, b: Socket): void {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ]) {
    from.on('end', () => to.end())
    from.on('close', (isBroken) => (isBroken ? to.resetAndDestroy() : to.end()))
  }
}

function recordOf(payload: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(0x17, 3, 3, payload.length >> 8, payload.length & 0xff), payload)
}

function hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const mac = createHmac('sha256', key)
  for (const part of parts) mac.update(part)
  return mac.digest()
}

/** As a proxy sends it that takes any 32 bytes for a key. */
function offCurve(): Uint8Array {
  for (;;) {
    const bytes = randomBytes(32)
    if (!isOnCurve(bytes)) return bytes
  }
}
