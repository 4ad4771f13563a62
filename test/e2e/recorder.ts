import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server } from 'node:net'

/** What one connection through a recorder sent, and what it got. */
export interface Recording {
  fromClient: Buffer
  toClient: Buffer
}

/** A TCP relay on the loopback that keeps what passes: a tap in front of the mask site, or between a client and the proxy. */
export class Recorder {
  readonly recordings: Recording[] = []
  readonly #server: Server

  private constructor(targetPort: number, localAddress: string) {
    this.#server = createServer({ allowHalfOpen: true }, (client) => {
      const recording: Recording = { fromClient: Buffer.alloc(0), toClient: Buffer.alloc(0) }
      this.recordings.push(recording)
      const target = connect({ host: '127.0.0.1', port: targetPort, localAddress, allowHalfOpen: true })
      client.on('data', (chunk) => (recording.fromClient = Buffer.concat([recording.fromClient, chunk])))
      target.on('data', (chunk) => (recording.toClient = Buffer.concat([recording.toClient, chunk])))
      client.pipe(target)
      target.pipe(client)
      client.on('error', () => target.resetAndDestroy())
      target.on('error', () => client.resetAndDestroy())
    })
  }

  /** `at`: where it listens; `from`: the address it comes from towards the target. */
  static async start(
    targetPort: number,
    { host = '127.0.0.1', port = 0, from = '127.0.0.1' }: { host?: string; port?: number; from?: string } = {},
  ): Promise<Recorder> {
    const recorder = new Recorder(targetPort, from)
    recorder.#server.listen(port, host)
    await once(recorder.#server, 'listening')
    return recorder
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }
  /** Whether some connection began with exactly these bytes. */
  saw(bytes: Uint8Array): boolean {
    return this.recordings.some(({ fromClient }) => fromClient.subarray(0, bytes.length).equals(bytes))
  }
  close(): void {
    this.#server.close()
  }
}
