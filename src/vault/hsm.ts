import type { Hello, KeyRef, Match, SecretId, Vault, VaultFailure } from '../core/ports.ts'
import { Breaker } from './breaker.ts'
import { probe, stillAnswers } from './known-answers.ts'
import type { PinWatch } from './pin-watch.ts'
import {
  ALL_RETIRED,
  NOT_THERE,
  TokenError,
  type SecretFault,
  type Token,
  type TokenGeneration,
  type TokenSecret,
} from './token.ts'
import { tryOn } from './trial.ts'

/** What an operator is told of. Each line is told when it changes, not again and again. */
export interface HsmEvents {
  /** A call failed; there may be three of these before the token is given up. */
  onError(error: TokenError): void
  /** The token is not asked any more, until `onBack`. */
  onGone(why: string): void
  onBack(): void
  /** It cannot be had back: the PIN was refused, and is not tried again. */
  onPinRefused(): void
  /** After a recovery, a secret is not there; its clients are not taken for strangers. */
  onMissing(label: string, fault: SecretFault): void
}

export interface HsmVaultOptions {
  /** Logged in. */
  readonly token: Token
  /** From the probe. */
  readonly trialKey: TokenSecret
  /** Monotonic ms. */
  readonly now: () => number
  /** Unix seconds: what a generation is retired by. */
  readonly wall: () => number
  readonly events: HsmEvents
  readonly pin: PinWatch
}

interface Entry {
  readonly label: string
  /** The active one first; empty: all are retired. Undefined while the token does not have it. */
  generations: readonly TokenGeneration[] | undefined
  /** What was told of it last. */
  fault?: SecretFault
}

/** A generation that a reload took away. */
interface Leaving {
  readonly id: SecretId
  readonly generation: TokenGeneration
  /** Monotonic ms. */
  readonly untilMs: number
}

/**
 * SoftHSM that ran out of descriptors once finds none of its objects ever after, in that process. To initialise it anew would heal that,
 * but where the objects are really gone it would cost the copies that still serve.
 */
const LOST =
  'it is in use, and the token shows it no more: either it was deleted, or the module has lost sight of the token, ' +
  'which a new start heals (SIGUSR2 loses no connection)'
/** How often a token that works is tested. */
const TEST_EVERY_MS = 10_000
/** How old a test may be for nobody to be taken for a stranger by a token that gives wrong answers. */
const SOUND_MS = 1000
/** So long a hello that a generation fitted may still be answered by it, when a reload has taken it away: longer than any handshake. */
const LEAVING_MS = 60_000
/** Our copy of the key is dead; the key itself may be alive. CKR_KEY_HANDLE_INVALID and CKR_OBJECT_HANDLE_INVALID. */
const DEAD_COPY = ['CKR_KEY_HANDLE_INVALID', 'CKR_OBJECT_HANDLE_INVALID']

/**
 * Secrets in a token: they are used there, and are never in the memory of this process. Answers at once.
 * The generation that a match names is its number less one: the first is 0, as in vaults that know no others.
 */
export class HsmVault implements Vault {
  readonly #token: Token
  readonly #now: () => number
  readonly #wall: () => number
  readonly #events: HsmEvents
  readonly #pin: PinWatch
  readonly #breaker = new Breaker()
  readonly #entries = new Map<SecretId, Entry>()
  /** What reloads took away of late: at most what one had. */
  #leaving: Leaving[] = []
  #trialKey: TokenSecret
  #testAt: number
  #isPinRefused = false

  constructor({ token, trialKey, now, wall, events, pin }: HsmVaultOptions) {
    this.#token = token
    this.#trialKey = trialKey
    this.#now = now
    this.#wall = wall
    this.#events = events
    this.#pin = pin
    this.#testAt = now() + TEST_EVERY_MS
  }

  /** False from the moment it is given up until it is back. */
  get isReachable(): boolean {
    return !this.#breaker.isOpen
  }

  /** What speaks against using that label; undefined when nothing does. A label in use is good while the token is out of reach. */
  faultOf(label: string): SecretFault | undefined {
    const isInUse = [...this.#entries.values()].some(
      ({ label: other, generations }) => other === label && generations?.length !== 0,
    )
    if (this.#breaker.isOpen) return isInUse ? undefined : 'the token does not answer'
    try {
      const found = this.#token.find(label)
      if ('fault' in found) return isInUse && found.fault === NOT_THERE ? LOST : found.fault
      forgetAll(found)
      return undefined
    } catch (error) {
      return asTokenError(error).message
    }
  }

  /** Takes the secret of that label as it is now, all its generations at once. Where it cannot be had, what the id had before stays. */
  put(id: SecretId, label: string): void {
    const before = this.#entries.get(id)
    const entry: Entry = { label, generations: undefined }
    if (!this.#breaker.isOpen) this.#look(entry)
    if (entry.generations === undefined && before?.label === label) return
    for (const generation of before?.generations ?? [])
      if (before?.label !== label || generationIn(entry, generation.number) !== undefined) generation.secret.forget()
      else this.#leaving.push({ id, generation, untilMs: this.#now() + LEAVING_MS })
    this.#entries.set(id, entry)
  }

  /** Harmless when the id is unknown. */
  remove(id: SecretId): void {
    forgetAll(this.#entries.get(id)?.generations)
    this.#entries.delete(id)
    this.#leave((one) => one.id !== id)
  }

  match(
    hello: Hello,
    candidates: readonly SecretId[],
    reply: (match: Match | VaultFailure | undefined, trials: number) => void,
  ): void {
    let trials = 0
    let hasFailed = false
    const now = this.#wall()
    for (const id of candidates) {
      const entry = this.#entries.get(id)
      if (entry === undefined) continue
      if (entry.generations === undefined) hasFailed = true
      for (const { number, untilSec } of entry.generations ?? []) {
        if (untilSec !== undefined && now >= untilSec) continue
        const match = this.#use(
          entry,
          number,
          (secret) => tryOn(hello, { id, generation: number - 1 }, secret) ?? 'none',
        )
        if (match === undefined) hasFailed = true
        else trials++
        if (match !== undefined && match !== 'none') return reply(match, trials)
      }
    }
    reply(hasFailed || !this.#isSound() ? 'failed' : undefined, trials)
  }

  /** By the very generation that fitted, also when it was retired since. */
  sign({ id, generation }: KeyRef, parts: readonly Uint8Array[], reply: (mac: Uint8Array | undefined) => void): void {
    const entry = this.#entries.get(id)
    const number = generation + 1
    const leaving = this.#leaving.find((one) => one.id === id && one.generation.number === number)?.generation
    if (entry === undefined) return reply(undefined)
    const isThere = generationIn(entry, number) !== undefined
    const from = isThere || leaving === undefined ? entry : { label: entry.label, generations: [leaving] }
    reply(this.#use(from, number, (secret) => secret.hmac(parts)))
  }

  /** To be called some times a second: tests the token now and then, and tries to get it back when it is gone. */
  tick(): void {
    const now = this.#now()
    this.#leave(({ untilMs }) => now < untilMs)
    if (this.#breaker.isOpen) {
      if (!this.#isPinRefused && this.#breaker.shallRetry(now)) this.#recover()
      return
    }
    if (now < this.#testAt) return
    this.#testAt = now + TEST_EVERY_MS
    this.#test()
    for (const entry of this.#entries.values())
      if (entry.generations === undefined && this.isReachable) this.#look(entry)
  }

  #leave(stays: (one: Leaving) => boolean): void {
    if (this.#leaving.length === 0) return
    for (const one of this.#leaving) if (!stays(one)) one.generation.secret.forget()
    this.#leaving = this.#leaving.filter(stays)
  }

  /** One use of a generation, tried a second time where its session or our copy may have been at fault. Undefined: it failed. */
  #use<T>(entry: Entry, number: number, use: (secret: TokenSecret) => T): T | undefined {
    for (let tries = 0; tries < 2 && !this.#breaker.isOpen; tries++) {
      const secret = generationIn(entry, number)?.secret
      if (secret === undefined) break
      try {
        return use(secret)
      } catch (error) {
        const { code } = this.#note(error)
        if (DEAD_COPY.includes(code) && !this.#breaker.isOpen) this.#look(entry)
      }
    }
    return undefined
  }

  /** Looks for the secret of the entry. What it had before stays where there is none. */
  #look(entry: Entry): void {
    try {
      const found = this.#token.find(entry.label)
      if ('fault' in found) {
        if (found.fault !== entry.fault) this.#events.onMissing(entry.label, found.fault)
        entry.fault = found.fault
        return
      }
      forgetAll(entry.generations)
      const fault = found.length === 0 ? ALL_RETIRED : undefined
      if (fault !== undefined && fault !== entry.fault) this.#events.onMissing(entry.label, fault)
      entry.generations = found
      entry.fault = fault
    } catch (error) {
      this.#note(error)
    }
  }

  /** Whether known answers were right of late. Strangers cause no more than a test a second. */
  #isSound(): boolean {
    const now = this.#now()
    if (!this.#breaker.isOpen && now > this.#testAt - TEST_EVERY_MS + SOUND_MS) {
      this.#testAt = now + TEST_EVERY_MS
      this.#test()
    }
    return !this.#breaker.isOpen
  }

  /** One error of a single session is no answer; a second one is. */
  #test(): void {
    for (let tries = 0; tries < 2; tries++) {
      try {
        if (!stillAnswers(this.#trialKey)) this.#giveUp('it gives wrong answers')
        return
      } catch (error) {
        const { message } = asTokenError(error)
        if (tries > 0) this.#giveUp(message)
      }
    }
  }

  /** Everything anew, as after a start. Only known answers close the breaker. */
  #recover(): void {
    try {
      if (!this.#login()) return
      const probed = probe(this.#token)
      if ('why' in probed) return
      this.#trialKey = probed.trialKey
      this.#breaker.close()
      this.#testAt = this.#now() + TEST_EVERY_MS
      for (const entry of this.#entries.values()) {
        entry.generations = undefined
        this.#look(entry)
      }
      this.#leaving = []
      if (this.isReachable) this.#events.onBack()
    } catch (error) {
      asTokenError(error)
    }
  }

  /** False where the PIN was refused, to us or to another process, or another one is trying it now. */
  #login(): boolean {
    const turn = this.#pin.begin()
    if (turn === 'busy') return false
    if (turn === 'go') {
      let isRefused = false
      try {
        this.#token.restart()
        return true
      } catch (error) {
        isRefused = error instanceof TokenError && error.isPinRefused
        if (!isRefused) throw error
      } finally {
        this.#pin.end(isRefused)
      }
    }
    this.#isPinRefused = true
    this.#events.onPinRefused()
    return false
  }

  #note(error: unknown): TokenError {
    const noted = asTokenError(error)
    this.#events.onError(noted)
    if (this.#breaker.failed(this.#now())) this.#events.onGone(noted.message)
    return noted
  }

  #giveUp(why: string): void {
    this.#breaker.open(this.#now())
    this.#events.onGone(why)
  }
}

function generationIn({ generations }: Entry, number: number): TokenGeneration | undefined {
  return generations?.find((one) => one.number === number)
}

function forgetAll(generations: readonly TokenGeneration[] = []): void {
  for (const { secret } of generations) secret.forget()
}

/** Anything else is a fault of ours. */
function asTokenError(error: unknown): TokenError {
  if (error instanceof TokenError) return error
  throw error
}
