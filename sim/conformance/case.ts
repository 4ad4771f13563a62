import type { Address, Clock, Random } from '../../src/core/ports.ts'
import type { ClientSecret } from '../../src/core/protocol/secret.ts'
import type { SimulatedTelegram } from '../telegram/serve.ts'
import type { Wire } from './wire.ts'

/** The proxy did not do what it must. */
export class Failed extends Error {
  /** What came instead. */
  readonly observed: Uint8Array | undefined

  constructor(why: string, observed?: Uint8Array) {
    super(why)
    this.observed = observed
  }
}

/** Cannot be tried here; the message says what it would take. */
export class Skipped extends Error {}

/** What a case has to work with. */
export interface Context {
  readonly target: Address
  readonly secret: ClientSecret
  /** The web site that the proxy hides behind, to ask it the same. */
  readonly mask: Address | undefined
  /** Ours, when the proxy was told to take it for Telegram. */
  readonly telegram: SimulatedTelegram | undefined
  /** The data centre asked for. */
  readonly dc: number
  /** The proxy takes PROXY headers from us. */
  readonly hasProxyHeaders: boolean
  readonly random: Random
  readonly clock: Clock
  /** Longest wait for an answer that must come. */
  readonly answerMs: number
  /** How long silence must last to count as silence. */
  readonly silenceMs: number
  /** By how much the end of an answer may come later than the site's. */
  readonly slackMs: number
  /** How often a question is put to proxy and site where answers are compared as a whole. */
  readonly samples: number
  /** Closed when the case is over. */
  dial(to?: Address): Promise<Wire>
}

/** What a case cannot do without. */
export type Need =
  | 'plain'
  | 'padded'
  | 'fake-tls'
  | 'obfuscated'
  | 'padding'
  | 'telegram'
  | 'mask'
  | 'proxy-headers'
  | 'no-proxy-headers'

export interface Case {
  readonly title: string
  readonly needs?: readonly Need[]
  /** Throws `Failed` or `Skipped`; passes otherwise. */
  readonly run: (context: Context) => Promise<void>
}

export interface Group {
  readonly title: string
  /** Its cases would be felt by each other. */
  readonly isSerial?: true
  readonly cases: readonly Case[]
}

export type Verdict = 'pass' | 'fail' | 'skip'

export interface Result {
  /** Group and case, from 1: `3.2`. Stays what it is: cases are added at the end of their group. */
  readonly id: string
  readonly group: string
  readonly title: string
  readonly verdict: Verdict
  /** Why it was not passed; empty when it was. */
  readonly why: string
  /** The first bytes that came instead, in hex. */
  readonly observed: string
  readonly tookMs: number
}

/** What is missing for that need, or undefined. */
export function missingFor(need: Need, { secret, telegram, mask, hasProxyHeaders }: Context): string | undefined {
  switch (need) {
    case 'plain':
    case 'padded':
    case 'fake-tls':
      return secret.mode === need ? undefined : `needs a ${need} secret`
    case 'obfuscated':
      return secret.mode === 'fake-tls' ? 'needs a plain or padded secret' : undefined
    case 'padding':
      return secret.mode === 'plain' ? 'needs a padded or fake-tls secret' : undefined
    case 'telegram':
      return telegram === undefined ? 'needs a proxy that takes --telegram for Telegram' : undefined
    case 'mask':
      return mask === undefined ? 'needs --mask, the web site behind the proxy' : undefined
    case 'no-proxy-headers':
      return hasProxyHeaders ? 'needs a proxy that does not take PROXY headers from us' : undefined
    case 'proxy-headers':
      return hasProxyHeaders ? undefined : 'needs --proxy-headers, and a proxy that takes them from us'
  }
}
