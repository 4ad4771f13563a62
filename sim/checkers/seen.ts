import type { Address } from '../../src/core/ports.ts'
import type { Part } from '../telegram/talk.ts'

/** What makes a hello or an init the one it is, whoever sends it: for I12. */
export interface Identity {
  /** Hex of the bytes that cannot be varied without losing the match. */
  readonly name: string
  readonly isStamped: boolean
  /** A replay under another stamp, which the MAC of a hello does not cover (protocol.md, 4.2). */
  readonly isRestamped?: boolean
}

/** How a probe went, beside the same probe made straight at the mask site. */
export interface ProbeResult {
  readonly received: Uint8Array
  readonly closed: 'open' | 'end' | 'reset'
  /** Virtual ms from the last byte of the script to the close; while open: until now. */
  readonly tookMs: number
  readonly hasSentAll: boolean
}

/** What the actors of a run tell the checkers. */
export type Seen =
  /** The connection from this address carries that talk, and opens with that hello or init. */
  | { readonly kind: 'speaks'; readonly address: Address; readonly talk: number; readonly identity: Identity }
  /** The connection from this address belongs to somebody who must never be let in. */
  | { readonly kind: 'stranger'; readonly address: Address; readonly name: string }
  | { readonly kind: 'answered'; readonly address: Address; readonly identity: Identity }
  /** A part of a talk came whole to a DC. */
  | { readonly kind: 'part-at-dc'; readonly part: Part; readonly at: Address }
  | { readonly kind: 'nonsense-at-dc'; readonly what: string }
  /** Something came to a client that its DC did not send. */
  | {
      readonly kind: 'nonsense-at-client'
      readonly address: Address
      readonly what: string
      /** A whole answer is missing, and what comes is the one behind it. */
      readonly isGap: boolean
    }
  | {
      readonly kind: 'probed'
      readonly name: string
      /** Its own, towards the proxy; undefined when it never got through. */
      readonly address: Address | undefined
      readonly expects: 'mask' | 'silence' | 'anything'
      readonly isTimed: boolean
      /** Whether links were without faults all the time. */
      readonly isCalm: boolean
      readonly proxy: ProbeResult
      readonly site: ProbeResult | undefined
    }
  | { readonly kind: 'talked'; readonly name: string; readonly mustEndWell: boolean; readonly outcome: string }
