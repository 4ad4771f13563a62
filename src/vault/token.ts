import type { SecretUse } from './trial.ts'

/** CKR_PIN_INCORRECT, _INVALID, _LEN_RANGE, _EXPIRED, _LOCKED of PKCS#11 v2.40: a second try would be no better, and may lock the token. */
const PIN_CODES: readonly number[] = [0xa0, 0xa1, 0xa2, 0xa3, 0xa4]

/** A call of the PKCS#11 module that failed. The message is one line without anything secret. */
export class TokenError extends Error {
  /** CKR_... as a name, or the first words of what the module's loader said. */
  readonly code: string
  /** The function of PKCS#11, such as C_SignInit. */
  readonly call: string
  readonly isPinRefused: boolean

  constructor(call: string, code: string, value = 0) {
    super(`${call}: ${code}`)
    this.call = call
    this.code = code
    this.isPinRefused = PIN_CODES.includes(value)
  }
}

/** A secret that the token holds, ready for use: copies of its two objects that live as long as our login. */
export interface TokenSecret extends SecretUse {
  /** Whether the token hands out its value, which it must not. */
  isReadable(): boolean
  /** The copies are gone. Harmless where they are gone already. */
  forget(): void
}

/** Why a label names no secret that can be used: a few words for a message. */
export type SecretFault = string

export const NOT_THERE: SecretFault = 'there is none of that name'
export const ALL_RETIRED: SecretFault = 'all its generations are retired'

/** A generation of a secret that may be used. */
export interface TokenGeneration {
  /** 1..65,535; the same key has the same number however often it is found. */
  readonly number: number
  /** Unix seconds; from then on nobody gets in by it. Absent: it is the active one. */
  readonly untilSec?: number
  readonly secret: TokenSecret
}

/**
 * One token as the vault uses it. Every call may throw a `TokenError`; the session it was made in is thrown away then. All calls are
 * synchronous, as those of PKCS#11 are.
 */
export interface Token {
  /** Copies the secret of that label for use: its generations that may be used, the active one first. Empty: all are retired. */
  find(label: string): readonly TokenGeneration[] | { readonly fault: SecretFault }
  /** A key of ours that lives as long as our login, made as secrets are: to see what the token can do. */
  makeTrialKey(key: Uint8Array): TokenSecret
  /** Initialises the module anew and logs in. Whatever was found before is dead. */
  restart(): void
}
