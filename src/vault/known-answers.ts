import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { TokenError, type Token, type TokenSecret } from './token.ts'
import type { SecretUse } from './trial.ts'

/** Nobody's secret: it is known to all, so that what it gives is known too. */
const TRIAL_KEY = Uint8Array.from({ length: 16 }, (_, at) => at * 17)
const HEAD = Uint8Array.from({ length: 32 }, (_, at) => 255 - at)
/** About as long as a ClientHello, in two parts. */
const PARTS = [Uint8Array.from({ length: 32 }, (_, at) => at), new Uint8Array(485).fill(0x5a)]
const DIGEST = createHash('sha256').update(HEAD).update(TRIAL_KEY).digest()
const MAC = createHmac('sha256', TRIAL_KEY).update(PARTS[0]).update(PARTS[1]).digest()

/** How a token does what we need without letting the secret go. */
export type Route = 'digest-key + hmac'

export type Probed =
  /** The trial key stays, for the same tests later. */
  | { readonly route: Route; readonly trialKey: TokenSecret }
  /** `why` is one line: what the module cannot do, or does wrong. */
  | { readonly why: string }

/** Finds out by known answers what the token can do. */
export function probe(token: Token): Probed {
  const made = attempt('holding a key of 16 bytes that cannot be taken out', () => token.makeTrialKey(TRIAL_KEY))
  if ('why' in made) return made
  const trialKey = made.result
  const why =
    wrongWith('SHA-256 over a secret (C_DigestKey)', () => isSame(trialKey.digest(HEAD), DIGEST)) ??
    wrongWith('HMAC-SHA256 (CKM_SHA256_HMAC)', () => isSame(trialKey.hmac(PARTS), MAC)) ??
    wrongWith('keeping a secret to itself', () => !trialKey.isReadable())
  return why === undefined ? { route: 'digest-key + hmac', trialKey } : { why }
}

/** The same tests again on a key that passed them once. False: the answer is another one. Throws where there is none. */
export function stillAnswers(trialKey: SecretUse): boolean {
  return isSame(trialKey.digest(HEAD), DIGEST) && isSame(trialKey.hmac(PARTS), MAC)
}

function wrongWith(what: string, test: () => boolean): string | undefined {
  const tried = attempt(what, test)
  if ('why' in tried) return tried.why
  return tried.result ? undefined : `the module fails at ${what}: it gives another answer than everybody else`
}

function attempt<T>(what: string, act: () => T): { readonly result: T } | { readonly why: string } {
  try {
    return { result: act() }
  } catch (error) {
    if (!(error instanceof TokenError)) throw error
    return { why: `the module fails at ${what}: ${error.message}` }
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
