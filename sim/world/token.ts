import { createHash, createHmac } from 'node:crypto'
import {
  TokenError,
  type SecretFault,
  type Token,
  type TokenGeneration,
  type TokenSecret,
} from '../../src/vault/token.ts'

/** How calls of a `FakeToken` fail. */
export interface Failure {
  readonly code: string
  readonly value?: number
  /** Absent: at every call. */
  readonly at?: string
  /** After so many calls it is over; absent: never. */
  readonly calls?: number
}

export type FakeGeneration = Omit<TokenGeneration, 'secret'> & { readonly key: Uint8Array }

/** A token in software that fails as it is told to. */
export class FakeToken implements Token {
  /** Secrets of one generation, which has number 1. */
  readonly keys = new Map<string, Uint8Array>()
  /** Where secrets of more are looked up; by default those of `keys`. */
  generationsOf = (label: string): readonly FakeGeneration[] | undefined => {
    const key = this.keys.get(label)
    return key === undefined ? undefined : [{ number: 1, key }]
  }
  readonly restarts: string[] = []
  /** Copies that were made and not given back since the last restart. */
  copies = 0
  /** How often a key was used, and how often one was looked for. */
  uses = 0
  looks = 0
  givesGarbage = false
  /** Says nothing: whoever asks gives up after a while. */
  isSilent = false
  isReadable = false
  /** Of every call but `restart`. */
  #failure: Failure | undefined
  #restartFailure: Failure | undefined
  #failed = 0
  /** Copies of an older one are dead. */
  #login = 0

  fail(failure: Failure | undefined): void {
    this.#failure = failure
    this.#failed = 0
  }

  failRestart(failure: Failure | undefined): void {
    this.#restartFailure = failure
  }

  /** Everything works again; what is dead stays dead. */
  heal(): void {
    this.fail(undefined)
    this.failRestart(undefined)
    this.givesGarbage = this.isSilent = false
  }

  find(label: string): readonly TokenGeneration[] | { readonly fault: SecretFault } {
    this.looks++
    this.#call('C_FindObjects')
    const found = this.generationsOf(label)
    if (found === undefined) return { fault: 'there is none of that name' }
    return found.map(({ key, ...generation }) => ({ ...generation, secret: this.#copy(key) }))
  }

  makeTrialKey(key: Uint8Array): TokenSecret {
    this.#call('C_CreateObject')
    return this.#copy(key)
  }

  restart(): void {
    const failure = this.#restartFailure
    this.restarts.push(failure?.code ?? 'ok')
    if (failure !== undefined) throw new TokenError('C_Login', failure.code, failure.value)
    this.#login++
    this.copies = 0
  }

  #copy(key: Uint8Array): TokenSecret {
    const login = this.#login
    let isForgotten = false
    const use = (call: string, work: () => Uint8Array) => {
      this.#call(call)
      this.uses++
      if (isForgotten || login !== this.#login) throw new TokenError(call, 'CKR_KEY_HANDLE_INVALID', 0x60)
      return this.givesGarbage ? new Uint8Array(32) : work()
    }
    this.copies++
    return {
      hmac: (parts) =>
        use('C_SignInit', () => parts.reduce((mac, part) => mac.update(part), createHmac('sha256', key)).digest()),
      digest: (head) => use('C_DigestKey', () => createHash('sha256').update(head).update(key).digest()),
      isReadable: () => this.isReadable,
      forget: () => {
        if (!isForgotten && login === this.#login) this.copies--
        isForgotten = true
      },
    }
  }

  #call(name: string): void {
    const failure = this.#failure
    if (failure === undefined || (failure.at ?? name) !== name) return
    this.#failed++
    if (this.#failed >= (failure.calls ?? Infinity)) this.#failure = undefined
    throw new TokenError(name, failure.code, failure.value)
  }
}
