/**
 * mtcute, a Telegram client library, as a child program: a full key exchange through one proxy, then a download.
 *
 *     node mtcute.ts '{"server":"127.0.0.1","port":443,"secret":"ee..","publicKeyPem":"..","fileId":"7","bytes":33554432}'
 *
 * Prints one JSON line each for what happens: `{"event":"connected"}`, `{"event":"progress","bytes":N}` and at the end
 * `{"event":"done","bytes":N,"sha256":"..","connections":1}` or `{"event":"failed","error":".."}`. With `pauseAtBytes` it prints
 * `{"event":"paused"}` there, with the connection open, and goes on when a line comes on stdin.
 *
 * The library's own parts do the fake TLS, the obfuscation, the framings and MTProto. Ours are the two ends it leaves open: a
 * TCP connection and a crypto provider.
 */
import { createCipheriv, createHash, createHmac, pbkdf2, randomFillSync } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { createRequire } from 'node:module'
import { deflateSync, gunzipSync } from 'node:zlib'
import { ConnectionClosedError } from '@fuman/net'
import { BaseMtProxyTransport, Long, MemoryStorage, MtClient, type ICorePlatform } from '@mtcute/core'
import { addPublicKey, BaseCryptoProvider, type ICryptoProvider } from '@mtcute/core/utils.js'
import { ige256Decrypt, ige256Encrypt, initSync } from '@mtcute/wasm'

type TcpConnection = Awaited<ReturnType<BaseMtProxyTransport['_connectTcp']>>

interface Order {
  readonly server: string
  readonly port: number
  readonly secret: string
  /** PKCS#1, which is what mtcute's `addPublicKey` reads. */
  readonly publicKeyPem: string
  readonly dc?: number
  readonly fileId: string
  readonly bytes: number
  readonly pauseAtBytes?: number
}

/** At most this much is asked for at once: the protocol's limit for one `upload.getFile`. */
const PART_BYTES = 1 << 20
const PARTS_IN_FLIGHT = 4

/** Reads on demand, so that a client that does not read holds the proxy back as a real one would. */
class NodeConnection implements TcpConnection {
  readonly #socket: Socket
  #rest: Uint8Array = new Uint8Array(0)

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('error', () => {})
  }

  get localAddress() {
    return { address: this.#socket.localAddress ?? '', port: this.#socket.localPort ?? 0 }
  }
  get remoteAddress() {
    return { address: this.#socket.remoteAddress ?? '', port: this.#socket.remotePort ?? 0 }
  }
  setNoDelay(isOn: boolean): void {
    this.#socket.setNoDelay(isOn)
  }
  setKeepAlive(isOn: boolean): void {
    this.#socket.setKeepAlive(isOn)
  }
  close(): void {
    this.#socket.destroy()
  }

  /** At least one byte. The end is an error, as the library's own connections have it: then it connects again. */
  async read(into: Uint8Array): Promise<number> {
    while (this.#rest.length === 0) {
      const chunk = this.#socket.read() as Uint8Array | null
      if (chunk !== null) this.#rest = chunk
      else if (this.#socket.readableEnded || this.#socket.destroyed) throw new ConnectionClosedError()
      else await firstOf(this.#socket, ['readable', 'end', 'close'])
    }
    const length = Math.min(into.length, this.#rest.length)
    into.set(this.#rest.subarray(0, length))
    this.#rest = this.#rest.subarray(length)
    return length
  }

  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) =>
      this.#socket.write(bytes, (error) => (error == null ? resolve() : reject(error))),
    )
  }
}

function firstOf(socket: Socket, events: readonly string[]): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      for (const event of events) socket.off(event, done)
      resolve()
    }
    for (const event of events) socket.on(event, done)
  })
}

let connections = 0

class ProxyTransport extends BaseMtProxyTransport {
  /**
   * The library's fake-TLS codec forgets to reset what is inside it: cut off within a frame, it would take the first bytes of the
   * next connection for the rest of that frame, and never understand another one.
   */
  override packetCodec(dc: Parameters<BaseMtProxyTransport['packetCodec']>[0]) {
    const codec = super.packetCodec(dc)
    const reset = codec.reset.bind(codec)
    codec.reset = () => {
      reset()
      ;(codec as unknown as { readonly _inner: { reset(): void } })._inner.reset()
    }
    return codec
  }

  async _connectTcp(endpoint: { address: string; port: number }): Promise<TcpConnection> {
    connections += 1
    const socket = connect({ host: endpoint.address, port: endpoint.port, noDelay: true })
    await once(socket, 'connect')
    return new NodeConnection(socket)
  }
}

class NodeCrypto extends BaseCryptoProvider implements ICryptoProvider {
  initialize(): void {
    initSync(readFileSync(createRequire(import.meta.url).resolve('@mtcute/wasm/mtcute.wasm')))
  }
  randomFill(target: Uint8Array): void {
    randomFillSync(target)
  }
  sha1(data: Uint8Array): Uint8Array {
    return createHash('sha1').update(data).digest()
  }
  sha256(data: Uint8Array): Uint8Array {
    return createHash('sha256').update(data).digest()
  }
  hmacSha256(data: Uint8Array, key: Uint8Array): Uint8Array {
    return createHmac('sha256', key).update(data).digest()
  }
  pbkdf2(password: Uint8Array, salt: Uint8Array, rounds: number, length = 64, hash = 'sha512'): Promise<Uint8Array> {
    return new Promise((resolve, reject) =>
      pbkdf2(password, salt, rounds, length, hash, (error, key) => (error ? reject(error) : resolve(key))),
    )
  }
  createAesCtr(key: Uint8Array, iv: Uint8Array) {
    const cipher = createCipheriv(`aes-${key.length * 8}-ctr`, key, iv)
    return { process: (data: Uint8Array): Uint8Array => cipher.update(data) }
  }
  createAesIge(key: Uint8Array, iv: Uint8Array) {
    return {
      encrypt: (data: Uint8Array) => ige256Encrypt(data, key, iv),
      decrypt: (data: Uint8Array) => ige256Decrypt(data, key, iv),
    }
  }
  gzip(data: Uint8Array, maxBytes: number): Uint8Array | null {
    const packed = deflateSync(data)
    return packed.length <= maxBytes ? packed : null
  }
  gunzip(data: Uint8Array): Uint8Array {
    return gunzipSync(data)
  }
}

const platform: ICorePlatform = {
  beforeExit: () => () => {},
  log: (_color, _level, tag, format, args) => console.error(tag, format, ...args),
  getDefaultLogLevel: () => Number(process.env.MTCUTE_LOG_LEVEL ?? 1),
  getDeviceModel: () => 'test',
}

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

/** Asks for the parts in order, a few ahead, and hashes what comes. */
async function download(client: MtClient, order: Order): Promise<string> {
  const hash = createHash('sha256')
  const location = {
    _: 'inputDocumentFileLocation',
    id: Long.fromString(order.fileId),
    accessHash: Long.ZERO,
    fileReference: new Uint8Array(0),
    thumbSize: '',
  } as const
  const ask = (offset: number) => client.call({ _: 'upload.getFile', location, offset, limit: PART_BYTES })
  const pauseAt = order.pauseAtBytes ?? Infinity
  const parts: ReturnType<typeof ask>[] = []
  let asked = 0
  for (let got = 0, isPaused = false; got < order.bytes;) {
    if (got >= pauseAt && !isPaused) {
      isPaused = true
      say({ event: 'paused' })
      await once(process.stdin, 'data')
    }
    // Nothing may be on its way while paused, or the download would not be live afterwards.
    const limit = isPaused ? order.bytes : Math.min(order.bytes, pauseAt)
    while (asked < limit && parts.length < PARTS_IN_FLIGHT) {
      parts.push(ask(asked))
      asked += PART_BYTES
    }
    const answer = await parts.shift()!
    if (answer._ !== 'upload.file') throw new Error(`expected upload.file, got ${JSON.stringify(answer)}`)
    const part = answer.bytes.subarray(0, order.bytes - got)
    if (part.length === 0) throw new Error(`the file ended after ${got} bytes`)
    hash.update(part)
    got += part.length
    say({ event: 'progress', bytes: got })
  }
  return hash.digest('hex')
}

async function run(order: Order): Promise<{ event: 'done'; bytes: number; sha256: string; connections: number }> {
  const crypto = new NodeCrypto()
  addPublicKey(crypto, order.publicKeyPem)
  const dc = { id: order.dc ?? 2, ipAddress: order.server, port: order.port }
  const client = new MtClient({
    apiId: 1,
    apiHash: '0123456789abcdef0123456789abcdef',
    storage: new MemoryStorage(),
    crypto,
    platform,
    defaultDcs: { main: dc, media: dc },
    transport: new ProxyTransport({ host: order.server, port: order.port, secret: order.secret }),
    disableUpdates: true,
    onError: (error) => console.error(error),
  })
  await client.connect()
  const nearest = await client.call({ _: 'help.getNearestDc' })
  if (nearest._ !== 'nearestDc') throw new Error(`expected nearestDc, got ${JSON.stringify(nearest)}`)
  say({ event: 'connected', dc: nearest.thisDc })
  const sha256 = await download(client, order)
  return { event: 'done', bytes: order.bytes, sha256, connections }
}

const order = JSON.parse(process.argv[2] ?? '{}') as Order
const result = await run(order).catch((error: unknown) => ({ event: 'failed' as const, error: String(error) }))
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(result.event === 'done' ? 0 : 1))
