import type { Random } from '../../src/core/ports.ts'
import type { Framing } from '../../src/core/protocol/obfuscated2.ts'
import { FakeTlsClient } from '../actors/fake-tls.ts'
import { MtprotoClient, type Result } from '../actors/mtproto-client.ts'
import type { Agreed } from '../telegram/auth.ts'
import { dcKey } from '../telegram/key.ts'
import { Failed, type Context } from './case.ts'
import type { Wire } from './wire.ts'

export interface TalkOptions {
  /** The one that the secret asks for unless said. */
  readonly framing?: Framing
  readonly dc?: number
  /** In place of the secret's. */
  readonly key?: Uint8Array
  readonly isInitAlone?: boolean
  readonly agreed?: Agreed
  /** Unix seconds in a hello; now unless said. */
  readonly stamp?: number
  /** For what the client draws: the same source twice says the same twice. */
  readonly random?: Random
  /** Changes the first bytes on their way. */
  readonly twist?: (first: Uint8Array) => Uint8Array
  readonly domain?: string
  readonly size?: 'today' | 'classic'
  /** How many bytes go in each write; all that is to be said at once unless given. */
  readonly pieces?: () => number
  /** Between those writes, in ms; one unless given. */
  readonly gapMs?: number
  /** Sent in front of everything. */
  readonly before?: Uint8Array
  /** Says everything in one write, and does not wait for the answer to a hello. */
  readonly isHasty?: true
  /** Asked with the first words, in place of later. */
  readonly questions?: number
}

/** A client on a connection of its own, as Telegram's are. */
export class Talk {
  readonly wire: Wire
  readonly client: MtprotoClient
  readonly tls: FakeTlsClient | undefined
  readonly #context: Context
  readonly #options: TalkOptions
  #isFirst = true
  #answers = 0
  #trouble: string | undefined
  #early: Uint8Array[] | undefined
  #sending = Promise.resolve()

  private constructor(context: Context, wire: Wire, options: TalkOptions) {
    const { clock, secret } = context
    const { key = secret.key, random = context.random } = options
    this.wire = wire
    this.#context = context
    this.#options = options
    const isInsideTls = secret.mode === 'fake-tls'
    if (isInsideTls) {
      const { stamp = clock.wall(), domain = secret.domain, size = 'today' } = options
      this.tls = new FakeTlsClient({ random, key, domain, size, stamp })
      if (options.isHasty !== true) this.#early = []
    }
    const { framing = secret.mode === 'plain' ? 'intermediate' : 'padded', dc = context.dc } = options
    this.client = new MtprotoClient(
      {
        ...{ random, clock, framing, dc, secret: key, isInsideTls, key: dcKey() },
        isInitAlone: options.isInitAlone ?? false,
        ...(options.agreed === undefined ? {} : { agreed: options.agreed }),
      },
      (bytes) => this.#say(bytes),
    )
    this.client.onTrouble = (why) => (this.#trouble ??= why)
    wire.onData = (chunk) => this.#hear(chunk)
  }

  static async open(context: Context, options: TalkOptions = {}): Promise<Talk> {
    const talk = new Talk(context, await context.dial(), options)
    const begin = () => {
      if (options.before !== undefined) talk.wire.send(options.before)
      if (talk.tls !== undefined) talk.#write(talk.tls.hello.record)
      talk.client.start()
      for (let at = 0; at < (options.questions ?? 0); at++) talk.client.requestPq(() => talk.#answers++)
    }
    if (options.isHasty === true) talk.wire.together(begin)
    else begin()
    return talk
  }

  /** Transport errors and whatever breaks the protocol. */
  get trouble(): string | undefined {
    return this.#trouble
  }

  /** The proxy has shown that it knows the secret. Always so without fake TLS, where it shows nothing. */
  get isAnswered(): boolean {
    return this.tls === undefined || this.tls.state === 'answered'
  }

  /** Asks the first question of every client; whoever answers it is Telegram. */
  async expectPq(count = 1): Promise<void> {
    let answers = 0
    for (let at = 0; at < count; at++) this.client.requestPq(() => answers++)
    await this.#expect(`${count} answers of Telegram`, () => (answers === count ? true : undefined))
  }

  /** Asks it, and expects that nobody does, and that nobody shows that the secret is known. */
  async expectNothing(): Promise<void> {
    let isServed = false
    this.client.requestPq(() => (isServed = true))
    await this.wire.until(() => (isServed ? true : undefined), this.#context.silenceMs)
    if (isServed) throw new Failed('it was served')
    if (this.tls !== undefined && this.isAnswered) throw new Failed('the proxy showed that it knows the secret')
  }

  /** Expects the answers to what was asked with the first words. */
  async expectAnswers(): Promise<void> {
    const { questions = 0 } = this.#options
    await this.#expect(`${questions} answers of Telegram`, () => (this.#answers === questions ? true : undefined))
  }

  async agree(): Promise<Agreed> {
    return this.result('a key exchange', (reply) => this.client.exchangeKey(reply))
  }

  /** The value that `ask` is answered with. */
  async result<T>(what: string, ask: (reply: (result: Result<T>) => void) => void): Promise<T> {
    let result: Result<T> | undefined
    ask((found) => (result = found))
    const found = await this.#expect(what, () => result)
    if (found.kind === 'failed') throw new Failed(`${what}: ${found.why}`)
    return found.value
  }

  async #expect<T>(what: string, find: () => T | undefined): Promise<T> {
    const { answerMs } = this.#context
    const found = await this.wire.until(() => find() ?? (this.#trouble === undefined ? undefined : TROUBLE), answerMs)
    if (found !== undefined && found !== TROUBLE) return found
    const { ending, received } = this.wire
    const how =
      this.#trouble ?? (ending === 'open' ? `nothing more within ${answerMs} ms` : `the proxy closed (${ending})`)
    throw new Failed(
      `expected ${what}, but: ${this.tls?.state === 'turned-away' ? 'no answer to our hello' : how}`,
      received,
    )
  }

  #hear(chunk: Uint8Array): void {
    if (this.tls === undefined) {
      this.client.receive(chunk)
      return
    }
    const payload = this.tls.receive(chunk)
    if (payload === undefined) this.#trouble ??= 'what came is no TLS record'
    if (this.tls.state === 'turned-away') this.#trouble ??= 'the answer to our hello has no proof of the secret'
    if (this.tls.state === 'answered' && this.#early !== undefined) {
      const early = this.#early
      this.#early = undefined
      for (const bytes of early) this.#write(this.tls.wrap(bytes))
    }
    if (payload !== undefined && payload.length > 0) this.client.receive(payload)
  }

  #say(bytes: Uint8Array): void {
    if (this.#early !== undefined) this.#early.push(bytes)
    else this.#write(this.tls === undefined ? bytes : this.tls.wrap(bytes))
  }

  #write(plain: Uint8Array): void {
    const { pieces, gapMs, twist } = this.#options
    const bytes = this.#isFirst && twist !== undefined ? twist(plain) : plain
    this.#isFirst = false
    if (pieces === undefined) this.wire.send(bytes)
    else this.#sending = this.#sending.then(() => this.wire.sendInPieces(bytes, pieces, gapMs))
  }
}

const TROUBLE = Symbol('trouble')
