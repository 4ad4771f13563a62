import type { Hello, KeyRef, Match, SecretId, Vault, VaultFailure } from '../core/ports.ts'

/** Each holds at most a hello of 16 KiB. */
export const WAITING_MAX = 1024
/** Asked again at a time, so that those who came meanwhile are not kept for all of them. */
const BATCH = 64

export interface WaitingOptions {
  readonly vault: Vault
  /** Whether it is worth while to ask what has failed once more. */
  readonly isReachable: () => boolean
  /** Monotonic ms. */
  readonly now: () => number
  /** Longest wait of a question. */
  readonly waitMs: number
}

/** What could not be answered, until it is asked again or its time is over. */
interface Question {
  /** Monotonic ms. */
  readonly untilMs: number
  /** `keep` is called when there was no answer; false where it is not kept: its asker is told then. */
  ask(keep: () => boolean): void
  giveUp(): void
}

/**
 * A vault that sits out a short outage: what the one below cannot answer is asked again when that one is back. Each question is answered
 * once, `waitMs` after it was asked at the latest; of `WAITING_MAX` at a time, those beyond at once. Who has left meanwhile is answered
 * too, and drops it. One `tick` for all, no timers.
 */
export class WaitingVault implements Vault {
  readonly #options: Omit<WaitingOptions, 'waitMs'>
  #waiting: Question[] = []
  /** For questions from now on. */
  waitMs: number

  constructor({ waitMs, ...options }: WaitingOptions) {
    this.#options = options
    this.waitMs = waitMs
  }

  /** Questions that wait now, 0..`WAITING_MAX`. */
  get size(): number {
    return this.#waiting.length
  }

  match(
    hello: Hello,
    candidates: readonly SecretId[],
    reply: (match: Match | VaultFailure | undefined, trials: number) => void,
  ): void {
    const { vault } = this.#options
    let spent = 0
    this.#begin(
      (keep) =>
        vault.match(hello, candidates, (match, trials) => {
          spent += trials
          if (match !== 'failed' || !keep()) reply(match, spent)
        }),
      () => reply('failed', spent),
    )
  }

  sign(key: KeyRef, parts: readonly Uint8Array[], reply: (mac: Uint8Array | undefined) => void): void {
    const { vault } = this.#options
    this.#begin(
      (keep) =>
        vault.sign(key, parts, (mac) => {
          if (mac !== undefined || !keep()) reply(mac)
        }),
      () => reply(undefined),
    )
  }

  /** To be called some times a second. */
  tick(): void {
    const { isReachable, now } = this.#options
    if (isReachable()) for (const question of this.#waiting.splice(0, BATCH)) this.#ask(question, true)
    const late = this.#waiting.filter(({ untilMs }) => untilMs <= now())
    if (late.length === 0) return
    this.#waiting = this.#waiting.filter((question) => !late.includes(question))
    for (const question of late) question.giveUp()
  }

  #begin(ask: Question['ask'], giveUp: () => void): void {
    this.#ask({ untilMs: this.#options.now() + this.waitMs, ask, giveUp }, false)
  }

  #ask(question: Question, isAgain: boolean): void {
    question.ask(() => this.#keep(question, isAgain))
  }

  #keep(question: Question, isAgain: boolean): boolean {
    const { isReachable, now } = this.#options
    // It answers others: the key of this one is not there, and comes no sooner for being asked for.
    if (isAgain && isReachable()) return false
    if (this.#waiting.length >= WAITING_MAX || question.untilMs <= now()) return false
    this.#waiting.push(question)
    return true
  }
}
