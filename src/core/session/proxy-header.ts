import { readProxyHeader } from '../protocol/proxy-header.ts'
import { Accumulator } from './accumulator.ts'
import { HelloStage } from './hello.ts'
import { jittered } from './jitter.ts'
import type { Session, Stage } from './session.ts'

/** Waits for the header in which a trusted load balancer names the client. Nothing else is read before it. */
export class ProxyHeaderStage implements Stage {
  readonly name = 'proxy-header'
  readonly #session: Session
  readonly #isRequired: boolean
  readonly #seen: Accumulator

  constructor(session: Session, isRequired: boolean) {
    this.#session = session
    this.#isRequired = isRequired
    this.#seen = new Accumulator(session.services.pool, session)
  }

  enter(): void {
    const { random, settings } = this.#session.services
    this.#session.setDeadline(jittered(settings.listen.firstByteTimeoutMs, random))
  }

  onData(chunk: Uint8Array): void {
    if (!this.#seen.add(chunk)) {
      this.#session.refuse('overflow')
      return
    }
    const header = readProxyHeader(this.#seen.bytes)
    if (header.state === 'more') return
    if (header.state === 'bad' || (header.state === 'none' && this.#isRequired)) {
      // The peer is our own load balancer, so there is nobody to hide from.
      this.#session.refuse('bad-proxy-header')
      return
    }
    if (header.state === 'header') {
      if (header.source !== undefined) this.#session.clientAddress = header.source
      this.#seen.drop(header.consumed)
    }
    if (!this.#session.admit()) {
      this.#session.turnAway()
      return
    }
    const hello = new HelloStage(this.#session)
    if (hello.adopt(this.#seen.bytes)) this.#session.moveTo(hello)
    else this.#session.refuse('overflow')
  }

  onDrain(): void {}

  onEnd(): void {
    this.#session.close('bad-proxy-header', 'failed')
  }

  onClose(): void {
    this.#session.close('client-reset', 'failed', 'gone')
  }

  onDeadline(): void {
    this.#session.refuse('first-byte-timeout')
  }

  leave(): void {
    this.#seen.release()
  }
}
