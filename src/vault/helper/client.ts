import type { Hello, KeyRef, Match, SecretId, Vault, VaultFailure } from '../../core/ports.ts'
import { readAnswer, type Answer, type Notice, type Trouble } from './answers.ts'
import { FrameReader } from './frames.ts'
import { forgetFrame, listenFrame, matchFrame, randomFrame, signFrame, useFrame } from './requests.ts'

/** A connection to the helper, or an attempt at one. */
export interface Link {
  /** Bytes that were written and that the kernel has not taken. */
  readonly waitingBytes: number
  /** The bytes are the link's from now on. */
  write(bytes: Uint8Array): void
  /** Gives it up; nothing is told of it any more. */
  close(): void
}

export interface LinkEvents {
  onOpen(): void
  /** The chunk is the reader's until this returns. */
  onBytes(chunk: Uint8Array): void
  /** Once, also where it never opened. */
  onClose(): void
}

export interface HelperVaultOptions {
  /** Tells nothing before it returns. */
  readonly dial: (events: LinkEvents) => Link
  /** Monotonic ms of the machine: the helper reads them too. */
  readonly now: () => number
  /** Longest wait for one answer. */
  readonly timeoutMs: number
  /** What befalls the token, told to one process of the proxy each time; absent in one that does not count it. */
  readonly onTrouble?: (trouble: Trouble) => void
  /** A connection is there. */
  readonly onOpen?: () => void
}

/** Questions that may wait for an answer, and bytes that may wait for the helper to read; what is more fails at once. */
export const WAITING_MAX = 4096
export const UNREAD_BYTES_MAX = 4 << 20
/** Between attempts to reach the helper: this at first, then twice as long each time, up to the second one. */
const RETRY_FIRST_MS = 50
const RETRY_MAX_MS = 200

interface Waiting {
  readonly until: number
  /** Undefined: there will be no answer. False: it is none to this question. */
  readonly settle: (answer: Exclude<Answer, Notice> | undefined) => boolean
}

type State =
  | { readonly name: 'away'; readonly dialAt: number }
  | { readonly name: 'dialing'; readonly link: Link }
  | { readonly name: 'open'; readonly link: Link; readonly reader: FrameReader; isTokenUsed: boolean }
  | { readonly name: 'closed' }

/**
 * Secrets that another process uses: the vault helper. Every question is one round trip and is answered exactly once: by the helper, or
 * with `failed` where it is not there, is lost, or takes too long.
 */
export class HelperVault implements Vault {
  readonly #options: HelperVaultOptions
  readonly #labels = new Map<SecretId, string>()
  /** In the order they were asked, which is that of their deadlines. */
  readonly #waiting = new Map<number, Waiting>()
  #state: State = { name: 'away', dialAt: 0 }
  #retryMs = RETRY_FIRST_MS
  #asked = 0

  constructor(options: HelperVaultOptions) {
    this.#options = options
    this.#dial()
  }

  /** Whether there is a connection to the helper, and the helper has its token. */
  get isReachable(): boolean {
    return this.#state.name === 'open' && this.#state.isTokenUsed
  }

  /** Those in use. */
  get labels(): ReadonlySet<string> {
    return new Set(this.#labels.values())
  }

  /** The helper takes the secret of that label as it is now, and keeps what it had where there is none. */
  put(id: SecretId, label: string): void {
    this.#labels.set(id, label)
    if (this.#state.name === 'open') this.#state.link.write(useFrame(id, label))
  }

  /** Harmless when the id is unknown. */
  remove(id: SecretId): void {
    if (this.#labels.delete(id) && this.#state.name === 'open') this.#state.link.write(forgetFrame(id))
  }

  match(
    hello: Hello,
    candidates: readonly SecretId[],
    reply: (match: Match | VaultFailure | undefined, trials: number) => void,
  ): void {
    const known = candidates.filter((id) => this.#labels.has(id))
    if (known.length === 0) return reply(undefined, 0)
    this.#ask(
      (ask, until) => matchFrame(ask, until, known, hello),
      (answer) => {
        if (answer === undefined) reply('failed', 0)
        else if (answer.kind === 'none') reply(undefined, answer.trials)
        else if (answer.kind === 'failed') reply('failed', answer.trials)
        else if (answer.kind === 'found' && answer.found.kind === hello.kind && answer.index < known.length)
          reply({ ...answer.found, id: known[answer.index] }, answer.trials)
        else return false
        return true
      },
    )
  }

  sign(key: KeyRef, parts: readonly Uint8Array[], reply: (mac: Uint8Array | undefined) => void): void {
    if (!this.#labels.has(key.id)) return reply(undefined)
    this.#ask(
      (ask, until) => signFrame(ask, until, key, parts),
      (answer) => {
        if (answer?.kind === 'mac') reply(answer.mac)
        else if (answer === undefined || answer.kind === 'none' || answer.kind === 'failed') reply(undefined)
        else return false
        return true
      },
    )
  }

  /** 1..`RANDOM_MAX` bytes of the token's generator; undefined where the helper cannot say. */
  random(count: number, reply: (bytes: Uint8Array | undefined) => void): void {
    this.#ask(
      (ask, until) => randomFrame(ask, until, count),
      (answer) => {
        if (answer?.kind === 'random' && answer.bytes.length === count) reply(answer.bytes)
        else if (answer === undefined || answer.kind === 'failed') reply(undefined)
        else return false
        return true
      },
    )
  }

  /** To be called some ten times a second: gives up on what waited too long, and dials again. */
  tick(): void {
    const now = this.#options.now()
    for (const [ask, { until, settle }] of this.#waiting) {
      if (now < until) break
      this.#waiting.delete(ask)
      settle(undefined)
    }
    if (this.#state.name === 'away' && now >= this.#state.dialAt) this.#dial()
  }

  /** Everything that waits is answered; what is asked afterwards fails. */
  close(): void {
    const before = this.#state
    this.#state = { name: 'closed' }
    if ('link' in before) before.link.close()
    this.#failAll()
  }

  #ask(frameOf: (ask: number, until: number) => Uint8Array | undefined, settle: Waiting['settle']): void {
    const state = this.#state
    const { now, timeoutMs } = this.#options
    const until = now() + timeoutMs
    const ask = (this.#asked = (this.#asked + 1) >>> 0)
    const hasRoom = this.#waiting.size < WAITING_MAX && !this.#waiting.has(ask)
    const frame = state.name === 'open' && hasRoom ? frameOf(ask, until) : undefined
    if (state.name !== 'open' || frame === undefined || state.link.waitingBytes > UNREAD_BYTES_MAX) {
      settle(undefined)
      return
    }
    this.#waiting.set(ask, { until, settle })
    state.link.write(frame)
  }

  #dial(): void {
    // What an older link still tells is of no interest.
    const ifCurrent = (act: (state: State & { readonly link: Link }) => void) => {
      const state = this.#state
      if ('link' in state && state.link === link) act(state)
    }
    const link = this.#options.dial({
      onOpen: () => ifCurrent(() => this.#opened(link)),
      onBytes: (chunk) =>
        ifCurrent((state) => {
          const isWhole = state.name === 'open' && state.reader.push(chunk, (frame) => this.#heard(frame))
          if (!isWhole) this.#lost()
        }),
      onClose: () => ifCurrent(() => this.#lost()),
    })
    this.#state = { name: 'dialing', link }
  }

  #opened(link: Link): void {
    this.#state = { name: 'open', link, reader: new FrameReader(), isTokenUsed: true }
    if (this.#options.onTrouble !== undefined) link.write(listenFrame())
    for (const [id, label] of this.#labels) link.write(useFrame(id, label))
    this.#options.onOpen?.()
  }

  /** False where that cannot come from a helper of ours. An answer that nobody waits for any more is late, and no fault. */
  #heard(frame: Uint8Array): boolean {
    const answer = readAnswer(frame)
    if (answer === undefined) return false
    if (answer.kind === 'state') {
      if (this.#state.name === 'open') this.#state.isTokenUsed = answer.isReachable
      return true
    }
    if (answer.kind === 'trouble') {
      this.#options.onTrouble?.(answer.trouble)
      return true
    }
    // A helper that answers is worth being dialled at once when it goes.
    this.#retryMs = RETRY_FIRST_MS
    const waiting = this.#waiting.get(answer.ask)
    if (waiting === undefined) return true
    this.#waiting.delete(answer.ask)
    if (waiting.settle(answer)) return true
    waiting.settle(undefined)
    return false
  }

  #lost(): void {
    const before = this.#state
    if (before.name === 'closed') return
    this.#state = { name: 'away', dialAt: this.#options.now() + this.#retryMs }
    this.#retryMs = Math.min(2 * this.#retryMs, RETRY_MAX_MS)
    if ('link' in before) before.link.close()
    this.#failAll()
  }

  #failAll(): void {
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { settle } of waiting) settle(undefined)
  }
}
