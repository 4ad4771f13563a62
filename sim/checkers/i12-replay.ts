import type { MakeChecker } from './index.ts'
import { keyOf, Ledger } from './ledger.ts'
import type { Identity } from './seen.ts'

/**
 * I12: an accepted hello or init is never accepted twice. Hellos show it by our answer, inits by being let in. After a loss of
 * power what carries no stamp may be forgotten.
 */
export const checkReplay: MakeChecker = (_scene, fail) => {
  const ledger = new Ledger()
  const openings = new Map<string, Identity>()
  const accepted = new Map<string, Identity>()
  const accept = (identity: Identity, how: string) => {
    if (accepted.has(identity.name)) fail(`${identity.isStamped ? 'a stamped' : 'an unstamped'} opening was ${how} twice`)
    accepted.set(identity.name, identity)
  }
  return {
    onEvent(event) {
      const address = ledger.take(event)
      if (event.kind !== 'authenticated' || event.mode === 'fake-tls' || address === undefined) return
      const identity = openings.get(address)
      if (identity !== undefined) accept(identity, 'let in')
    },
    onSeen(seen) {
      if (seen.kind === 'speaks') openings.set(keyOf(seen.address), seen.identity)
      if (seen.kind === 'answered') accept(seen.identity, 'answered')
    },
    onCrash(how) {
      ledger.crashed()
      if (how === 'kill') return
      for (const [name, identity] of accepted) if (!identity.isStamped) accepted.delete(name)
    },
  }
}
