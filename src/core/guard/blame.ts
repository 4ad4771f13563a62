import type { RejectReason } from '../events.ts'
import type { Failure } from './guard.ts'

/** What a rejection says about the source; nothing where it is not to blame. */
export const BLAME: Readonly<Partial<Record<RejectReason, Failure>>> = {
  'not-a-client': 'failure',
  'bad-hello': 'failure',
  'bad-digest': 'failure',
  'sni-mismatch': 'failure',
  'mode-not-allowed': 'failure',
  'trial-budget': 'failure',
  'handshake-timeout': 'failure',
  skew: 'failure',
  'first-byte-timeout': 'halfOpen',
  'client-ended': 'halfOpen',
  replay: 'replay',
}
