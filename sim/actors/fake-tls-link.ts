import type { Connection, Handler } from '../../src/core/ports.ts'
import { SendQueue } from '../telegram/send-queue.ts'
import { FakeTlsClient, type FakeTlsOptions } from './fake-tls.ts'
import { MtprotoClient, type MtprotoClientOptions } from './mtproto-client.ts'

const WAITING_MAX_BYTES = 64 << 20

/** A client inside fake TLS, as ee secrets have it: what it says before the proxy's answer waits for that. */
export class FakeTlsLink implements Handler {
  readonly client: MtprotoClient
  onOver: (how: 'end' | 'reset' | 'turned-away') => void = () => {}
  readonly #tls: FakeTlsClient
  readonly #queue: SendQueue
  readonly #early: Uint8Array[] = []

  constructor(connection: Connection, tls: FakeTlsOptions, options: MtprotoClientOptions) {
    this.#tls = new FakeTlsClient(tls)
    this.#queue = new SendQueue(connection, WAITING_MAX_BYTES)
    this.client = new MtprotoClient({ ...options, isInsideTls: true }, (bytes) => this.#send(bytes))
    this.#queue.push(this.#tls.hello.record)
    this.client.start()
  }

  onData(chunk: Uint8Array): void {
    const before = this.#tls.state
    const payload = this.#tls.receive(chunk)
    if (payload === undefined || this.#tls.state === 'turned-away') {
      this.onOver('turned-away')
      return
    }
    if (before === 'waiting' && this.#tls.state === 'answered') {
      for (const bytes of this.#early.splice(0)) this.#send(bytes)
    }
    if (payload.length > 0) this.client.receive(payload)
  }
  onDrain(): void {
    this.#queue.pump()
  }
  onEnd(): void {
    this.#queue.end()
  }
  onClose(how: 'end' | 'reset'): void {
    this.onOver(how)
  }
  /** Ends our direction behind what waits. */
  end(): void {
    this.#queue.end()
  }

  #send(bytes: Uint8Array): void {
    if (this.#tls.state === 'answered') this.#queue.push(this.#tls.wrap(bytes))
    else this.#early.push(bytes)
  }
}
