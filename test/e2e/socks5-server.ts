import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** A SOCKS5 server that wants a user and a password (RFC 1928, 1929) and connects to IPv4 addresses on the loopback. */
export class Socks5Server {
  /** Addresses it connected to, as host:port. */
  readonly connected: string[] = []
  readonly #server: Server
  readonly #login: string

  private constructor(user: string, password: string) {
    this.#login = `${user}:${password}`
    this.#server = createServer((client) => {
      client.on('error', () => client.destroy())
      this.#serve(client).catch(() => client.destroy())
    })
  }

  static async start(user: string, password: string): Promise<Socks5Server> {
    const server = new Socks5Server(user, password)
    server.#server.listen(0, '127.0.0.1')
    await once(server.#server, 'listening')
    return server
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  close(): void {
    this.#server.close()
  }

  async #serve(client: Socket): Promise<void> {
    const read = reader(client)
    const [, methods] = await read(2)
    if (!(await read(methods)).includes(2)) throw new Error('no user and password offered')
    client.write(Uint8Array.of(5, 2))
    const [, userLength] = await read(2)
    const user = (await read(userLength)).toString()
    const password = (await read((await read(1))[0])).toString()
    if (`${user}:${password}` !== this.#login) {
      client.end(Uint8Array.of(1, 1))
      return
    }
    client.write(Uint8Array.of(1, 0))
    const request = await read(10)
    const [host, port] = [[...request.subarray(4, 8)].join('.'), request.readUInt16BE(8)]
    this.connected.push(`${host}:${port}`)
    const target = connect(port, host)
    target.on('error', () => client.destroy())
    await once(target, 'connect')
    client.write(Uint8Array.of(5, 0, 0, 1, 127, 0, 0, 1, 0, 0))
    client.pipe(target).pipe(client)
  }
}

/** Reads exactly so many bytes, and leaves what follows where it is. */
function reader(socket: Socket): (length: number) => Promise<Buffer> {
  return async (length) => {
    for (;;) {
      const bytes = socket.read(length) as Buffer | null
      if (bytes !== null) return bytes
      if (socket.readableEnded || socket.destroyed) throw new Error('the client went away')
      await Promise.race([once(socket, 'readable'), once(socket, 'close')])
    }
  }
}
