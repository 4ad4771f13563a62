import type { CloseReason } from '../events.ts'
import { RecordReader } from '../protocol/faketls/records.ts'
import { INIT_LENGTH, readInit } from '../protocol/obfuscated2.ts'
import type { Match, SecretId, VaultFailure } from '../ports.ts'
import { Accumulator } from './accumulator.ts'
import { DiscardStage } from './discard.ts'
import { jittered } from './jitter.ts'
import { OpeningStage } from './opening.ts'
import { Outbox } from './outbox.ts'
import type { Session, Stage } from './session.ts'

/**
 * Our ServerHello is out and nothing else is said until the client speaks: a change-cipher-spec record, then 64 bytes of
 * obfuscated2 init inside data records. Phones open connections ahead and stay silent for minutes. Whatever is wrong from
 * here on is read and discarded: the mask host can no longer take over.
 */
export class InitStage implements Stage {
  readonly name = 'init'
  readonly #session: Session
  readonly #secret: SecretId
  readonly #answer: Outbox
  readonly #records = new RecordReader()
  /** Raw bytes that came together with the hello. */
  readonly #rest: Accumulator
  /** Payload of data records: the init and what follows it. */
  readonly #inner: Accumulator
  #hasSpoken = false
  #hasEnded = false
  #isAsking = false
  #hasLeft = false

  constructor(session: Session, secret: SecretId) {
    const { pool } = session.services
    this.#session = session
    this.#secret = secret
    this.#answer = new Outbox(session.client, pool, session)
    this.#rest = new Accumulator(pool, session)
    this.#inner = new Accumulator(pool, session)
  }

  /** Before `enter`: the answer goes out in one write; `rest` is what the client sent behind its hello. False: no buffer. */
  adopt(answer: Uint8Array, rest: Uint8Array): boolean {
    this.#session.toClientBytes += answer.length
    return this.#rest.add(rest) && this.#answer.send(answer)
  }

  enter(): void {
    const { random, settings } = this.#session.services
    this.#session.setDeadline(jittered(settings.listen.prewarmTimeoutMs, random))
  }

  /** After `enter`: goes on with what is already here. */
  start(hasClientEnded: boolean): void {
    this.#session.client.resume()
    if (this.#rest.length > 0) this.onData(this.#rest.bytes)
    if (hasClientEnded) this.onEnd()
  }

  onData(chunk: Uint8Array): void {
    if (!this.#hasSpoken) {
      const { random, settings } = this.#session.services
      this.#hasSpoken = true
      this.#session.setDeadline(jittered(settings.listen.handshakeTimeoutMs, random))
    }
    const payload = this.#records.push(chunk)
    if (payload === undefined) this.#discard('bad-init')
    else if (!this.#inner.add(payload)) this.#discard('overflow')
    else if (this.#inner.length >= INIT_LENGTH && !this.#isAsking) this.#tryInit()
  }

  onDrain(): void {
    this.#answer.flush()
  }

  onEnd(): void {
    this.#hasEnded = true
    if (!this.#isAsking && !this.#hasLeft) this.#session.close('eof', 'failed')
  }

  onClose(): void {
    this.#session.close('client-reset', 'failed', 'gone')
  }

  onDeadline(): void {
    if (this.#isAsking) this.#discard('vault-failed')
    else if (this.#hasSpoken) this.#discard('bad-init')
    else this.#session.refuse('prewarm-timeout')
  }

  giveWay(): void {
    this.#session.refuse('overflow')
  }

  leave(): void {
    this.#hasLeft = true
    this.#answer.release()
    this.#rest.release()
    this.#inner.release()
  }

  #tryInit(): void {
    const session = this.#session
    const wire = this.#inner.bytes.slice(0, INIT_LENGTH)
    this.#isAsking = true
    session.services.vault.match({ kind: 'init', wire }, [this.#secret], (match) => {
      if (this.#hasLeft) return
      session.guard(() => {
        this.#isAsking = false
        this.#judge(match)
      })
    })
    if (this.#isAsking && !this.#hasLeft) session.client.pause()
  }

  #judge(match: Match | VaultFailure | undefined): void {
    const session = this.#session
    if (match === 'failed') {
      this.#discard('vault-failed')
      return
    }
    const init = match?.kind === 'init' ? readInit(match.plain) : undefined
    // Inside TLS every client uses the padded framing; the init is covered by the hello's replay check.
    if (match?.kind !== 'init' || init?.framing !== 'padded') {
      this.#discard('bad-init')
      return
    }
    session.dc = init.dc
    session.services.emit({
      kind: 'authenticated',
      connection: session.id,
      mode: 'fake-tls',
      secret: this.#secret,
      dc: init.dc,
    })
    const opening = new OpeningStage(session, {
      ...init,
      match,
      records: this.#records,
      hasClientEnded: this.#hasEnded,
    })
    if (opening.adopt(this.#inner.bytes.subarray(INIT_LENGTH))) session.moveTo(opening)
    else session.refuse('overflow')
  }

  #discard(reason: CloseReason): void {
    this.#session.moveTo(new DiscardStage(this.#session, reason, this.#hasEnded))
  }
}
