import { REFUSALS, USER_REFUSALS, type RejectReason } from '../../src/core/events.ts'
import type { Visit } from './timeline.ts'

/** By limits, bans and rules: what other terms may decide otherwise. All else is what the client did. */
const OF_POLICY: ReadonlySet<RejectReason> = new Set([...REFUSALS, ...USER_REFUSALS, 'access', 'expired'])
/** Found out where secrets are tried, which an address of level "none" never gets to. */
const AFTER_SECRETS: ReadonlySet<RejectReason> = new Set<RejectReason>([
  ...(['bad-digest', 'trial-budget', 'skew', 'replay', 'replay-full', 'mode-not-allowed', 'vault-failed'] as const),
])

/** No secret was its own, of those that were tried. */
export function isTriedInVain({ rejected, trials }: Pick<Visit, 'rejected' | 'trials'>): boolean {
  return trials > 0 && (rejected === 'bad-digest' || rejected === 'trial-budget' || rejected === 'not-a-client')
}

export function isOfPolicy(reason: RejectReason): boolean {
  return OF_POLICY.has(reason)
}

export function afterSecrets(reason: RejectReason): boolean {
  return AFTER_SECRETS.has(reason)
}
